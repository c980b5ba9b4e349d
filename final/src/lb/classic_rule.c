/* The choosing half of the classic algorithm (the public Lars, ELB): nodes in turn, and
 * each 11th call to the next ejected node, to find out whether it works again.  Which
 * nodes are ejected is decided as for every other policy, by lb/controller.c.
 *
 * With every node of the own zone ejected the original refuses the call; here it goes to
 * another zone, or to any node.  It stays selectable for those who come from Lars and as
 * a measure for the others: each 11th call fails for as long as a node is dead.
 *
 * lb/classic.c is the whole algorithm, both halves in private queues; why there are two
 * is in docs/decisions/019-classic-twice.md. */
#include "lb/policy.h"

#define PROBE_EVERY 11

enum word { CALLS, NEXT_TURN, NEXT_PROBE }; /* of pick_state.word */

static uint32_t classic_pick(const struct pick_view *v, struct pick_state *st,
                             const struct pick_part *p, struct pick_call *c)
{
    bool probe = st->word[CALLS]++ % PROBE_EVERY == PROBE_EVERY - 1;
    uint32_t k, i, *next = &st->word[probe ? NEXT_PROBE : NEXT_TURN];

    for (k = 0; k < p->n; k++) {
        i = p->from + (*next + k) % p->n;
        if (pick_is_ejected(v, i, c->now_ms) != probe)
            continue;
        *next = (*next + k + 1) % p->n;
        c->why |= probe ? PICK_PROBE : 0;
        return i;
    }
    if (!probe && p->from == 0 && p->n < v->n) /* all of the own zone are ejected */
        return classic_pick(v, st, &(struct pick_part){p->n, v->n - p->n, false, false},
                            c);
    st->word[NEXT_TURN] = (st->word[NEXT_TURN] + 1) % p->n;
    return p->from + st->word[NEXT_TURN];
}

const struct lb_policy classic_rule_policy = {.name = "classic",
                                              .summary =
                                                  "in turn, each 11th call a probe",
                                              .flags = POLICY_ANY_PART,
                                              .pick = classic_pick};
