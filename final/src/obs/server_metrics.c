#include "obs/server_metrics.h"

#include <stdio.h>

#define NAME_MAX_BYTES 80

static const char *name_of(char out[NAME_MAX_BYTES], const char *program,
                           const char *what)
{
    snprintf(out, NAME_MAX_BYTES, "lars_%s_%s", program, what);
    return out;
}

static void collect_ended(struct metrics *m, const char *name,
                          const uint64_t ended[CONN_WHY_COUNT])
{
    const struct metrics_part part[] = {
        {"local", (double)ended[CONN_WHY_LOCAL]},
        {"eof", (double)ended[CONN_WHY_EOF]},
        {"error", (double)ended[CONN_WHY_ERROR]},
        {"bad_frame", (double)ended[CONN_WHY_BAD_FRAME]},
        {"out_full", (double)ended[CONN_WHY_OUT_FULL]},
        {"idle", (double)ended[CONN_WHY_IDLE]},
        {"no_memory", (double)ended[CONN_WHY_NO_MEMORY]},
    };

    _Static_assert(sizeof(part) / sizeof(part[0]) == CONN_WHY_COUNT, "one for each why");
    metrics_counter_parts(m, name,
                          "Connections that ended, by reason; out_full: the peer did not "
                          "read what was sent to it.",
                          "why", part, CONN_WHY_COUNT);
}

static struct admission_stat stat_of(struct admission *a)
{
    struct admission_stat st;

    admission_stat(a, &st);
    return st;
}

void server_metrics_collect(struct metrics *m, const char *program, const struct mtsrv *s,
                            struct admission *a, const uint64_t ended[CONN_WHY_COUNT])
{
    const struct acceptor_stat *st = mtsrv_accept_stat(s);
    const struct admission_stat adm = stat_of(a);
    const struct metrics_part refused[] = {
        {"error", (double)st->n_refused},
        {"no_descriptor", (double)st->n_shed},
        {"max_connections", (double)(mtsrv_n_over(s) + adm.n_refused)},
    };
    const struct metrics_part mute[] = {
        {"no_first_frame", (double)adm.n_silent},
        {"displaced", (double)adm.n_displaced},
    };
    char name[NAME_MAX_BYTES];

    metrics_gauge(m, name_of(name, program, "connections"), "Connections open now.",
                  mtsrv_n_conns(s));
    metrics_counter(m, name_of(name, program, "accepted_total"),
                    "Connections accepted by the listening socket.",
                    (double)st->n_accepted);
    metrics_counter_parts(m, name_of(name, program, "connections_refused_total"),
                          "Connections closed at once, by reason: accept failed, no "
                          "descriptor was left, or max_connections was reached.",
                          "why", refused, sizeof(refused) / sizeof(refused[0]));
    metrics_counter(m, name_of(name, program, "accept_pauses_total"),
                    "Times that accepting stopped for 100 ms, because memory and "
                    "descriptors had run out.",
                    (double)st->n_pause);
    metrics_counter_parts(m, name_of(name, program, "connections_silent_total"),
                          "Connections closed because the peer sent nothing valid, by "
                          "reason: no frame within first_frame_ms, or displaced by a new "
                          "connection at max_connections.",
                          "why", mute, sizeof(mute) / sizeof(mute[0]));
    collect_ended(m, name_of(name, program, "connections_ended_total"), ended);
}
