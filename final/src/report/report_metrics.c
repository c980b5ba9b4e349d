/* Health answers one question: do reports reach the database?  A failure counts only
 * after unhealthy_ms, because every restart of the database fails some statements, and a
 * monitor that alarms for each would be switched off.  A queue without room counts at
 * once: what comes now is refused. */
#include "report/report_metrics.h"

#include "obs/server_metrics.h"

static void sum_rows(const struct report_metrics *parts, struct writer_stat *sum)
{
    struct writer_stat st;
    unsigned i;

    *sum = (struct writer_stat){0};
    for (i = 0; i < parts->n_writers; i++) {
        writer_stat(parts->writer[i], &st);
        sum->n_refused += st.n_refused;
        sum->n_written += st.n_written;
        sum->n_rejected += st.n_rejected;
        sum->n_fail += st.n_fail;
        sum->n_waiting += st.n_waiting;
        sum->is_full |= st.is_full;
        if (st.failing_ms > sum->failing_ms)
            sum->failing_ms = st.failing_ms;
    }
}

static void sum_batches(const struct report_metrics *parts, struct batchwriter_stat *sum)
{
    struct batchwriter_stat st;
    unsigned i;

    *sum = (struct batchwriter_stat){0};
    for (i = 0; i < parts->n_writers; i++) {
        batchwriter_stat(parts->batchwriter[i], &st);
        sum->n_put += st.n_put;
        sum->n_dropped += st.n_dropped;
        sum->n_applied += st.n_applied;
        sum->n_seen += st.n_seen;
        sum->n_rejected += st.n_rejected;
        sum->n_fail += st.n_fail;
        sum->n_waiting += st.n_waiting;
        sum->is_full |= st.is_full;
        if (st.failing_ms > sum->failing_ms)
            sum->failing_ms = st.failing_ms;
    }
}

static void collect_service(struct metrics *m, const struct report_metrics *parts)
{
    uint64_t ended[CONN_WHY_COUNT];
    struct reportsrv_stat st;

    batchsrv_ended(parts->batchsrv, ended);
    server_metrics_collect(m, "reportd", reportsrv_server(parts->srv),
                           reportsrv_admission(parts->srv), ended);
    reportsrv_stat(parts->srv, &st);
    metrics_counter(m, "lars_reportd_reports_total", "Reports of legacy agents.",
                    (double)st.n_report);
    metrics_counter(m, "lars_reportd_refused_reports_total",
                    "Reports of legacy agents that were malformed.", (double)st.n_bad);
}

static void collect_rows(struct metrics *m, const struct report_metrics *parts)
{
    struct writer_stat sum;

    sum_rows(parts, &sum);
    metrics_counter(m, "lars_reportd_rows_written_total",
                    "Rows of legacy agents written to the database.",
                    (double)sum.n_written);
    metrics_counter(m, "lars_reportd_rows_refused_total",
                    "Rows of legacy agents that found the queue full.",
                    (double)sum.n_refused);
    metrics_counter(m, "lars_reportd_rows_rejected_total",
                    "Rows of legacy agents with a value that does not fit the table.",
                    (double)sum.n_rejected);
    metrics_gauge(m, "lars_reportd_rows_waiting",
                  "Rows of legacy agents that wait for the database.",
                  (double)sum.n_waiting);
    metrics_counter(m, "lars_reportd_row_failures_total",
                    "Statements with rows of legacy agents that failed.",
                    (double)sum.n_fail);
}

static void collect_batches(struct metrics *m, const struct report_metrics *parts)
{
    struct batchwriter_stat sum;
    uint64_t n_refused;
    uint32_t n_conflict;

    sum_batches(parts, &sum);
    batchsrv_conflicts(parts->batchsrv, &n_refused, &n_conflict);
    metrics_counter(m, "lars_reportd_batches_refused_total",
                    "Batches refused because another connection has their stream.",
                    (double)n_refused);
    metrics_gauge(m, "lars_reportd_stream_conflicts",
                  "Report streams that two live agents send: one of them has a copied "
                  "folder.",
                  (double)n_conflict);
    metrics_counter(m, "lars_reportd_batches_total", "Batches received.",
                    (double)sum.n_put);
    metrics_counter(m, "lars_reportd_batches_applied_total",
                    "Batches applied to the database.", (double)sum.n_applied);
    metrics_counter(m, "lars_reportd_batches_repeated_total",
                    "Batches that had been applied before, when they first came.",
                    (double)sum.n_seen);
    metrics_counter(m, "lars_reportd_batches_dropped_total",
                    "Batches that found the queue full; the agents send them again.",
                    (double)sum.n_dropped);
    metrics_counter(m, "lars_reportd_batch_rows_rejected_total",
                    "Rows of batches with a value that does not fit a table.",
                    (double)sum.n_rejected);
    metrics_gauge(m, "lars_reportd_batches_waiting",
                  "Batches that wait for the database.", (double)sum.n_waiting);
    metrics_counter(m, "lars_reportd_batch_failures_total",
                    "Tries to apply a batch that failed.", (double)sum.n_fail);
}

static void collect_slots(struct metrics *m, const struct report_metrics *parts)
{
    struct slot_states_stat st;

    if (!parts->slots)
        return;
    slot_states_stat(parts->slots, &st);
    metrics_gauge(m, "lars_reportd_slot_hosts",
                  "Hosts whose lars-slotd has sent a state within the last 5 s.",
                  (double)st.n_host);
    metrics_counter(m, "lars_reportd_slot_states_written_total",
                    "States of slots written to the database.", (double)st.n_written);
    metrics_counter(m, "lars_reportd_slot_states_replaced_total",
                    "States of slots that a newer one of their host has replaced before "
                    "they were written.",
                    (double)st.n_replaced);
    metrics_counter(m, "lars_reportd_slot_states_late_total",
                    "States of slots that came after a later one of their host; they are "
                    "not written.",
                    (double)st.n_late);
    metrics_counter(m, "lars_reportd_slot_conflicts_total",
                    "States of slots that two lars-slotd with the same name of a host "
                    "send by turns.",
                    (double)st.n_conflict);
    metrics_counter(m, "lars_reportd_slot_states_dropped_total",
                    "States of slots that found no room.", (double)st.n_dropped);
    metrics_counter(
        m, "lars_reportd_slot_state_failures_total",
        "States of slots that could not be written; the next one comes within "
        "a second.",
        (double)st.n_fail);
}

static void collect_leader(struct metrics *m, const struct report_metrics *parts)
{
    struct leader_tasks_stat st;

    if (!parts->leader)
        return;
    leader_tasks_stat(parts->leader, &st);
    metrics_gauge(m, "lars_reportd_leader",
                  "1 = this process has the lease: it moves history to coarser tables.",
                  (double)st.is_leader);
    metrics_counter(m, "lars_reportd_leader_failures_total",
                    "Database calls of the leader's tasks that failed.",
                    (double)st.n_fail);
}

static void collect_alarms(struct metrics *m, const struct report_metrics *parts)
{
    struct alarm_watch_stat st;

    if (!parts->alarms)
        return;
    alarm_watch_stat(parts->alarms, &st);
    metrics_gauge(m, "lars_reportd_alarms",
                  "Alarms open now, as this process knows them.", (double)st.n_open);
    metrics_counter(m, "lars_reportd_alarms_raised_total",
                    "Alarms raised by this process.", (double)st.n_raised);
    metrics_counter(m, "lars_reportd_alarms_cleared_total",
                    "Alarms cleared by this process.", (double)st.n_cleared);
    metrics_gauge(m, "lars_reportd_alarms_silenced",
                  "Open alarms whose message is due and silenced.",
                  (double)st.n_silenced);
    metrics_counter(m, "lars_reportd_notify_sent_total",
                    "Alarms that a program, webhook or robot has taken.",
                    (double)st.n_told);
    metrics_counter(m, "lars_reportd_notify_failures_total",
                    "Tries to pass an alarm to a program, webhook or robot that failed.",
                    (double)st.n_notify_fail);
    metrics_counter(m, "lars_reportd_notify_lost_total",
                    "Alarms that such a target did not get: given up, or no room.",
                    (double)st.n_notify_lost);
    metrics_counter(m, "lars_reportd_alarm_failures_total",
                    "Database calls of the evaluation of alarms that failed.",
                    (double)st.n_fail);
}

static void collect_all(struct metrics *m, const void *arg)
{
    collect_service(m, arg);
    collect_rows(m, arg);
    collect_batches(m, arg);
    collect_slots(m, arg);
    collect_leader(m, arg);
    collect_alarms(m, arg);
    daemon_tls_collect(m, "reportd", ((const struct report_metrics *)arg)->tls);
}

static const char *health(const void *arg)
{
    const struct report_metrics *parts = arg;
    struct batchwriter_stat batches;
    struct leader_tasks_stat leader = {0};
    struct alarm_watch_stat alarms = {0};
    struct writer_stat rows;

    sum_rows(parts, &rows);
    sum_batches(parts, &batches);
    if (parts->leader)
        leader_tasks_stat(parts->leader, &leader);
    if (parts->alarms)
        alarm_watch_stat(parts->alarms, &alarms);
    if (batches.is_full)
        return "the queue of report batches is full: agents keep their counts";
    if (rows.is_full)
        return "the queue of rows is full: reports of legacy agents are refused";
    if (batches.failing_ms >= parts->unhealthy_ms)
        return "report batches cannot be written to the database: see db.down in the log";
    if (rows.failing_ms >= parts->unhealthy_ms)
        return "rows cannot be written to the database: see db.down in the log";
    if (leader.failing_ms >= parts->unhealthy_ms)
        return "the leader's tasks fail, so no history is moved: see db.down in the log";
    if (alarms.failing_ms >= parts->unhealthy_ms)
        return "alarms cannot be evaluated: see db.down in the log";
    return NULL;
}

int report_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                         const struct report_metrics *parts)
{
    const struct httpd_config c = {collect_all, health, parts, sizeof(*parts)};

    return httpd_create(out, l, where, &c);
}
