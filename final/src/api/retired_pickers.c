/* A call log has one writer, its owner.  The owner of a retired picker has left it for
 * good, so the thread that holds the lock of the list may write its log instead: a call
 * is ended in the log in which it was begun.  Only when that log is not in the list,
 * because its thread has not called since, the call is counted in another retired log of
 * the same segment.
 *
 * A picker without an open call is destroyed, so that its log can go back to the agent,
 * but its record stays for a while: a second report of a call is still refused.
 *
 * Invariant: no call is counted in a segment that no agent collects, because the program
 * would take it for counted.  The caller then reports it in another way.
 *
 * Rejected: to keep all pickers until the client is closed.  The agent keeps the files of
 * an old segment as long as a client owns a log of it. */
#include "api/retired_pickers.h"

#include <errno.h>
#include <stdlib.h>

struct retired_picker {
    struct picker *picker;            /* NULL = it was destroyed without an open call */
    uint64_t segment;                 /* picker_segment_id() */
    uint32_t index;                   /* of the call log */
    uint64_t since_ms;                /* monotonic */
    struct retired_picker *next;
};

int retired_pickers_add(struct retired_pickers *l, struct picker *picker, uint64_t now_ms)
{
    struct retired_picker *r = malloc(sizeof(*r));

    if (!r)
        return -ENOMEM;
    *r = (struct retired_picker){picker, picker_segment_id(picker),
                                 call_log_index(picker_log(picker)), now_ms, l->first};
    l->first = r;
    return 0;
}

/* Can a call be ended with it? */
static bool is_usable(const struct picker *p)
{
    return p && picker_owns_log(p) && picker_is_collected(p);
}

int retired_pickers_end(const struct retired_pickers *l, struct call_log *opener,
                        const struct picker_pick *p, enum picker_outcome how,
                        uint64_t *took_us)
{
    struct retired_picker *r;

    for (r = l->first; r; r = r->next) {
        bool is_opener = p->token && !opener && r->index == call_log_opener(p->token);

        if (r->segment != p->segment)
            continue;
        if (is_opener && !r->picker)
            return -EALREADY;
        if ((is_opener || opener || !p->token) && is_usable(r->picker))
            return picker_end(r->picker, opener, p, how, took_us);
    }
    return -ESTALE;
}

/* A log that the agent has taken away is not given back. */
static void destroy_unused(struct retired_picker *r)
{
    if (!r->picker || !picker_owns_log(r->picker) ||
        call_log_n_open(picker_log(r->picker)) > 0)
        return;
    picker_destroy(r->picker);
    r->picker = NULL;
}

static bool is_over(const struct retired_picker *r, uint64_t now_ms)
{
    if (r->picker && !picker_owns_log(r->picker))
        return false;
    return (r->picker && !picker_is_collected(r->picker)) ||
           now_ms >= r->since_ms + RETIRED_PICKERS_S * 1000u;
}

void retired_pickers_prune(struct retired_pickers *l, bool is_left, uint64_t now_ms)
{
    struct retired_picker **at = &l->first, *r;

    while ((r = *at)) {
        if (is_left)
            destroy_unused(r);
        if (!is_over(r, now_ms)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        picker_destroy(r->picker);
        free(r);
    }
}

void retired_pickers_clear(struct retired_pickers *l, void (*end)(struct picker *))
{
    struct retired_picker *r;

    while ((r = l->first)) {
        l->first = r->next;
        if (r->picker)
            end(r->picker);
        free(r);
    }
}
