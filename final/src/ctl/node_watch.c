/* A gateway that does not answer is passed over: guard.c ends the measurement when one is
 * silent, and here only what was answered can be compared. */
#include "ctl/node_watch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/net_addr.h"
#include "base/rnd.h"
#include "base/worker.h"
#include "ctl/host_times.h"
#include "fleet/gateway_client.h"

#define GATES 32
#define PERIOD_MS 2000
#define USUAL_ROUNDS 5 /* periods in which the usual time is learnt */
#define ASK_MS 1000

struct gate {
    char at[NET_ADDR_STRLEN], epoch[GATEWAY_CLIENT_EPOCH];
    struct nodes_answer *last; /* NULL = none yet */
};

struct node_watch {
    struct worker *worker;
    struct fleet_keys *keys;
    struct gate gate[GATES];
    unsigned n;
    uint64_t id, n_asked; /* make each question another one */
    struct host_times times;
    struct node_minutes minutes;
    char why[NODE_WATCH_WHY]; /* written before <warns> */
    atomic_bool warns;
};

/* Returns the answer, which the caller frees; NULL with a sentence in <why>. */
static struct nodes_answer *ask(struct node_watch *w, struct gate *g,
                                char why[GATEWAY_CLIENT_WHY])
{
    struct nodes_answer *a = malloc(sizeof(*a));
    char body[60];
    json_t *o = NULL;
    int rc = a ? 0 : -ENOMEM;

    snprintf(why, GATEWAY_CLIENT_WHY, "%s: no memory, or no answer about nodes", g->at);
    snprintf(body, sizeof(body), "{\"id\": \"%016" PRIx64 "-%" PRIu64 "w\"}", w->id,
             w->n_asked++);
    if (rc == 0)
        rc =
            gateway_client_ask(g->at, w->keys, "/nodes", body, ASK_MS, g->epoch, &o, why);
    if (rc == 0)
        rc = nodes_answer_read(a, o);
    json_decref(o);
    if (rc == 0)
        return a;
    free(a);
    return NULL;
}

/* What grew since the last round, of all gateways, into <minutes>. */
static void look(struct node_watch *w)
{
    char why[GATEWAY_CLIENT_WHY];
    unsigned i;

    w->minutes.n = 0;
    for (i = 0; i < w->n; i++) {
        struct gate *g = &w->gate[i];
        struct nodes_answer *a = ask(w, g, why);

        if (!a)
            continue;
        if (g->last)
            node_minutes_add(&w->minutes, g->last, a);
        free(g->last);
        g->last = a;
    }
}

static void watch(void *arg)
{
    struct node_watch *w = arg;

    while (!w->warns && worker_pause(w->worker, PERIOD_MS)) {
        look(w);
        if (!host_times_add(&w->times, &w->minutes))
            continue;
        snprintf(w->why, sizeof(w->why),
                 "visitors wait longer for the other nodes of the host: more than %d %% "
                 "of their answers began later than 1.2 times the usual p99 of %" PRIu64
                 " us",
                 HOST_TIMES_LATE_PERCENT, w->times.usual_us);
        w->warns = true;
    }
}

/* --- create ------------------------------------------------------------------------- */

static int add_gates(struct node_watch *w, const char *list, char why[NODE_WATCH_WHY])
{
    char one[GATEWAY_CLIENT_WHY];
    const char *p = list + strspn(list, " ,\t");
    size_t len;

    for (; *p; p += strspn(p, " ,\t")) {
        struct gate *g = &w->gate[w->n];

        len = strcspn(p, " ,\t");
        if (w->n == GATES || len >= sizeof(g->at)) {
            snprintf(why, NODE_WATCH_WHY, "%.100s is no list of up to %d addresses", list,
                     GATES);
            return -EINVAL;
        }
        memcpy(g->at, p, len);
        p += len;
        w->n++;
        g->last = ask(w, g, one);
        if (!g->last) {
            snprintf(why, NODE_WATCH_WHY, "%s", one);
            return -EPROTO;
        }
    }
    return 0;
}

/* The thread does not run yet: the caller waits. */
static int learn(struct node_watch *w, char why[NODE_WATCH_WHY])
{
    unsigned i;

    for (i = 0; i < USUAL_ROUNDS; i++) {
        poll(NULL, 0, PERIOD_MS);
        look(w);
        host_times_add_usual(&w->times, &w->minutes);
    }
    if (host_times_begin(&w->times))
        return 0;
    snprintf(why, NODE_WATCH_WHY,
             "fewer than %d answers of its nodes in %d s: how long visitors wait is not "
             "watched",
             HOST_TIMES_ANSWERS, USUAL_ROUNDS * PERIOD_MS / 1000);
    return -ENODATA;
}

static int prepare(struct node_watch *w, const char *list, const char *key_file,
                   char why[NODE_WATCH_WHY])
{
    char err[CONF_ERR_MAX];
    struct rnd r;
    int rc = fleet_keys_create(&w->keys, key_file, "[gateways] key_file", err);

    if (rc < 0) {
        snprintf(why, NODE_WATCH_WHY, "%s", err);
        return rc;
    }
    rnd_init_any(&r);
    w->id = (uint64_t)rnd_u32(&r) << 32 | rnd_u32(&r);
    rc = worker_create(&w->worker);
    if (rc == 0)
        rc = add_gates(w, list, why);
    if (rc == 0)
        rc = learn(w, why);
    return rc == 0 ? worker_start(w->worker, watch, w) : rc;
}

int node_watch_create(struct node_watch **out, const char *list, const char *key_file,
                      uint32_t ip, char why[NODE_WATCH_WHY])
{
    struct node_watch *w = calloc(1, sizeof(*w));
    int rc = w ? gateway_client_init() : -ENOMEM;

    snprintf(why, NODE_WATCH_WHY, "no memory or no thread to watch visitors");
    if (rc < 0) {
        free(w);
        return rc;
    }
    w->times.ip = ip;
    rc = prepare(w, list, key_file, why);
    if (rc < 0)
        node_watch_destroy(w);
    else
        *out = w;
    return rc;
}

void node_watch_destroy(struct node_watch *w)
{
    unsigned i;

    if (!w)
        return;
    worker_destroy(w->worker);
    for (i = 0; i < w->n; i++)
        free(w->gate[i].last);
    fleet_keys_destroy(w->keys);
    gateway_client_fini();
    free(w);
}

bool node_watch_warns(const struct node_watch *w)
{
    return w && w->warns;
}

const char *node_watch_why(const struct node_watch *w)
{
    return w->why;
}
