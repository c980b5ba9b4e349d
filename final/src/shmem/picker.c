/* The hot path of the client library.  It reads the cache line of the module (is the
 * private copy of its nodes still in force?), the cost and the counter of each node that
 * is looked at, and the thread's call log; it reads the clock once and makes no system
 * call.
 *
 * A call is counted as in flight before the generation of its node is compared: see
 * route_reader.c.  When the node was removed in between, the call is taken back, as
 * abandoned, and another node is picked.
 *
 * Invariant: nothing that is read from shared memory is used as an index before it was
 * bounded, by route_reader_read() or here.
 *
 * Rejected: one picker for all threads of a process, because they would wait for each
 * other; and choosing in the agent, because each call would need a round trip and would
 * fail while the agent is dead. */
#include "shmem/picker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "base/quick_clock.h"
#include "lb/policies.h"
#include "lb/scan_row.h"
#include "shmem/elsewhere.h"
#include "shmem/log_owner.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"
#include "shmem/segment_private.h"

#define TRIES 8                       /* picks whose node was removed concurrently */
#define AHEAD_MS 3000                 /* a step is never due so late: the clock began
                                       * anew */

struct module {
    uint64_t key;
    uint32_t mid;
    struct route_reader snap;
    struct net_addr *addr;            /* of each member of snap */
    struct pick_state st;
    struct pick_view view;
};

struct picker {
    struct segment *s;
    struct call_log *log;
    bool claimed;                     /* the log was taken by log_owner_take() */
    struct module *last;              /* most threads call one module */
    struct module **table;            /* open addressing, a power of two, half empty */
    uint32_t cap, n;
    struct rnd rnd;
    struct quick_clock clock;
};

/* --- modules ------------------------------------------------------------------------ */

static struct module **place_of(const struct picker *c, uint64_t key)
{
    uint32_t i = module_table_hash((uint32_t)(key >> 32), (uint32_t)key);

    for (;; i++) {
        struct module **m = &c->table[i & (c->cap - 1)];

        if (!*m || (*m)->key == key)
            return m;
    }
}

static int grow(struct picker *c)
{
    struct module **old = c->table;
    uint32_t i, cap = c->cap;

    c->table = calloc(2 * cap, sizeof(struct module *));
    if (!c->table) {
        c->table = old;
        return -ENOMEM;
    }
    c->cap = 2 * cap;
    for (i = 0; i < cap; i++)
        if (old[i])
            *place_of(c, old[i]->key) = old[i];
    free(old);
    return 0;
}

static int add_module(struct picker *c, uint64_t key, struct module **out)
{
    int64_t mid = module_table_find(c->s, (uint32_t)(key >> 32), (uint32_t)key);
    struct module *m;

    if (mid < 0)
        return -ESRCH;
    if (2 * c->n >= c->cap && grow(c) < 0)
        return -ENOMEM;
    m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->key = key;
    m->mid = (uint32_t)mid;
    rnd_init(&m->st.rnd, (uint64_t)rnd_u32(&c->rnd) << 32 | rnd_u32(&c->rnd));
    *place_of(c, key) = m;
    c->n++;
    *out = m;
    return 0;
}

static void free_module(struct module *m)
{
    if (!m)
        return;
    route_reader_free(&m->snap);
    free(m->addr);
    free(m->st.slot);
    free(m);
}

/* Do the ids of its nodes follow each other, so that lb/scan_row may be used? */
static bool is_in_row(const struct module *m)
{
    uint32_t i;

    for (i = 1; i < m->snap.n; i++)
        if (m->snap.member[i].nid != m->snap.member[0].nid + i)
            return false;
    return scan_row_is_possible();
}

/* The nodes have changed: read them, and make anew what is kept for each of them. */
static int refresh(struct picker *c, struct module *m)
{
    int rc = route_reader_read(c->s, m->mid, &m->snap);
    uint32_t i;

    if (rc < 0)
        return rc == -ENOENT ? -ESRCH : rc;
    free(m->addr);
    free(m->st.slot);
    m->addr = calloc(m->snap.n + 1, sizeof(*m->addr));
    m->st.slot = calloc(m->snap.n + 1, sizeof(*m->st.slot));
    m->st.policy = NULL;
    if (!m->addr || !m->st.slot) {
        m->snap.where = 0;            /* so the next call reads it again */
        return -ENOMEM;
    }
    for (i = 0; i < m->snap.n; i++)
        node_table_addr(c->s, m->snap.member[i].nid, &m->addr[i]);
    m->view = (struct pick_view){.cost = c->s->cost,
                                 .counter = c->s->counters->counter,
                                 .member = m->snap.member,
                                 .n = m->snap.n,
                                 .n_own = m->snap.n_own,
                                 .in_row = is_in_row(m)};
    return 0;
}

/* Is the agent's next step overdue?  It is dead, stopped or stuck. */
static bool is_alone(const struct picker *c, uint64_t now_ms)
{
    uint64_t late_ms = now_ms - segment_load64(&c->s->meta->beat_ms);

    return late_ms + AHEAD_MS > AHEAD_MS + PICK_ALONE_MS;
}

/* The module, with the nodes and the settings in force.  Returns 0; -ENOENT when it has
 * no nodes; else as picker_get(). */
static int module_of(struct picker *c, uint32_t modid, uint32_t cmdid, uint64_t now_ms,
                     struct module **out)
{
    uint64_t key = (uint64_t)modid << 32 | cmdid;
    struct module *m = c->last;
    const struct layout_module *shared;
    int rc = 0;

    if (segment_load(&c->s->meta->segment) != c->s->number)
        return -ESTALE;
    if (!m || m->key != key)
        m = *place_of(c, key);
    if (!m)
        rc = add_module(c, key, &m);
    if (rc == 0 && (m->snap.where == 0 || segment_where(c->s, m->mid) != m->snap.where))
        rc = refresh(c, m);
    if (rc < 0)
        return rc;
    shared = &c->s->module[m->mid];
    m->view.policy = policies_at(segment_load(&shared->rule));
    m->view.demand = segment_load(&shared->demand);
    m->view.own_max = segment_load(&shared->own_max);
    m->view.alone = is_alone(c, now_ms);
    c->last = m;
    *out = m;
    return m->snap.n > 0 ? 0 : -ENOENT;
}

/* --- a call ------------------------------------------------------------------------- */

static void drop_in_flight(struct picker *c, uint32_t nid)
{
    atomic_fetch_sub_explicit(&c->s->counters->counter[nid].inflight, 1,
                              memory_order_relaxed);
}

int picker_get(struct picker *c, uint32_t modid, uint32_t cmdid, uint64_t key,
               struct picker_pick *out)
{
    uint64_t now_us = quick_clock_us(&c->clock);
    struct call_log_end e;
    struct module *m;
    uint32_t i, try;
    int rc = module_of(c, modid, cmdid, now_us / 1000, &m);

    for (try = 0; rc == 0 && try < TRIES; try++) {
        i = pick_node(&m->view, &m->st, now_us / 1000, key, &out->why);
        if (out->n_avoid > 0 || i == PICK_NONE)
            i = elsewhere_pick(&m->view, m->addr, &m->st.rnd, i, out, now_us / 1000);
        if (i == PICK_NONE)
            return -EBUSY;
        out->nid = m->snap.member[i].nid;
        rc = call_log_begin(c->log, out->nid, m->mid, now_us, &out->token);
        if (rc < 0)
            return rc;
        if (out->token)               /* a full barrier: route_reader.c */
            atomic_fetch_add(&c->s->counters->counter[out->nid].inflight, 1);
        if (atomic_load(&c->s->gen[out->nid]) == m->snap.gen[i]) {
            out->addr = m->addr[i];
            out->mid = m->mid;
            out->segment = picker_segment_id(c);
            out->start_us = now_us;
            return 0;
        }
        if (out->token && call_log_finish(c->log, c->log, out->token, CALL_LOG_ABANDONED,
                                          now_us, 0, &e) == 0)
            drop_in_flight(c, out->nid);
        rc = module_of(c, modid, cmdid, now_us / 1000, &m);
    }
    return rc < 0 ? rc : -EAGAIN;
}

/* Does the end of a call change nothing for its node?  The common case. */
static inline bool is_usual(const struct picker *c, uint32_t nid, bool ok)
{
    const struct node_counter *n = &c->s->counters->counter[nid];

    return ok && segment_load(&n->streak) == 0 &&
           segment_load64(&n->ejected_until_ms) == 0;
}

/* Count a failure, or the end of a row of failures or of an ejection, for the node of a
 * call that has ended. */
static void judge(struct picker *c, const struct call_log_end *e, bool ok,
                  uint64_t now_us)
{
    const struct layout_module *shared = &c->s->module[e->mid];
    uint64_t begun_us = now_us > e->lat_us ? now_us - e->lat_us : 0;
    struct module *m;

    if (module_of(c, shared->modid, shared->cmdid, now_us / 1000, &m) == 0)
        pick_call_ended(&m->view, e->nid, segment_load(&shared->eject_after), ok,
                        begun_us / 1000, now_us / 1000);
}

static enum call_log_how how_of(enum picker_outcome how)
{
    return how == PICKER_FAILED      ? CALL_LOG_FAILED
           : how == PICKER_CANCELLED ? CALL_LOG_ABANDONED
                                     : CALL_LOG_OK;
}

/* A call that call_log_begin() gave no token: it is counted only now. */
static int end_untracked(struct picker *c, const struct picker_pick *p,
                         enum picker_outcome how, uint64_t penalty, uint64_t now_us,
                         struct call_log_end *e)
{
    e->lat_us = now_us > p->start_us ? now_us - p->start_us : 0;
    if (how == PICKER_CANCELLED)
        return 0;
    return call_log_count(c->log, p->nid, p->mid, how != PICKER_FAILED,
                          e->lat_us < penalty ? penalty : e->lat_us);
}

int picker_end(struct picker *c, struct call_log *opener, const struct picker_pick *p,
               enum picker_outcome how, uint64_t *lat_us)
{
    uint64_t now_us = quick_clock_us(&c->clock), penalty = 0;
    struct call_log_end e = {p->nid, p->mid, 0};
    int rc;

    if (p->segment != picker_segment_id(c) || p->nid >= c->s->max_nodes ||
        p->mid >= c->s->max_modules)
        return -ESTALE;
    if (how == PICKER_FAILED || how == PICKER_REJECTED)
        penalty = segment_load(&c->s->module[p->mid].penalty_us);
    if (p->token) {
        rc = call_log_finish(c->log, opener ? opener : c->log, p->token, how_of(how),
                             now_us, penalty, &e);
        if (rc == 0)
            drop_in_flight(c, e.nid);
    } else {
        rc = end_untracked(c, p, how, penalty, now_us, &e);
    }
    if (rc == 0 && how == PICKER_CANCELLED && p->why & PICK_PROBE)
        pick_give_back(&c->s->counters->counter[e.nid],
                       !segment_agent_is_alive(c->s, now_us / 1000), p->start_us / 1000);
    if (rc == 0 && how != PICKER_CANCELLED && !is_usual(c, e.nid, how != PICKER_FAILED))
        judge(c, &e, how != PICKER_FAILED, now_us);
    if (rc == 0 && lat_us)
        *lat_us = e.lat_us;
    return rc;
}

int picker_look(struct picker *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                struct net_addr *out)
{
    uint64_t now_ms = mono_ms();
    struct module *m;
    uint32_t i = PICK_NONE;
    int rc = module_of(c, modid, cmdid, now_ms, &m);

    if (rc == 0)
        i = pick_node(&m->view, &m->st, now_ms, key, NULL);
    if (rc == 0 && i == PICK_NONE)
        rc = -EBUSY;
    if (rc == 0)
        *out = m->addr[i];
    return rc;
}

int picker_count(struct picker *c, uint32_t modid, uint32_t cmdid,
                 const struct net_addr *addr, bool ok, uint64_t lat_us)
{
    struct call_log_end e = {.lat_us = lat_us};
    uint64_t penalty, now_us = mono_us();
    struct module *m;
    uint32_t i;
    int rc = module_of(c, modid, cmdid, now_us / 1000, &m);

    for (i = 0; rc == 0 && i < m->snap.n && !net_addr_equal(&m->addr[i], addr); i++)
        continue;
    if (rc < 0 || i == m->snap.n)
        return rc < 0 ? rc : -ENOENT;
    penalty = ok ? 0 : segment_load(&c->s->module[m->mid].penalty_us);
    e.nid = m->snap.member[i].nid;
    e.mid = m->mid;
    rc = call_log_count(c->log, e.nid, e.mid, ok, lat_us < penalty ? penalty : lat_us);
    if (rc == 0 && !is_usual(c, e.nid, ok))
        judge(c, &e, ok, now_us);
    return rc;
}

int picker_route(struct picker *c, uint32_t modid, uint32_t cmdid, struct net_addr *out,
                 unsigned max)
{
    struct module *m;
    int rc = module_of(c, modid, cmdid, mono_ms(), &m);

    if (rc < 0)
        return rc;
    if (m->snap.n > max)
        return -E2BIG;
    memcpy(out, m->addr, m->snap.n * sizeof(*out));
    return (int)m->snap.n;
}

/* --- create and destroy ------------------------------------------------------------- */

int picker_create(struct picker **out, const char *dir, uint32_t index)
{
    struct picker *c = calloc(1, sizeof(*c));
    int rc = c ? segment_open(&c->s, dir) : -ENOMEM;

    if (rc == 0) {
        c->claimed = index == PICKER_CLAIM;
        rc = c->claimed ? log_owner_take(&c->log, c->s)
                        : call_log_open(&c->log, c->s, index);
    }
    if (rc == 0) {
        rnd_init_any(&c->rnd);
        c->cap = 16;
        c->table = calloc(c->cap, sizeof(struct module *));
        rc = c->table ? 0 : -ENOMEM;
    }
    if (c && c->s)                    /* the folder is needed no more */
        segment_drop_folder(c->s);
    if (rc < 0)
        picker_destroy(c);
    else
        *out = c;
    return rc;
}

/* All but the call log. */
static void free_rest(struct picker *c)
{
    uint32_t i;

    for (i = 0; c->table && i < c->cap; i++)
        free_module(c->table[i]);
    free(c->table);
    segment_close(c->s);
    free(c);
}

void picker_destroy(struct picker *c)
{
    if (!c)
        return;
    if (c->claimed)
        log_owner_give(c->s, c->log);
    else
        call_log_close(c->log);
    free_rest(c);
}

void picker_forget(struct picker *c)
{
    call_log_forget(c->log);
    free_rest(c);
}

bool picker_owns_log(const struct picker *c)
{
    return !c->claimed || log_owner_holds(c->s, c->log);
}

/* The files of a folder that was emptied have no names, but its agent has them mapped. */
bool picker_is_collected(const struct picker *c)
{
    if (segment_load(&c->s->meta->segment) == 0)
        return segment_agent_is_alive(c->s, mono_ms());
    return call_log_has_name(c->log);
}

struct call_log *picker_log(const struct picker *c)
{
    return c->log;
}

const struct segment *picker_segment(const struct picker *c)
{
    return c->s;
}

uint64_t picker_segment_id(const struct picker *c)
{
    return c->s->inode << 32 | c->s->number;
}
