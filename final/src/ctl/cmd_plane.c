/* plane MODID CMDID: for each node the numbers that decide a call at this moment, and the
 * reason as text.  The shared memory of the agent is only read, so any user may do it,
 * and callers do not notice.  How often each reason applies is measured, not derived: the
 * code of the callers chooses a thousand times on a copy of the module. */
#include "ctl/cmd_plane.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/fallback.h"
#include "base/mono.h"
#include "lb/node_state.h"
#include "lb/policies.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

#define COST_UNIT (NODE_COST_UNIT * NODE_WEIGHT) /* one microsecond at weight 1 */

struct look {
    const struct segment *s;
    struct module_table_settings set;
    const _Atomic uint32_t *cost;     /* by nid */
    struct node_counter *counter;     /* by nid */
    struct route_reader snap;
    struct pick_view view;
    uint64_t now_ms;
    struct pick_census census;
};

static int open_look(struct look *l, const char *dir, uint32_t modid, uint32_t cmdid)
{
    char path[PATH_MAX];
    struct segment *s;
    int64_t mid;
    int rc;

    if (snprintf(path, sizeof(path), "%s/shm", dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    rc = segment_open(&s, path);
    if (rc < 0)
        return rc;
    l->s = s;
    mid = module_table_find(s, modid, cmdid);
    rc = mid < 0 ? -ESRCH : route_reader_read(s, (uint32_t)mid, &l->snap);
    if (rc < 0) {
        segment_close(s);
        return rc;
    }
    module_table_get(s, (uint32_t)mid, &l->set);
    l->cost = node_table_costs(s);
    l->counter = node_table_counters(s);
    l->view = (struct pick_view){.cost = l->cost,
                                 .counter = l->counter,
                                 .member = l->snap.member,
                                 .n = l->snap.n,
                                 .n_own = l->snap.n_own};
    l->now_ms = mono_ms();
    pick_count(&l->view, l->now_ms, &l->census);
    return 0;
}

static const char *because(const struct look *l, uint32_t i, char *buf, size_t size)
{
    const struct node_member *m = &l->snap.member[i];
    uint64_t until = l->counter[m->nid].ejected_until_ms;
    uint32_t cost = l->cost[m->nid];
    bool none = l->census.own + l->census.other == 0;

    if (node_cost_has(cost, NODE_UNSEEN))
        return cost & NODE_DOWN ? "not checked yet: calls begin to go to other zones"
                                : "in reserve: the own zone has room";
    if (cost >= NODE_OUT) {
        snprintf(buf, size, "%s: %s; checked each second%s", node_state_str(cost),
                 node_state_reason(cost), none ? "; no node is up, so it is tried" : "");
        return buf;
    }
    if (until > l->now_ms) {
        snprintf(buf, size, "ejected by a caller for failures in a row, for %llu ms more",
                 (unsigned long long)(until - l->now_ms));
        return buf;
    }
    if (m->zone != 0 && l->snap.n_own > 0)
        return "other zone: takes what the own zone cannot";
    return cost == NODE_WARMING ? "warming up: with few calls at first"
                                : "available";
}

static int add_node(const struct look *l, struct table *t, uint32_t i)
{
    const struct node_member *m = &l->snap.member[i];
    const struct node_counter *n = &l->counter[m->nid];
    char node[NET_ADDR_STRLEN], weight[12], cost[24], inflight[12], streak[12], why[160];
    char *cell[7] = {node, m->zone ? "other" : "own", weight, cost, inflight, streak,
                     NULL};
    struct net_addr a;

    node_table_addr(l->s, m->nid, &a);
    net_addr_str(&a, node);
    snprintf(weight, sizeof(weight), "%u", m->weight);
    snprintf(cost, sizeof(cost), "%llu",
             l->cost[m->nid] >= NODE_WARMING
                 ? 0ull
                 : (unsigned long long)l->cost[m->nid] * m->weight / COST_UNIT);
    snprintf(inflight, sizeof(inflight), "%d", n->inflight);
    snprintf(streak, sizeof(streak), "%u", n->streak);
    cell[6] = (char *)because(l, i, why, sizeof(why));
    return table_add(t, cell);
}

static void close_look(struct look *l)
{
    route_reader_free(&l->snap);
    segment_close((struct segment *)l->s);
}

#define SAMPLES 1000

struct copy {                         /* of the module; nid is the place in it */
    _Atomic uint32_t *cost;
    struct node_counter *counter;
    struct node_member *member;
    int64_t *slot;
};

static void free_copy(struct copy *c)
{
    free(c->cost);
    free(c->counter);
    free(c->member);
    free(c->slot);
}

/* A choice may take a ticket, which is written into the counters. */
static bool copy_module(const struct look *l, struct copy *c)
{
    uint32_t i, n = l->snap.n;

    *c = (struct copy){calloc(n, sizeof(*c->cost)), calloc(n, sizeof(*c->counter)),
                       calloc(n, sizeof(*c->member)), calloc(n, sizeof(*c->slot))};
    if (!c->cost || !c->counter || !c->member || !c->slot)
        return false;
    for (i = 0; i < n; i++) {
        uint32_t nid = l->snap.member[i].nid;

        c->member[i] = l->snap.member[i];
        c->member[i].nid = i;
        c->cost[i] = l->cost[nid];
        c->counter[i].inflight = l->counter[nid].inflight;
        c->counter[i].ejected_until_ms = l->counter[nid].ejected_until_ms;
    }
    return true;
}

/* Counts <out>: chosen for each set of reasons; <n_none>: there was no node. */
static void sample(struct look *l, unsigned out[16], unsigned *n_none)
{
    struct pick_state st = {.slot = NULL};
    struct pick_view v = l->view;
    struct copy c;
    unsigned i, why;

    if (copy_module(l, &c)) {
        v.cost = c.cost;
        v.counter = c.counter;
        v.member = c.member;
        v.demand = l->set.demand;
        v.own_max = l->set.own_max;
        v.policy = policies_at(l->set.rule);
        st.slot = c.slot;
        rnd_init_any(&st.rnd);
        for (i = 0; i < SAMPLES; i++) {
            if (pick_node(&v, &st, l->now_ms, rnd_u32(&st.rnd), &why) == PICK_NONE)
                (*n_none)++;
            else
                out[why & 15]++;
        }
    }
    free_copy(&c);
}

void cmd_plane_say(const char *dir, uint32_t modid, uint32_t cmdid)
{
    static const char *const word[] = {"other zone: the own zone has no room",
                                       "most nodes of the own zone are out",
                                       "panic: no node is available",
                                       "the trial of a node that is out"};
    unsigned n[16] = {0}, n_none = 0, i, k;
    struct look l = {NULL};

    if (open_look(&l, dir ? dir : FALLBACK_DIR, modid, cmdid) < 0)
        return;
    if (l.snap.n > 0)
        sample(&l, n, &n_none);
    for (i = 0; i < 16; i++) {
        if (n[i] == 0)
            continue;
        printf("here:   %u of %u choices now: %s", n[i], SAMPLES,
               i == 0 ? "own zone" : "");
        for (k = 0; k < 4; k++)
            if (i & 1u << k)
                printf("%s%s", i & ((1u << k) - 1) ? "; " : "", word[k]);
        printf("\n");
    }
    if (n_none > 0)
        printf("here:   %u of %u choices now: no node, because all are down and each was "
               "tried a moment ago\n",
               n_none, SAMPLES);
    if (l.set.demand > PICK_FULL)
        printf("here:   the demand on the own zone is %.2f times its room\n",
               l.set.demand / (double)PICK_FULL);
    close_look(&l);
}

static int show_plane(struct ctl *c, int argc, char **argv)
{
    const char *dir = argc > 2 ? argv[2] : getenv("LARS_DIR");
    struct look l = {NULL};
    struct table *t;
    uint32_t modid, cmdid, i;
    int rc = ctl_module(argv, &modid, &cmdid);

    if (rc != 0)
        return rc;
    dir = dir ? dir : FALLBACK_DIR;
    rc = open_look(&l, dir, modid, cmdid);
    if (rc == -ESRCH)
        return ctl_say(CTL_FAILED, "no caller on this host has called %u/%u yet", modid,
                       cmdid);
    if (rc < 0)
        return ctl_say(
            CTL_FAILED,
            "%s/shm: %s; give the folder of the agent, whose [shm] dir must be set", dir,
            strerror(-rc));
    rc = table_create(&t,
                      "node zone weight# cost_us# in_flight# failed_in_a_row# because");
    for (i = 0; rc == 0 && i < l.snap.n; i++)
        rc = add_node(&l, t, i);
    close_look(&l);
    return rc < 0 ? ctl_say(CTL_FAILED, "%s", strerror(-rc)) : ctl_print_table(c, t);
}

const struct ctl_cmd cmd_plane[] = {
    {"plane", "", "MODID CMDID [AGENT_DIR]", 2, 3,
     "Show the numbers by which callers on this host choose nodes now.", show_plane,
     "AGENT_DIR is [agent] dir of the agent; the default is $LARS_DIR."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
