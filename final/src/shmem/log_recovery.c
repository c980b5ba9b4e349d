/* What a process was doing when it was killed is in its call log: call_log.c has the
 * steps of a begin and of a finish.  Recovery completes the step that was interrupted,
 * then finishes the calls that the process left open.
 *
 * Every action here is idempotent or a compare-and-swap, so that an agent that is killed
 * in the middle, and its successor that starts from the beginning, count no call twice.
 *
 * Rejected: giving the log to its next owner and recovering then.  Calls of the dead
 * process would count as in flight until some thread happens to take the log. */
#include "shmem/log_recovery.h"

#include "shmem/call_log_private.h"

/* Did the dead process do step 2 of the finish of <token>? */
static bool was_closed(const struct call_log *dead, struct call_log *const *all,
                       uint32_t n, uint64_t token)
{
    uint32_t opener = call_log_opener(token);

    if (token == UNTRACKED)
        return true;
    return opener < n && all[opener] &&
           LOAD(&call_log_slot(all[opener], token)->state) ==
               call_log_closed_by(dead->index, token & SEQ_MASK);
}

static void finish_intent(struct call_log *dead, struct call_log *const *all, uint32_t n)
{
    const struct layout_intent *it = &dead->l->intent;
    uint64_t token = LOAD(&it->token);

    if (token == 0)
        return;
    if (LOAD(&it->nid) < dead->max_nodes && LOAD(&it->mid) < dead->max_modules &&
        LOAD(&it->bucket) < SEGMENT_BUCKETS && was_closed(dead, all, n, token))
        call_log_apply(dead);
    call_log_disarm(dead);
}

/* Step 5 for all logs: slots that the dead process closed and did not give back. */
static void free_closed(const struct call_log *dead, struct call_log *const *all,
                        uint32_t n)
{
    uint64_t theirs = call_log_closed_by(dead->index, 0), state;
    uint32_t k, i;

    for (k = 0; k < n; k++)
        for (i = 0; all[k] && i < LAYOUT_SLOTS && i < LOAD(&all[k]->l->slot_top); i++) {
            state = LOAD(&all[k]->l->slot[i].state);
            if ((state & ~SEQ_MASK) == theirs)
                atomic_compare_exchange_strong(&all[k]->l->slot[i].state, &state,
                                               state & SEQ_MASK);
        }
}

/* The last begin may have reached the slot and not the count. */
static void finish_begin(struct call_log *dead, const struct layout_slot *s)
{
    uint32_t nid = LOAD(&s->nid);
    uint64_t state = LOAD(&s->state);

    if ((state & KIND_MASK) != KIND_OPEN && (state & SEQ_MASK) != LOAD(&dead->l->seq))
        return;
    if (nid < dead->max_nodes && LOAD(&s->begun) > LOAD(&dead->l->count[nid].begun))
        STORE(&dead->l->count[nid].begun, LOAD(&s->begun));
}

void log_recovery_run(struct call_log *mine, struct call_log *dead,
                      struct call_log *const *all, uint32_t n, uint64_t now_us,
                      call_log_ended_fn *ended, void *arg)
{
    uint32_t i, top = LOAD(&dead->l->slot_top);
    struct call_log_end e;
    uint64_t state;

    finish_intent(dead, all, n);
    for (i = 0; i < top && i < LAYOUT_SLOTS; i++) {
        finish_begin(dead, &dead->l->slot[i]);
        state = LOAD(&dead->l->slot[i].state);
        if ((state & KIND_MASK) == KIND_OPEN &&
            call_log_finish(mine, dead, call_log_token(dead, i, state & SEQ_MASK),
                            CALL_LOG_ABANDONED, now_us, 0, &e) == 0)
            ended(&e, arg);
    }
    free_closed(dead, all, n);
    STORE(&dead->l->op, LOAD(&dead->l->op) + 1);
}
