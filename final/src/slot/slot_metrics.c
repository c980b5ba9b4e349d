#include "slot/slot_metrics.h"

static void collect_states(struct metrics *m, const struct slots *slots)
{
    static struct slot_status status[SLOT_MAX];
    struct metrics_part part[SLOT_STOPPING];
    size_t i, n = slots_status(slots, status, SLOT_MAX);

    for (i = 0; i < SLOT_STOPPING; i++)
        part[i] = (struct metrics_part){slot_state_name((enum slot_state)(i + 1)), 0};
    for (i = 0; i < n; i++)
        part[status[i].state - 1].count++;
    metrics_gauge_parts(m, "lars_slotd_slots", "Slots that are not empty, by state.",
                        "state", part, SLOT_STOPPING);
}

static void collect_slots(struct metrics *m, const struct slots *slots)
{
    struct slots_stat st;

    slots_stat(slots, &st);
    metrics_gauge(m, "lars_slotd_fence", "The highest fence of orders so far.",
                  (double)st.fence);
    metrics_counter(m, "lars_slotd_orders_total", "Lists of orders that were obeyed.",
                    (double)st.n_orders);
    metrics_counter(m, "lars_slotd_stale_orders_total",
                    "Lists of orders that were refused because of a lower fence.",
                    (double)st.n_stale);
    metrics_counter(m, "lars_slotd_starts_total", "Starts of nodes.",
                    (double)st.n_starts);
    metrics_counter(m, "lars_slotd_failures_total",
                    "Nodes that could not start, ended by themselves or stayed sick.",
                    (double)st.n_failed);
    metrics_counter(m, "lars_slotd_kills_total",
                    "Nodes that did not end in time and got SIGKILL.",
                    (double)st.n_kills);
    metrics_gauge(m, "lars_slotd_adopted",
                  "Nodes that were running when this process began.", st.n_adopted);
    metrics_gauge(m, "lars_slotd_nodes", "Processes of nodes.", slots_n_running(slots));
    collect_states(m, slots);
}

static void collect(struct metrics *m, const void *arg)
{
    const struct slot_metrics *parts = arg;
    struct slot_link_stat st;

    collect_slots(m, parts->slots);
    daemon_tls_collect(m, "slotd", parts->tls);
    slot_link_stat(parts->link, &st);
    metrics_gauge(m, "lars_slotd_dns_up", "1 = a DNSService answers.", st.dns_up);
    metrics_gauge(m, "lars_slotd_report_up", "1 = a Report Service answers.",
                  st.report_up);
    metrics_counter(m, "lars_slotd_bad_orders_total",
                    "Messages with orders that were malformed.", (double)st.n_bad);
}

static const char *health(const void *arg)
{
    const struct slot_metrics *parts = arg;
    struct slot_link_stat link;
    struct slots_stat st;

    slots_stat(parts->slots, &st);
    if (st.keep_rc < 0)
        return "the last orders cannot be written to the folder [slots] state_dir; give "
               "it room";
    slot_link_stat(parts->link, &link);
    if (!link.dns_up)
        return "no DNSService answers, so no orders arrive; nodes keep running";
    if (!link.report_up)
        return "no Report Service answers, so the state of the slots is not known";
    return NULL;
}

int slot_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                       const struct slot_metrics *parts)
{
    return httpd_create(out, l, where,
                        &(struct httpd_config){.collect = collect,
                                               .health = health,
                                               .arg = parts,
                                               .arg_size = sizeof(*parts)});
}
