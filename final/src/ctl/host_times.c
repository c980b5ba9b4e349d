/* Rejected: comparing the p99 of windows.  It is the second longest of 200 answers, and
 * differs by more than a fifth from one window to the next without any reason. */
#include "ctl/host_times.h"

#include <string.h>

static void add(uint64_t to[LATENCY_BUCKETS + 1], const struct node_minutes *m,
                uint32_t ip)
{
    size_t i;
    unsigned b;

    for (i = 0; i < m->n; i++)
        for (b = 1; b <= LATENCY_BUCKETS && m->at[i].ip == ip; b++)
            to[b] += m->at[i].n[b];
}

void host_times_add_usual(struct host_times *t, const struct node_minutes *m)
{
    add(t->usual, m, t->ip);
}

bool host_times_begin(struct host_times *t)
{
    struct node_minute all = {.ip = t->ip};

    memcpy(all.n, t->usual, sizeof(all.n));
    if (node_minutes_answers(&all) < HOST_TIMES_ANSWERS)
        return false;
    t->usual_us = latency_quantile_us(t->usual, 0.99);
    return true;
}

bool host_times_add(struct host_times *t, const struct node_minutes *m)
{
    uint64_t n, late;

    add(t->window.n, m, t->ip);
    n = node_minutes_answers(&t->window);
    if (n < HOST_TIMES_ANSWERS)
        return false;
    late = node_minutes_later(&t->window, t->usual_us + t->usual_us / 5);
    t->n_late = late * 100 > n * HOST_TIMES_LATE_PERCENT ? t->n_late + 1 : 0;
    memset(t->window.n, 0, sizeof(t->window.n));
    return t->n_late >= HOST_TIMES_WINDOWS;
}
