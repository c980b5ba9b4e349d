#include "report/report_metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "obs/httpd.h"

struct report_metrics {
    struct httpd *http;
    struct report_metrics_config cfg;
};

static void collect_service(struct metrics *m, struct report_metrics *o)
{
    struct reportsrv_stat st;

    reportsrv_stat(o->cfg.srv, &st);
    metrics_gauge(m, "lars_reportd_connections", "Agents connected.",
                  mtsrv_n_conns(reportsrv_server(o->cfg.srv)));
    metrics_counter(m, "lars_reportd_reports_total", "Messages of old-style agents.",
                    (double)st.n_report);
    metrics_counter(m, "lars_reportd_refused_reports_total",
                    "Messages of old-style agents that were malformed.",
                    (double)st.n_bad);
}

static void collect_rows(struct metrics *m, struct report_metrics *o)
{
    struct writer_stat st, sum = {0};
    unsigned i;

    for (i = 0; i < o->cfg.n_writers; i++) {
        writer_stat(o->cfg.writer[i], &st);
        sum.n_refused += st.n_refused;
        sum.n_written += st.n_written;
        sum.n_fail += st.n_fail;
        sum.n_waiting += st.n_waiting;
    }
    metrics_counter(m, "lars_reportd_rows_written_total",
                    "Rows of old-style agents in the database.", (double)sum.n_written);
    metrics_counter(m, "lars_reportd_rows_refused_total",
                    "Rows of old-style agents without room in the queue.",
                    (double)sum.n_refused);
    metrics_gauge(m, "lars_reportd_rows_waiting", "Rows that wait for the database.",
                  (double)sum.n_waiting);
    metrics_counter(m, "lars_reportd_row_failures_total", "Statements that failed.",
                    (double)sum.n_fail);
}

static void collect_batches(struct metrics *m, struct report_metrics *o)
{
    struct batchwriter_stat st, sum = {0};
    unsigned i;

    for (i = 0; i < o->cfg.n_writers; i++) {
        batchwriter_stat(o->cfg.batcher[i], &st);
        sum.n_put += st.n_put;
        sum.n_dropped += st.n_dropped;
        sum.n_applied += st.n_applied;
        sum.n_seen += st.n_seen;
        sum.n_fail += st.n_fail;
    }
    metrics_counter(m, "lars_reportd_batches_total", "Batches received.",
                    (double)sum.n_put);
    metrics_counter(m, "lars_reportd_batches_applied_total", "Batches in the database.",
                    (double)sum.n_applied);
    metrics_counter(m, "lars_reportd_batches_repeated_total",
                    "Batches that were in the database already.", (double)sum.n_seen);
    metrics_counter(m, "lars_reportd_batches_dropped_total",
                    "Batches without room in the queue; the agents send them again.",
                    (double)sum.n_dropped);
    metrics_counter(m, "lars_reportd_batch_failures_total",
                    "Tries that the database refused.", (double)sum.n_fail);
}

static void collect_keeper(struct metrics *m, struct report_metrics *o)
{
    struct leader_tasks_stat st;

    if (!o->cfg.keeper)
        return;
    leader_tasks_stat(o->cfg.keeper, &st);
    metrics_gauge(m, "lars_reportd_keeper",
                  "1 = this one moves history and raises alarms.", (double)st.is_leader);
    metrics_gauge(m, "lars_reportd_alarms",
                  "Alarms that are raised, known to the keeper.", (double)st.n_open);
    metrics_counter(m, "lars_reportd_alarms_raised_total", "Alarms raised by this one.",
                    (double)st.n_raised);
    metrics_counter(m, "lars_reportd_alarms_cleared_total", "Alarms cleared by this one.",
                    (double)st.n_cleared);
    metrics_counter(m, "lars_reportd_hook_failures_total",
                    "Programs and web addresses that could not be told of an alarm.",
                    (double)st.n_hook_fail);
    metrics_counter(m, "lars_reportd_keeper_failures_total",
                    "Calls of the database that failed.", (double)st.n_fail);
}

static void collect(struct metrics *m, void *arg)
{
    collect_service(m, arg);
    collect_rows(m, arg);
    collect_batches(m, arg);
    collect_keeper(m, arg);
}

static int health(char *why, void *arg)
{
    (void)why;
    (void)arg;
    return 0;                         /* the loop turns; what waits is in /metrics */
}

int report_metrics_create(struct report_metrics **out, struct evloop *l,
                          const char *where, const struct report_metrics_config *cfg)
{
    struct report_metrics *o = calloc(1, sizeof(*o));
    struct httpd_config c = {collect, health, o};
    int rc;

    if (!o)
        return -ENOMEM;
    o->cfg = *cfg;
    rc = httpd_create(&o->http, l, where, &c);
    if (rc < 0)
        free(o);
    else
        *out = o;
    return rc;
}

void report_metrics_destroy(struct report_metrics *o)
{
    if (!o)
        return;
    httpd_destroy(o->http);
    free(o);
}
