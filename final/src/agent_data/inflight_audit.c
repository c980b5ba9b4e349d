#include "agent_data/inflight_audit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LOOKS 20
#define AGREE 18
#define GAP_MS 5
#define SUSPECTS 4096                 /* of one audit; the next one sees the others */

struct suspect {
    uint32_t nid;
    int32_t off[LOOKS];
};

struct inflight_audit {
    struct evloop *loop;
    struct segment *s;
    struct client_logs *b;
    struct evtimer timer;
    struct suspect *suspect;          /* SUSPECTS of them */
    uint32_t n, look;
    _Atomic uint64_t n_corrected;
};

static int32_t off_by(struct inflight_audit *a, uint32_t nid)
{
    struct call_log_sum sum;
    int32_t inflight = atomic_load(&a->s->counters->counter[nid].inflight);

    client_logs_sum(a->b, nid, &sum);
    return inflight - (int32_t)(sum.begun - sum.done - sum.abandoned);
}

static int by_size(const void *x, const void *y)
{
    int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;

    return (a > b) - (a < b);
}

static void judge(struct inflight_audit *a, struct suspect *s)
{
    int32_t mid;

    qsort(s->off, LOOKS, sizeof(s->off[0]), by_size);
    mid = s->off[LOOKS / 2];
    if (s->off[LOOKS - AGREE] <= 0 && s->off[AGREE - 1] >= 0)
        return;                       /* neither 18 above nor 18 below */
    atomic_fetch_sub(&a->s->counters->counter[s->nid].inflight, mid);
    a->n_corrected++;
}

static void on_look(void *arg)
{
    struct inflight_audit *a = arg;
    uint32_t i;

    for (i = 0; i < a->n; i++)
        a->suspect[i].off[a->look] = off_by(a, a->suspect[i].nid);
    if (++a->look < LOOKS) {
        evloop_set_timer(a->loop, &a->timer, GAP_MS, on_look, a);
        return;
    }
    for (i = 0; i < a->n; i++)
        judge(a, &a->suspect[i]);
    a->n = 0;
}

void inflight_audit_start(struct inflight_audit *a)
{
    uint32_t nid, n_nid = atomic_load(&a->s->routes->n_nid);

    if (a->n > 0)
        return;
    for (nid = 0; nid < n_nid && nid < a->s->max_nodes && a->n < SUSPECTS; nid++)
        if (atomic_load(&a->s->counters->counter[nid].inflight) != 0 &&
            off_by(a, nid) != 0)
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
                          struct segment *s, struct client_logs *b)
{
    struct inflight_audit *a = calloc(1, sizeof(*a));

    if (a)
        a->suspect = calloc(SUSPECTS, sizeof(*a->suspect));
    if (!a || !a->suspect) {
        free(a);
        return -ENOMEM;
    }
    a->loop = l;
    a->s = s;
    a->b = b;
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
