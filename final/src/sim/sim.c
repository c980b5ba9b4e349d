/* A call:  arrival -> choice -> network -> queue of the node -> worker -> network -> end,
 * or its time-out, whichever is first.  A node keeps working on a call that has timed
 * out, as real servers do; that is why an overload does not end by itself.
 *
 * Invariant: a call's entry is free only when its caller has an end and no node has it.
 * Events carry the entry's generation, so an event about an earlier call is recognised.
 *
 * Rejected: a model of each policy in a scripting language, because it would then be the
 * model that is tested, and not the code that chooses in production. */
#include "sim/sim.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/rnd.h"
#include "lb/classic.h"
#include "sim/events.h"
#include "sim/sim_agent.h"
#include "sim/sim_faults.h"
#include "sim/tally.h"

#define NET_US 250                    /* through the network, one way */
#define REFUSED_US 500                /* until a dead node has refused a call */
#define HICCUP_EVERY_S 12.0           /* mean, exponential */
#define HICCUP_MIN_S 0.5
#define HICCUP_MAX_S 2.0
#define HICCUP_SPEED 0.2              /* of the node's speed */
#define CHECK_US 1000                 /* until a check has a result */
#define CHECK_TIMEOUT_US 1000000
#define CALLS 65536                   /* entries; 0 is reserved: "none" */

enum event_type {
    ARRIVAL,
    AT_NODE,
    SERVED,
    REPLY,
    TIMEOUT,
    TICK,
    CHECK,                            /* has ended; id: host x SIM_NODES + node */
    HICCUP,
    HICCUP_END,
    HALF,                             /* of the run: dead and silent nodes begin */
    CHANGE                            /* id: its index in cfg.change */
};

struct call {
    uint32_t host, node, gen;         /* gen: number of calls that had this entry */
    uint64_t begun;
    bool ended, failed;               /* for the caller; its answer will be an error */
    bool working;                     /* in the queue or in a worker of a node */
    uint32_t next;                    /* in a queue or in the free list; 0 = end */
};

struct queue {                        /* of calls, by struct call.next; 0 = empty */
    uint32_t first, last;
};

struct node {
    struct queue waiting;
    uint32_t busy;
    double now;                       /* its speed at this moment */
    uint64_t n;                       /* calls that were sent to it */
};

struct host {
    struct sim_agent agent;
    struct classic *classic;          /* of SIM_CLASSIC */
};

struct sim {
    struct sim_config cfg;
    struct rnd rnd;
    uint64_t now, end;                /* microseconds */
    struct events events;
    struct call *call;
    uint32_t free_call;
    struct node node[SIM_NODES];
    struct host *host;
    struct queue all;                 /* SIM_ORACLE: calls that wait for any node */
    struct tally tally;
    double gap_us;                    /* mean time between two calls at cfg.load */
    struct sim_faults faults;         /* at this moment */
};

const struct sim_config sim_preset = {
    .seed = 1,
    .balancer = SIM_POLICY,
    .n_host = 20,
    .n_node = 32,
    .n_own = 32,
    .speed = {.5, .5, .5, .5, .5, .5, .5, .5, 1, 1, 1, 1, 1, 1, 1, 1,
              1,  1,  1,  1,  1,  1,  1,  1,  2, 2, 2, 2, 2, 2, 2, 2},
    .n_worker = 4,
    .service_ms = 10,
    .load = 0.7,
    .hiccups = true,
    .check = NODE_CHECK_SERVICE,
    .seconds = 60,
    .timeout_ms = 1000,
    .tick_ms = 10,
};

static double uniform(struct sim *s)
{
    return (rnd_u32(&s->rnd) + 0.5) / 4294967296.0;
}

static double exponential(struct sim *s, double mean)
{
    return -mean * log(uniform(s));
}

static void add_event(struct sim *s, uint64_t at, uint32_t type, uint32_t id,
                      uint32_t gen)
{
    events_add(&s->events, at, type, id, gen);
}

/* --- calls -------------------------------------------------------------------------- */

static void push(struct sim *s, struct queue *q, uint32_t id)
{
    s->call[id].next = 0;
    if (q->first)
        s->call[q->last].next = id;
    else
        q->first = id;
    q->last = id;
}

static uint32_t pop(struct sim *s, struct queue *q)
{
    uint32_t id = q->first;

    if (id)
        q->first = s->call[id].next;
    return id;
}

static void free_if_over(struct sim *s, uint32_t id)
{
    struct call *c = &s->call[id];

    if (!c->ended || c->working)
        return;
    c->gen++;
    c->next = s->free_call;
    s->free_call = id;
}

/* Has the agent of <host> been dead for <ms>? */
static bool is_agent_dead(const struct sim *s, uint32_t host, uint32_t ms)
{
    int64_t died = (int64_t)(s->end / 2) + (int64_t)s->cfg.agent_gap_ms * 1000;

    return (s->cfg.agent_dead >> host & 1) != 0 &&
           (int64_t)s->now >= died + (int64_t)ms * 1000;
}

static void serve(struct sim *s, uint32_t node, uint32_t id)
{
    struct node *n = &s->node[node];

    n->busy++;
    s->call[id].node = node;
    add_event(s, s->now + (uint64_t)exponential(s, s->cfg.service_ms * 1000 / n->now),
              SERVED, id, s->call[id].gen);
}

static void count_call(struct sim *s, const struct call *c, bool ok)
{
    const struct sim_call seen = {c->host, c->node, c->begun, s->now, ok};

    tally_add(&s->tally, &seen);
    if (s->cfg.ended)
        s->cfg.ended(&seen, s->cfg.arg);
}

static void end_call(struct sim *s, uint32_t id, bool ok)
{
    struct call *c = &s->call[id];
    struct host *h = &s->host[c->host];
    uint64_t lat = s->now - c->begun;
    struct sim_agent *a = &h->agent;
    struct health_totals *t = &a->totals[c->node];

    c->ended = true;
    if (s->cfg.balancer == SIM_POLICY) {
        a->controller.view.alone = is_agent_dead(s, c->host, PICK_ALONE_MS);
        a->counter[c->node].inflight--;
        t->done++;
        t->err += !ok;
        t->lat_us +=
            !ok && lat < a->controller.penalty_us ? a->controller.penalty_us : lat;
        pick_call_ended(&a->controller.view, c->node, a->controller.eject_after, ok,
                        c->begun / 1000, s->now / 1000);
    } else if (s->cfg.balancer == SIM_CLASSIC) {
        classic_report(h->classic, &(struct route_node){c->node + 1, 1, 0, 0}, ok,
                       (uint32_t)(lat / 1000), s->now / 1000);
    }
    count_call(s, c, ok);
}

/* SIM_ORACLE: the fastest node that has a free worker; -1 = none has. */
static int fastest(const struct sim *s)
{
    uint32_t i;
    int best = -1;

    for (i = 0; i < s->cfg.n_node; i++)
        if (s->node[i].busy < s->cfg.n_worker &&
            !sim_faults_has(s->faults.dead | s->faults.silent, i) &&
            (best < 0 || s->node[i].now > s->node[best].now))
            best = (int)i;
    return best;
}

static uint32_t choose(struct sim *s, uint32_t id)
{
    struct host *h = &s->host[id];
    struct sim_agent *a = &h->agent;
    struct route_node n;
    uint32_t i;

    if (s->cfg.balancer != SIM_POLICY)
        return classic_pick(h->classic, &n) == 0 ? n.ip - 1 : UINT32_MAX;
    a->controller.view.alone = is_agent_dead(s, id, PICK_ALONE_MS);
    i = pick_node(&a->controller.view, &a->st, s->now / 1000, rnd_u32(&s->rnd), NULL);
    return i == PICK_NONE ? UINT32_MAX : a->member[i].nid;
}

static void begin_call(struct sim *s)
{
    uint32_t id = s->free_call, host = rnd_u32(&s->rnd) % s->cfg.n_host, node = 0;
    struct call *c = &s->call[id];
    bool oracle = s->cfg.balancer == SIM_ORACLE;

    add_event(s, s->now + 1 + (uint64_t)exponential(s, s->gap_us / s->faults.load),
              ARRIVAL, 0, 0);
    if (!id)
        return;                       /* every entry is in use: overload anyway */
    if (!oracle)
        node = choose(s, host);
    s->free_call = c->next;
    *c = (struct call){.host = host, .node = node, .gen = c->gen, .begun = s->now};
    c->failed = uniform(s) < (node < s->cfg.n_node ? s->faults.err[node] : 1);
    if (node == UINT32_MAX) {         /* there is no node for it: an error at once */
        count_call(s, c, false);
        c->ended = true;
        free_if_over(s, id);
        return;
    }
    if (s->cfg.balancer == SIM_POLICY)
        s->host[host].agent.counter[node].inflight++;
    s->node[node].n += s->now >= TALLY_WARM_US;
    add_event(s, s->now + (uint64_t)(s->cfg.timeout_ms * 1000), TIMEOUT, id, c->gen);
    if (!oracle && sim_faults_has(s->faults.dead, node)) {
        c->failed = true;
        add_event(s, s->now + REFUSED_US, REPLY, id, c->gen);
    } else if (oracle || !sim_faults_has(s->faults.silent, node)) {
        c->working = true;
        add_event(s, s->now + NET_US, AT_NODE, id, c->gen);
    }
}

static void on_node(struct sim *s, uint32_t id)
{
    uint32_t node = s->call[id].node;
    int best;

    if (s->cfg.balancer == SIM_ORACLE) {
        best = fastest(s);
        if (best >= 0)
            serve(s, (uint32_t)best, id);
        else
            push(s, &s->all, id);
    } else if (s->node[node].busy < s->cfg.n_worker) {
        serve(s, node, id);
    } else {
        push(s, &s->node[node].waiting, id);
    }
}

static void on_served(struct sim *s, uint32_t id)
{
    struct node *n = &s->node[s->call[id].node];
    uint32_t next = pop(s, s->cfg.balancer == SIM_ORACLE ? &s->all : &n->waiting);

    n->busy--;
    if (next)
        serve(s, s->call[id].node, next);
    s->call[id].working = false;
    if (s->call[id].ended)
        free_if_over(s, id);
    else
        add_event(s, s->now + NET_US, REPLY, id, s->call[id].gen);
}

/* --- hosts -------------------------------------------------------------------------- */

static void begin_check(struct sim *s, uint32_t host, uint32_t node)
{
    bool hangs =
        sim_faults_has(s->faults.silent, node) && s->cfg.check == NODE_CHECK_SERVICE;

    add_event(s, s->now + (hangs ? CHECK_TIMEOUT_US : CHECK_US), CHECK,
              host * SIM_NODES + node, 0);
}

static void on_check(struct sim *s, uint32_t id)
{
    uint32_t node = id % SIM_NODES;
    uint64_t bad =
        s->faults.dead | (s->cfg.check == NODE_CHECK_PORT ? 0 : s->faults.silent);

    if (is_agent_dead(s, id / SIM_NODES, 0))
        return;
    sim_agent_checked(&s->host[id / SIM_NODES].agent, node, s->cfg.check,
                      !sim_faults_has(bad, node), s->now / 1000);
}

static void on_tick(struct sim *s, uint32_t id)
{
    uint64_t checks = 0;
    uint32_t i;

    if (is_agent_dead(s, id, 0))
        return;
    if (s->cfg.balancer == SIM_CLASSIC)
        classic_tick(s->host[id].classic, s->now / 1000);
    else
        checks = sim_agent_tick(&s->host[id].agent, s->now / 1000);
    for (i = 0; i < s->cfg.n_node; i++)
        if (checks >> i & 1)
            begin_check(s, id, i);
    add_event(s, s->now + s->cfg.tick_ms * 1000, TICK, id, 0);
}

static int start_host(struct sim *s, uint32_t id)
{
    struct host *h = &s->host[id];
    struct route_node node[SIM_NODES];
    uint64_t seed = (uint64_t)rnd_u32(&s->rnd) << 32 | rnd_u32(&s->rnd);
    uint32_t i;
    int rc;

    sim_agent_init(&h->agent, &s->cfg, id, seed);
    for (i = 0; i < s->cfg.n_node; i++)
        node[i] = (struct route_node){i + 1, 1, 0, 0};
    rc = classic_create(&h->classic, &classic_defaults);
    if (rc == 0)
        rc = classic_set_nodes(h->classic, node, s->cfg.n_node, 0);
    add_event(s, rnd_u32(&s->rnd) % (s->cfg.tick_ms * 1000), TICK, id, 0);
    return rc;
}

/* --- a run -------------------------------------------------------------------------- */

static void on_hiccup(struct sim *s, const struct event *e)
{
    double for_s = HICCUP_MIN_S + (HICCUP_MAX_S - HICCUP_MIN_S) * uniform(s);
    bool begins = e->type == HICCUP;

    s->node[e->id].now = s->cfg.speed[e->id] * (begins ? HICCUP_SPEED : 1);
    if (begins)
        add_event(s, s->now + (uint64_t)(for_s * 1e6), HICCUP_END, e->id, 0);
    else
        add_event(s, s->now + (uint64_t)exponential(s, HICCUP_EVERY_S * 1e6), HICCUP,
                  e->id, 0);
}

static void on_change(struct sim *s, const struct sim_change *c)
{
    uint32_t i;

    sim_faults_change(&s->faults, c);
    for (i = 0; i < s->cfg.n_node && c->what == SIM_SPEED; i++)
        if (sim_faults_has(c->nodes, i))
            s->node[i].now = s->cfg.speed[i] = c->value;
}

static void happen(struct sim *s, const struct event *e)
{
    struct call *c = &s->call[e->type == CHECK || e->type == CHANGE ? 0 : e->id];

    if (e->type == ARRIVAL)
        begin_call(s);
    else if (e->type == TICK)
        on_tick(s, e->id);
    else if (e->type == CHECK)
        on_check(s, e->id);
    else if (e->type == HICCUP || e->type == HICCUP_END)
        on_hiccup(s, e);
    else if (e->type == CHANGE)
        on_change(s, &s->cfg.change[e->id]);
    else if (e->type == HALF)
        sim_faults_half(&s->faults, &s->cfg);
    else if (e->gen != c->gen)
        return;                       /* about an earlier call of this entry */
    else if (e->type == AT_NODE)
        on_node(s, e->id);
    else if (e->type == SERVED)
        on_served(s, e->id);
    else if (!c->ended) {             /* REPLY, TIMEOUT */
        end_call(s, e->id, e->type == REPLY && !c->failed);
        free_if_over(s, e->id);
    }
}

static void sum_up(struct sim *s, struct sim_result *out)
{
    double total = 0, speed = 0, share;
    uint32_t i;

    tally_result(&s->tally, out);
    out->min_share = 1e9;
    for (i = 0; i < s->cfg.n_node; i++) {
        total += (double)s->node[i].n;
        speed += s->cfg.speed[i];
    }
    for (i = 0; i < s->cfg.n_node && total > 0; i++) {
        share = (double)s->node[i].n / total / (s->cfg.speed[i] / speed);
        out->max_share = share > out->max_share ? share : out->max_share;
        out->min_share = share < out->min_share ? share : out->min_share;
    }
}

/* The first events, so that at one time with others they come before them. */
static void start_faults(struct sim *s)
{
    uint32_t i;

    sim_faults_init(&s->faults, &s->cfg);
    if (s->cfg.dead | s->cfg.silent)
        add_event(s, s->end / 2, HALF, 0, 0);
    for (i = 0; i < s->cfg.n_change; i++)
        add_event(s, (uint64_t)(s->cfg.change[i].at_s * 1e6), CHANGE, i, 0);
}

static int start_run(struct sim *s)
{
    double capacity = 0;
    uint32_t i;
    int rc = 0;

    s->call = calloc(CALLS, sizeof(*s->call));
    s->host = calloc(s->cfg.n_host, sizeof(*s->host));
    if (!s->call || !s->host || tally_init(&s->tally, s->end) < 0)
        return -ENOMEM;
    start_faults(s);
    for (i = 1; i + 1 < CALLS; i++)
        s->call[i].next = i + 1;
    s->free_call = 1;
    for (i = 0; i < s->cfg.n_node; i++) {
        s->node[i].now = s->cfg.speed[i];
        capacity += s->cfg.speed[i] * s->cfg.n_worker / s->cfg.service_ms;
        if (s->cfg.hiccups)
            add_event(s, (uint64_t)exponential(s, HICCUP_EVERY_S * 1e6), HICCUP, i, 0);
    }
    s->gap_us = 1000 / (capacity * s->cfg.load);
    for (i = 0; i < s->cfg.n_host && rc == 0; i++)
        rc = start_host(s, i);
    add_event(s, 0, ARRIVAL, 0, 0);
    return rc;
}

int sim_run(const struct sim_config *cfg, struct sim_result *out)
{
    struct sim *s = calloc(1, sizeof(*s));
    struct event e;
    uint32_t i;
    int rc;

    if (!s)
        return -ENOMEM;
    s->cfg = *cfg;
    s->end = (uint64_t)(cfg->seconds * 1e6);
    rnd_init(&s->rnd, cfg->seed * 0x9e3779b97f4a7c15u);
    rc = start_run(s);
    while (rc == 0 && !s->events.no_memory && s->events.n > 0) {
        e = events_next(&s->events);
        s->now = e.at;
        if (s->now >= s->end)
            break;
        happen(s, &e);
    }
    if (rc == 0 && s->events.no_memory)
        rc = -ENOMEM;
    if (rc == 0)
        sum_up(s, out);
    for (i = 0; s->host && i < cfg->n_host; i++)
        classic_destroy(s->host[i].classic);
    events_free(&s->events);
    free(s->call);
    tally_fini(&s->tally);
    free(s->host);
    free(s);
    return rc;
}
