/* The kernel's own account of the thread is the measure, so that waiting for a processor
 * that another process has does not count as work.
 * Rejected: the time between epoll_wait() calls, which includes that waiting. */
#include "gateway/loop_load.h"

#include <time.h>

#include "base/mono.h"

#define PERIOD_MS 1000

static uint64_t thread_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void look(void *arg)
{
    struct loop_load *m = arg;
    uint64_t cpu = thread_us(), wall = mono_us(), part;

    if (m->wall_us > 0 && wall > m->wall_us) {
        part = (cpu - m->cpu_us) * 1000 / (wall - m->wall_us);
        m->permille = part < 1000 ? (uint32_t)part : 1000;
        m->fn(m->permille, m->arg);
    }
    m->cpu_us = cpu;
    m->wall_us = wall;
    evloop_set_timer(m->loop, &m->timer, PERIOD_MS, look, m);
}

int loop_load_start(struct loop_load *m, struct evloop *l, loop_load_fn *fn, void *arg)
{
    *m = (struct loop_load){.loop = l, .fn = fn, .arg = arg};
    return evloop_set_timer(l, &m->timer, 0, look, m);
}

void loop_load_stop(struct loop_load *m)
{
    if (m->loop)
        evloop_clear_timer(m->loop, &m->timer);
}

uint32_t loop_load_permille(const struct loop_load *m)
{
    return m->permille;
}
