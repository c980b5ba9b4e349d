/* The choosing half of the classic algorithm (the public Lars, ELB): nodes in turn, and
 * each 11th call to the next ejected node, to find out whether it works again.  Which
 * nodes are ejected is decided as for every other policy, by lb/controller.c.
 *
 * With every node of the own zone ejected the original refuses the call; here it goes to
 * another zone.  It stays selectable for those who come from Lars and as a measure for
 * the others: each 11th call fails for as long as a node is dead.
 *
 * lb/classic.c is the whole algorithm, both halves in private queues; why there are two
 * is in docs/decisions/019-classic-twice.md. */
#include "lb/policy.h"

#define PROBE_EVERY 11

enum word { CALLS, NEXT_TURN, NEXT_PROBE }; /* of pick_state.word */

/* The next member of <p> that is available, or with <out> the next that is not; v->n:
 * there is none. */
static uint32_t next_in_turn(const struct pick_view *v, struct pick_state *st,
                             const struct pick_part *p, bool out, uint64_t now_ms)
{
    uint32_t k, i, *next = &st->word[out ? NEXT_PROBE : NEXT_TURN];

    for (k = 0; k < p->n; k++) {
        i = p->from + (*next + k) % p->n;
        if (pick_is_out(v, i, now_ms) != out)
            continue;
        *next = (*next + k + 1) % p->n;
        return i;
    }
    return v->n;
}

static uint32_t classic_pick(const struct pick_view *v, struct pick_state *st,
                             const struct pick_part *p, struct pick_call *c)
{
    const struct pick_part other = {p->n, v->n - p->n, false};
    uint32_t i = v->n;

    if (st->word[CALLS]++ % PROBE_EVERY == PROBE_EVERY - 1)
        i = next_in_turn(v, st, p, true, c->now_ms);
    if (i < v->n) {
        c->why |= PICK_PROBE;
        return i;
    }
    i = next_in_turn(v, st, p, false, c->now_ms);
    if (i == v->n && p->from == 0 && p->n < v->n) /* all of the own zone are out */
        i = next_in_turn(v, st, &other, false, c->now_ms);
    return i;
}

const struct lb_policy classic_rule_policy = {.name = "classic",
                                              .summary =
                                                  "in turn, each 11th call a probe",
                                              .flags = POLICY_ANY_PART,
                                              .pick = classic_pick};
