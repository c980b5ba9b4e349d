/* An audit first lists the suspects: nodes whose counter differs from the logs now.  Most
 * of them differ only because a client is between its two stores (the log and the
 * counter).  Such a difference has another sign, or none, a moment later; the trace of a
 * killed client stays.  So each suspect is compared N_LOOKS times, and only a difference
 * that keeps its sign is corrected.
 *
 * Invariant: a correction is an atomic subtraction of a difference, never a store of a
 * value, so calls that begin or end at the same moment are not lost.
 *
 * Rejected: to stop clients while the counter is compared.  They would need a lock, and a
 * client that is killed with the lock would stop all others. */
#include "agent_data/inflight_audit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "shmem/node_table.h"

#define N_LOOKS 20
#define N_AGREE 18                    /* looks that must show the same sign */
#define LOOK_GAP_MS 5
#define MAX_SUSPECTS 4096             /* of one audit; more are found by the next one */

struct suspect {
    uint32_t nid;
    int32_t diff[N_LOOKS];
};

struct inflight_audit {
    struct evloop *loop;
    struct segment *s;
    struct client_logs *logs;
    struct evtimer timer;
    struct suspect *suspect;          /* MAX_SUSPECTS; n are in use */
    uint32_t n;                       /* 0 = no audit is in progress */
    uint32_t look;                    /* looks made so far */
    _Atomic uint64_t n_corrected;
};

/* How much larger the counter is than the calls that the logs show as open. */
static int32_t difference(struct inflight_audit *a, uint32_t nid)
{
    struct call_log_sum sum;
    int32_t inflight = atomic_load(&node_table_counters(a->s)[nid].inflight);

    client_logs_sum(a->logs, nid, &sum);
    return inflight - (int32_t)(sum.begun - sum.done - sum.abandoned);
}

static int compare_diff(const void *x, const void *y)
{
    int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;

    return (a > b) - (a < b);
}

static void correct_counter(struct inflight_audit *a, struct suspect *s)
{
    int32_t median;

    qsort(s->diff, N_LOOKS, sizeof(s->diff[0]), compare_diff);
    median = s->diff[N_LOOKS / 2];
    if (s->diff[N_LOOKS - N_AGREE] <= 0 && s->diff[N_AGREE - 1] >= 0)
        return;                       /* fewer than N_AGREE have the same sign */
    LOG_DEBUG("inflight.corrected", "node_id=%u by=%d", s->nid, -median);
    atomic_fetch_sub(&node_table_counters(a->s)[s->nid].inflight, median);
    a->n_corrected++;
}

static void on_look(void *arg)
{
    struct inflight_audit *a = arg;
    uint32_t i;

    for (i = 0; i < a->n; i++)
        a->suspect[i].diff[a->look] = difference(a, a->suspect[i].nid);
    if (++a->look < N_LOOKS) {
        evloop_set_timer(a->loop, &a->timer, LOOK_GAP_MS, on_look, a);
        return;
    }
    for (i = 0; i < a->n; i++)
        correct_counter(a, &a->suspect[i]);
    a->n = 0;
}

void inflight_audit_start(struct inflight_audit *a)
{
    const struct node_counter *counter = node_table_counters(a->s);
    uint32_t nid, n_nid = node_table_count(a->s);

    if (a->n > 0)
        return;
    for (nid = 0; nid < n_nid && a->n < MAX_SUSPECTS; nid++)
        if (atomic_load(&counter[nid].inflight) != 0 && difference(a, nid) != 0)
            a->suspect[a->n++].nid = nid;
    a->look = 0;
    if (a->n > 0)
        on_look(a);
}

uint64_t inflight_audit_n_corrected(const struct inflight_audit *a)
{
    return a->n_corrected;
}

int inflight_audit_create(struct inflight_audit **out, struct evloop *l,
                          struct segment *s, struct client_logs *logs)
{
    struct inflight_audit *a = calloc(1, sizeof(*a));

    if (a)
        a->suspect = calloc(MAX_SUSPECTS, sizeof(*a->suspect));
    if (!a || !a->suspect) {
        free(a);
        return -ENOMEM;
    }
    a->loop = l;
    a->s = s;
    a->logs = logs;
    *out = a;
    return 0;
}

void inflight_audit_destroy(struct inflight_audit *a)
{
    if (!a)
        return;
    evloop_clear_timer(a->loop, &a->timer);
    free(a->suspect);
    free(a);
}
