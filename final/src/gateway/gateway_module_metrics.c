/* The values at /metrics that each module has, with the label module="MODID/CMDID".  The
 * loops count by slot; which module has the slot is looked up once for each scrape. */
#include <stdio.h>

#include "base/mono.h"
#include "gateway/admit.h"
#include "gateway/gateway_private.h"

#define N_BOUNDS (GATE_BUCKETS - 1)

struct sums { /* of one module, over the loops */
    char name[24];
    uint64_t requests[GATE_RESULTS], bucket[GATE_BUCKETS], total_us, budget_empty;
    struct admit_view now;
};

struct all {
    unsigned n;
    struct sums at[MODULES_MAX];
};

static void sum_counts(const struct gateway *g, unsigned slot, struct sums *s)
{
    unsigned i;

    for (i = 0; i < GATE_RESULTS; i++)
        s->requests[i] = GATEWAY_SUM(g, module[slot].requests[i]);
    for (i = 0; i < GATE_BUCKETS; i++)
        s->bucket[i] = GATEWAY_SUM(g, module[slot].bucket[i]);
    s->total_us = GATEWAY_SUM(g, module[slot].total_us);
    s->budget_empty = GATEWAY_SUM(g, module[slot].budget_empty);
}

static void sum_all(struct gateway *g, struct all *all)
{
    struct modules_entry list[MODULES_MAX];
    unsigned i;

    all->n = modules_list(g->modules, list);
    for (i = 0; i < all->n; i++) {
        struct sums *s = &all->at[i];

        snprintf(s->name, sizeof(s->name), "%u/%u", list[i].modid, list[i].cmdid);
        admit_look(g->admit, list[i].slot, mono_ms(), &s->now);
        sum_counts(g, list[i].slot, s);
    }
}

/* --- what is written ---------------------------------------------------------------- */

static void write_requests(const struct all *all, struct metrics *m)
{
    struct metrics_sample out[MODULES_MAX * GATE_RESULTS];
    size_t n = 0;
    unsigned i, r;

    for (i = 0; i < all->n; i++)
        for (r = 0; r < GATE_RESULTS; r++, n++) {
            snprintf(out[n].labels, sizeof(out[n].labels), "module=\"%s\",result=\"%s\"",
                     all->at[i].name, gate_loop_result_name[r]);
            out[n].value = (double)all->at[i].requests[r];
        }
    metrics_counter_samples(m, "lars_gateway_module_requests_total",
                            "Requests that were answered, by module.", out, n);
}

static void write_refused(const struct all *all, struct metrics *m)
{
    struct metrics_sample out[MODULES_MAX * ADMIT_CLASSES];
    size_t n = 0;
    unsigned i, c;

    for (i = 0; i < all->n; i++)
        for (c = 0; c < ADMIT_CLASSES; c++, n++) {
            snprintf(out[n].labels, sizeof(out[n].labels), "module=\"%s\",class=\"%s\"",
                     all->at[i].name, admit_class_name[c]);
            out[n].value = (double)all->at[i].now.refused[c];
        }
    metrics_counter_samples(m, "lars_gateway_module_refused_total",
                            "Requests answered with the waiting page, by module.", out,
                            n);
}

static void write_durations(const struct all *all, struct metrics *m)
{
    struct metrics_series series[MODULES_MAX];
    double bound[N_BOUNDS];
    unsigned i;

    for (i = 0; i < N_BOUNDS; i++)
        bound[i] = gate_loop_bucket_us[i] / 1e6;
    for (i = 0; i < all->n; i++)
        series[i] = (struct metrics_series){all->at[i].name, all->at[i].bucket,
                                            (double)all->at[i].total_us / 1e6};
    metrics_histogram(m, "lars_gateway_duration_seconds",
                      "From the head of a request to the end of its response.", "module",
                      bound, N_BOUNDS, series, all->n);
}

void gateway_module_metrics_collect(struct gateway *g, struct metrics *m)
{
    struct metrics_part queue[MODULES_MAX], budget[MODULES_MAX];
    struct all all;
    unsigned i;

    sum_all(g, &all);
    for (i = 0; i < all.n; i++) {
        const struct sums *s = &all.at[i];

        queue[i] = (struct metrics_part){s->name, s->now.waiting};
        budget[i] = (struct metrics_part){s->name, (double)s->budget_empty};
    }
    write_requests(&all, m);
    write_refused(&all, m);
    write_durations(&all, m);
    metrics_gauge_parts(m, "lars_gateway_module_queue",
                        "Requests that wait for their admission, by module.", "module",
                        queue, all.n);
    metrics_counter_parts(m, "lars_gateway_module_budget_empty_total",
                          "Further attempts that the retry budget did not allow, by "
                          "module.",
                          "module", budget, all.n);
}
