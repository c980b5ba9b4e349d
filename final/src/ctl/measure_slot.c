/* The thread has a connection of its own and renews the row, also while the command waits
 * for the node, which may take longer than a row lasts.  What it reads last is given to
 * the command under the lock.
 *
 * Rejected: renewing between two requests of the load.  A slow database would make the
 * generator late. */
#include "ctl/measure_slot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "base/net_addr.h"
#include "base/worker.h"
#include "ops/measure_change.h"

#define RENEW_MS 500
#define ANSWER_MS 15000 /* a leader answers within so long */
#define READY_MS 120000 /* a node is ready within so long */
#define AWAY_MS 10000 /* the database may be away for so long */

struct measure_slot {
    struct ctl *c;
    struct sqldb *db; /* the thread's */
    struct worker *worker;
    char token[MEASURE_CHANGE_TOKEN];
    struct measure_change_state state; /* under the worker's lock */
    char at[NET_ADDR_STRLEN]; /* set before measure_slot_take() returns, as <ip> */
    uint32_t ip;
    char class[MEASURE_SLOT_CLASS];
    char why[CHANGE_WHY]; /* written before <warns> */
    atomic_bool warns;
};

static void warn(struct measure_slot *m, const char *why)
{
    if (m->warns)
        return;
    snprintf(m->why, CHANGE_WHY, "%s", why);
    m->warns = true;
}

static void keep(void *arg)
{
    struct measure_slot *m = arg;
    uint64_t read_ms = mono_ms();

    do {
        struct measure_change_state s;
        int rc = measure_change_renew(m->db, m->token, &s);

        if (rc == 0) {
            read_ms = mono_ms();
            worker_lock(m->worker);
            m->state = s;
            worker_unlock(m->worker);
            if (s.state == MEASURE_LOST)
                warn(m, s.why);
        } else if (mono_ms() > read_ms + AWAY_MS) {
            warn(m, "the database cannot be reached, so the slot is lost");
        }
    } while (worker_pause(m->worker, RENEW_MS));
    sqldb_close(m->db); /* in the thread that used it */
    m->db = NULL;
}

static void look(struct measure_slot *m, struct measure_change_state *out)
{
    worker_lock(m->worker);
    *out = m->state;
    worker_unlock(m->worker);
}

static int say_late(const struct measure_change_state *s)
{
    if (s->state == MEASURE_ASKED)
        return ctl_say(CTL_FAILED,
                       "no lars-autoscaler has answered within %d s: see larsctl scale "
                       "list and its log",
                       ANSWER_MS / 1000);
    return ctl_say(
        CTL_FAILED,
        "the node in slot %u of %s was not ready within %d s: see larsctl host "
        "slots %s",
        s->slot, s->host, READY_MS / 1000, s->host);
}

static void note_node(struct measure_slot *m, const struct measure_change_state *s)
{
    struct in_addr a = {htonl(s->ip)};
    char ip[INET_ADDRSTRLEN] = "";

    inet_ntop(AF_INET, &a, ip, sizeof(ip));
    snprintf(m->at, sizeof(m->at), "%s:%u", ip, s->port);
    snprintf(m->class, sizeof(m->class), "%s", s->class);
    m->ip = s->ip;
    fprintf(stderr, "the node runs in slot %u of %s, at %s, and is not in the route\n",
            s->slot, s->host, m->at);
}

static int wait_until_ready(struct measure_slot *m)
{
    struct measure_change_state s = {.state = MEASURE_ASKED};
    uint64_t begin_ms = mono_ms();

    for (;;) {
        uint64_t waited_ms = mono_ms() - begin_ms;

        look(m, &s);
        if (m->warns)
            return ctl_say(CTL_FAILED, "no node to measure: %s", m->why);
        if (s.state == MEASURE_READY && s.port > 0) {
            note_node(m, &s);
            return CTL_OK;
        }
        if (waited_ms > (s.state == MEASURE_ASKED ? ANSWER_MS : READY_MS))
            return say_late(&s);
        poll(NULL, 0, 100);
    }
}

static int start(struct measure_slot *m)
{
    int rc = sqldb_open(&m->db, m->c->db_config);

    if (rc == 0)
        rc = worker_create(&m->worker);
    if (rc == 0)
        rc = worker_start(m->worker, keep, m);
    return rc;
}

int measure_slot_take(struct measure_slot **out, struct ctl *c, uint32_t modid,
                      uint32_t cmdid, const char *class)
{
    const struct audit_actor who = ctl_actor(c);
    struct measure_slot *m = calloc(1, sizeof(*m));
    char why[CHANGE_WHY];
    int code, rc;

    if (!m)
        return ctl_say(CTL_FAILED, "no memory");
    m->c = c;
    m->state.state = MEASURE_ASKED;
    rc = measure_change_ask(c->db, &who, modid, cmdid, class, m->token, why);
    if (rc < 0) {
        free(m);
        return rc == -EBUSY ? ctl_say(CTL_FAILED, "%s", why) : ctl_db_failed(c, rc);
    }
    rc = start(m);
    code = rc < 0 ? ctl_say(CTL_FAILED, "the slot cannot be kept: no thread or no memory")
                  : wait_until_ready(m);
    if (code == CTL_OK)
        *out = m;
    else
        measure_slot_end(m);
    return code;
}

void measure_slot_end(struct measure_slot *m)
{
    int rc;

    if (!m)
        return;
    worker_destroy(m->worker);
    sqldb_close(m->db); /* of a thread that has not begun */
    rc = measure_change_end(m->c->db, m->token);
    if (rc < 0)
        ctl_say(CTL_FAILED, "the slot is emptied in %d s: %s", MEASURE_CHANGE_KEEP_S,
                sqldb_error(m->c->db));
    free(m);
}

const char *measure_slot_at(const struct measure_slot *m)
{
    return m->at;
}

uint32_t measure_slot_ip(const struct measure_slot *m)
{
    return m->ip;
}

const char *measure_slot_class(const struct measure_slot *m)
{
    return m->class;
}

bool measure_slot_warns(const struct measure_slot *m)
{
    return m && m->warns;
}

const char *measure_slot_why(const struct measure_slot *m)
{
    return m->why;
}
