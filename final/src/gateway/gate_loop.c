/* The parts of a loop are created before its thread runs and destroyed after it has
 * ended.  Request ids are a counter that is encrypted by a multiplication, from a random
 * start, so that they do not repeat between loops, hosts and starts. */
#include "gateway/gate_loop.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/rnd.h"
#include "gateway/admit_queue.h"
#include "gateway/mirror.h"
#include "gateway/node_pool.h"
#include "gateway/node_times.h"
#include "gateway/visit.h"
#include "gateway/visitor.h"

int gate_loop_init(struct gate_loop *g)
{
    struct rnd r;
    int rc;

    rnd_init_any(&r);
    g->id_seed = (uint64_t)rnd_u32(&r) << 32 | rnd_u32(&r);
    rc = node_pool_create(&g->pool, g->loop);
    if (rc == 0)
        rc = node_times_create(&g->times);
    if (rc == 0)
        rc = admit_queue_create(&g->queue, g->loop, g->admit, MODULES_MAX);
    return rc < 0 ? rc : visit_rate_create(&g->rate);
}

void gate_loop_fini(struct gate_loop *g)
{
    visitor_close_all(g);
    node_pool_destroy(g->pool);
    node_times_destroy(g->times);
    admit_queue_destroy(g->queue);
    visit_rate_destroy(g->rate);
    gate_loop_use(g, NULL);
    g->pool = NULL;
    g->times = NULL;
    g->queue = NULL;
    g->rate = NULL;
    mirror_unref(g->mirror);
    g->mirror = NULL;
    buf_free(&g->out);
}

void gate_loop_use(struct gate_loop *g, struct generation *next)
{
    struct generation *old = g->now;

    g->now = next;
    g->drill = (struct drill_mark_memory){0};
    if (old)
        generation_end(old, g->index);
}

const char *const gate_loop_result_name[GATE_RESULTS] = {
    [GATE_NODE] = "node",     [GATE_CACHE] = "cache",     [GATE_STALE] = "stale",
    [GATE_STATIC] = "static", [GATE_WAITING] = "waiting", [GATE_ERROR] = "error"};

const uint32_t gate_loop_bucket_us[GATE_BUCKETS - 1] = {1000,   2500,    5000,   10000,
                                                        25000,  50000,   100000, 250000,
                                                        500000, 1000000, 5000000};

void gate_loop_count_request(struct gate_loop *g, unsigned slot, enum gate_result result,
                             uint64_t us)
{
    struct gate_module_counts *c = &g->counts.module[slot];
    unsigned i = 0;

    while (i < GATE_BUCKETS - 1 && us > gate_loop_bucket_us[i])
        i++;
    gate_loop_count(&c->requests[result]);
    gate_loop_count(&c->bucket[i]);
    gate_loop_add(&c->total_us, us);
}

void gate_loop_new_id(struct gate_loop *g, char out[GATE_ID_LEN])
{
    static const char digit[] = "0123456789abcdef";
    uint64_t id = g->id_seed + 0x9e3779b97f4a7c15u * ++g->n_ids;
    int i;

    id ^= id >> 32;
    for (i = 15; i >= 0; i--, id >>= 4)
        out[i] = digit[id & 15];
    out[16] = 0;
}

uint64_t gate_loop_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}
