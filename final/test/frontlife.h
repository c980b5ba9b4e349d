/* frontlife.h -- hosts with gateways in virtual time: the rows, the probes and the
 * program that a test plays, two standby hosts and two configured gateways at first.
 * Thread: that of the test. */
#ifndef LARS_TEST_FRONTLIFE_H
#define LARS_TEST_FRONTLIFE_H

#include "scale/front_life.h"

#include "t.h"

#define S_MS UINT64_C(1000)

static struct front_life_config cfg;
static struct front_life *life;
static struct snapshot_front host[4];
static struct front_life_probe probe[4];
static struct front_life_input in;
static struct front_life_output out;
static uint64_t now;
static unsigned n_command[3]; /* given, by kind */
static int ran = -1; /* the host of the last command */

static inline int setup(void **state)
{
    static const char *const names[] = {"g1", "g2", "g3", "g4"};
    size_t i;

    (void)state;
    cfg = (struct front_life_config){.has_program = true,
                                     .busy = 0.7,
                                     .calm = 0.45,
                                     .busy_ms = 10 * S_MS,
                                     .calm_ms = 900 * S_MS,
                                     .start_ms = 120 * S_MS,
                                     .drain_ms = 60 * S_MS,
                                     .hold_ms = 300 * S_MS};
    memset(host, 0, sizeof(host));
    memset(n_command, 0, sizeof(n_command));
    for (i = 0; i < 4; i++) {
        snprintf(host[i].name, sizeof(host[i].name), "%s", names[i]);
        snprintf(host[i].zone, sizeof(host[i].zone), "%s", i % 2 ? "b" : "a");
        probe[i] = (struct front_life_probe){0, 0, ""};
    }
    now = 1000 * S_MS;
    in = (struct front_life_input){
        .host = host, .probe = probe, .n = 2, .n_configured = 2, .busy = 0.5};
    in.whole = true;
    assert_int_equal(front_life_create(&life, &cfg), 0);
    front_life_lead(life, now);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    front_life_destroy(life);
    return 0;
}

/* A round of one second: what comes out is in the rows, as front.c writes it. */
static inline void turn(void)
{
    enum front_command c;
    size_t i;

    in.now_ms = now;
    front_life_round(life, &in, &out);
    for (i = 0; i < out.n_change; i++) {
        struct snapshot_front *h = &host[out.change[i].host];

        *h = out.change[i].to;
        if (h->entered)
            h->age_ms = 0;
        h->entered = false;
    }
    if (out.n_change == 0) {
        ran = front_life_command(life, host, in.n, now, &c);
        if (ran >= 0)
            n_command[c]++;
    }
    now += S_MS;
    for (i = 0; i < in.n; i++)
        host[i].age_ms += S_MS;
}

static inline void turns(unsigned n)
{
    while (n-- > 0)
        turn();
}

static inline void accept(size_t i, enum front_command c)
{
    front_life_accepted(life, host[i].name, c);
    turn();
    assert_true(host[i].done);
}

/* Host <i> is announced, accepted and seen. */
static inline void serve(size_t i)
{
    host[i].state = SNAPSHOT_FRONT_ANNOUNCED;
    host[i].done = host[i].seen = host[i].ever_seen = true;
    host[i].age_ms = 1000 * S_MS;
    probe[i].n_ok = 1000;
}

#endif
