/* plane MODID CMDID: for each node the numbers that a call is decided by at this moment,
 * and the reason in words.  Only reads; any user may. */
#include "ctl/cmd_plane.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "lb/health.h"
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
    uint32_t in, own_in;              /* nodes that are in: all, our zone's */
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
    l->in = pick_count_available(&l->view, l->now_ms, &l->own_in);
    return 0;
}

static const char *because(const struct look *l, uint32_t i, char *buf, size_t size)
{
    const struct node_member *m = &l->snap.member[i];
    uint64_t until = l->counter[m->nid].ejected_until_ms;
    const char *zone = "";

    if (l->in * 2 < l->snap.n)
        return "panic: most nodes are out, so all of them are used";
    if (m->zone != 0 && l->own_in == l->snap.n_own && l->snap.n_own > 0)
        zone = "another zone: ours needs no help";
    else if (m->zone != 0)
        zone = "another zone: takes what ours cannot";
    if (l->cost[m->nid] >= NODE_EJECTED) {
        snprintf(buf, size, "out: %s; probed each second",
                 health_reason_str(l->cost[m->nid] & NODE_REASON));
        return buf;
    }
    if (until > l->now_ms) {
        snprintf(buf, size, "out: a client saw it fail in a row, for %llu ms more",
                 (unsigned long long)(until - l->now_ms));
        return buf;
    }
    if (l->cost[m->nid] == NODE_WARMING && !*zone)
        return "in: slow start, rests at this moment";
    return *zone ? zone : "in";
}

static int add_node(const struct look *l, struct table *t, uint32_t i)
{
    const struct node_member *m = &l->snap.member[i];
    const struct node_counter *n = &l->counter[m->nid];
    char node[NET_ADDR_STRLEN], weight[12], cost[24], inflight[12], streak[12], why[100];
    char *cell[7] = {node, m->zone ? "other" : "ours", weight, cost, inflight, streak,
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

/* Counts <out>: chosen for each set of reasons. */
static void sample(struct look *l, unsigned out[16])
{
    struct pick_state st = {.slot = calloc(l->snap.n + 1, sizeof(int64_t))};
    unsigned i, why;

    if (!st.slot)
        return;
    l->view.demand = l->set.demand;
    l->view.own_max = l->set.own_max;
    l->view.policy = policies_at(l->set.rule);
    rnd_init_any(&st.rnd);
    for (i = 0; i < SAMPLES; i++) {
        pick_node(&l->view, &st, l->now_ms, rnd_u32(&st.rnd), &why);
        out[why & 15]++;
    }
    free(st.slot);
}

void cmd_plane_say(const char *dir, uint32_t modid, uint32_t cmdid)
{
    static const char *const word[] = {"another zone: ours has not the room",
                                       "most of our zone is out",
                                       "panic: most nodes are out",
                                       "a probe of one that is out"};
    unsigned n[16] = {0}, i, k;
    struct look l = {NULL};

    if (open_look(&l, dir ? dir : "build/run/a", modid, cmdid) < 0)
        return;
    if (l.snap.n > 0)
        sample(&l, n);
    for (i = 0; i < 16; i++) {
        if (n[i] == 0)
            continue;
        printf("here:   %u of %u choices now: %s", n[i], SAMPLES,
               i == 0 ? "our zone" : "");
        for (k = 0; k < 4; k++)
            if (i & 1u << k)
                printf("%s%s", i & ((1u << k) - 1) ? "; " : "", word[k]);
        printf("\n");
    }
    if (l.set.demand > PICK_FULL)
        printf("here:   our zone is wanted for %.2f times what it can take\n",
               l.set.demand / (double)PICK_FULL);
    close_look(&l);
}

static int plane(struct ctl *c, int argc, char **argv)
{
    const char *dir = argc > 2 ? argv[2] : getenv("LARS_DIR");
    struct look l = {NULL};
    struct table *t;
    uint32_t modid, cmdid, i;
    int rc = ctl_module(argv, &modid, &cmdid);

    if (rc != 0)
        return rc;
    dir = dir ? dir : "build/run/a";
    rc = open_look(&l, dir, modid, cmdid);
    if (rc == -ESRCH)
        return ctl_say(CTL_FAILED, "nobody on this host has called %u/%u yet", modid,
                       cmdid);
    if (rc < 0)
        return ctl_say(CTL_FAILED,
                       "%s/shm: %s; say the agent's folder, and see [shm] dir there", dir,
                       strerror(-rc));
    rc = table_create(&t,
                      "node zone weight# cost_us# under_way# failed_in_a_row# because");
    for (i = 0; rc == 0 && i < l.snap.n; i++)
        rc = add_node(&l, t, i);
    close_look(&l);
    return rc < 0 ? ctl_say(CTL_FAILED, "%s", strerror(-rc)) : ctl_print_table(c, t);
}

const struct ctl_cmd cmd_plane[] = {{"plane", "", "MODID CMDID [AGENT_DIR]", 2, 3,
                                     "what the callers of this host choose by, now",
                                     plane},
                                    {NULL, NULL, NULL, 0, 0, NULL, NULL}};
