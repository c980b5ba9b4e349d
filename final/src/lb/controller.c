/* The order of a step matters: first all nodes are observed, then the limits are computed
 * from all of them, then each is judged by the limits, then the costs are published.  So
 * a node is never compared with a fellow's older numbers.
 *
 * Invariants: a cost of NODE_OUT and more is written here and nowhere else.  n_out and
 * n_down are the members whose state is not up, and of these the ones that are down;
 * every change of a state goes through note_change(), which keeps them.  Clients only
 * propose an ejection; a proposal is confirmed or dropped at the next step, so a client
 * that errs costs a node one second at most.
 *
 * Trouble.  Nodes that calls show to work are not checked.  The first failed call of the
 * own zone starts checks of its node, of its fellows, because what stopped one may have
 * stopped several, and of nodes of the other zones, because calls may go there next.
 * When calls go there all nodes are checked.  A node of another zone whose check has not
 * succeeded within NODE_STATE_SEEN_MS gets no calls; after the trouble it is forgotten
 * and counts as unseen.
 *
 * Rejected: ejection by the clients alone.  Each sees few calls, so a rare failure looks
 * like a streak to one and like nothing to the others; and after its death nothing would
 * readmit the node. */
#include "lb/controller.h"

#include <stdatomic.h>

#include "lb/policy.h"

#define TRIAL_LOST_MS 60000           /* the caller that had the ticket has died */
#define TROUBLE_MS 1000               /* so long all are checked after a sign of
                                       * trouble */
#define IDLE_MS 1500                  /* a node without a good call for so long is
                                       * checked */
#define CALLED_MS 5000                /* a module without calls for so long is not in
                                       * use */
#define DOUBT_GAP_MS 200              /* from a good check to the next one of a node that
                                       * is up, and of which some calls fail */

static bool is_foreign(const struct controller *s, uint32_t i)
{
    return s->view.n_own > 0 && i >= s->view.n_own;
}

/* --- states ------------------------------------------------------------------------- */

static void note_change(struct controller *s, const struct controller_hooks *hooks,
                        uint32_t nid, enum node_status was, enum node_event event)
{
    struct health_node *h = &s->node[nid];
    enum node_status is = h->state.status;

    if (event == NODE_EVENT_NONE)
        return;
    s->n_out += is != NODE_STATUS_UP;
    s->n_out -= was != NODE_STATUS_UP;
    s->n_down += is == NODE_STATUS_DOWN;
    s->n_down -= was == NODE_STATUS_DOWN;
    /* a proposal or a ticket ends with the state that it was about */
    atomic_store(&s->view.counter[nid].ejected_until_ms, 0);
    if (event == NODE_EVENT_UP) {
        /* where failures are rare, the first call of a node that was ejected decides */
        bool distrusted = was == NODE_STATUS_EJECTED && s->eject_after > 1 &&
                          s->eject_after == health_eject_after(0);

        health_begin_anew(h);
        atomic_store(&s->view.counter[nid].streak, distrusted ? s->eject_after - 1 : 0);
    } else {
        atomic_store(&s->cost[nid], event == NODE_EVENT_FORGOTTEN
                                        ? NODE_OUT | NODE_UNSEEN
                                        : node_state_cost(&h->state));
    }
    s->changing = true;
    hooks->changed(nid, event, hooks->arg);
}

static bool is_out(const struct controller *s, uint32_t nid, uint64_t now_ms)
{
    return atomic_load(&s->cost[nid]) >= NODE_OUT ||
           atomic_load(&s->view.counter[nid].ejected_until_ms) > now_ms;
}

/* Ejects a node, which is up, if the cap allows it.  <census>: of the module; this keeps
 * it up to date, because to count 5,000 members anew for each of thousands that fail took
 * 23 ms a step.  Only the sum of those that are available counts for the cap. */
static void eject(struct controller *s, const struct health_config *c,
                  const struct controller_hooks *hooks, uint32_t nid,
                  enum eject_reason why, struct pick_census *census, uint64_t now_ms)
{
    bool was_out = is_out(s, nid, now_ms), available;

    atomic_store(&s->view.counter[nid].ejected_until_ms, 0);
    available = !is_out(s, nid, now_ms);
    if (was_out && available) {         /* by a proposal, which ends here */
        census->ejected--;
        census->own++;
    }
    if (!pick_census_may_eject(census, false)) {
        s->n_vetoed++;
        return;
    }
    if (available) {
        census->ejected++;
        census->own--;
    }
    node_state_eject(&s->node[nid].state, &c->state, why, now_ms);
    note_change(s, hooks, nid, NODE_STATUS_UP, NODE_EVENT_OUT);
}

/* May a node that was down, and works again, stay out as ejected?  It is one more that is
 * up then. */
static bool may_hold(const struct controller *s, uint64_t now_ms)
{
    struct pick_census c;

    pick_count(&s->view, now_ms, &c);
    return c.own + c.other > 0 && c.ejected + 1 <= c.own + c.other;
}

static bool is_one_on_trial(const struct controller *s)
{
    uint32_t i;

    for (i = 0; i < s->view.n; i++)
        if (s->node[s->view.member[i].nid].state.status == NODE_STATUS_TRIAL)
            return true;
    return false;
}

/* Has no check of the module ever succeeded, although calls have?  Then its service may
 * be one that TCP does not reach. */
static bool is_unproven(const struct controller *s)
{
    bool seen = false;
    uint32_t i;

    for (i = 0; i < s->view.n; i++) {
        const struct node_state *n = &s->node[s->view.member[i].nid].state;

        if (n->checkable)
            return false;
        seen = seen || n->seen_ms != 0;
    }
    return seen;
}

void controller_checked(struct controller *s, const struct health_config *c,
                        const struct controller_hooks *hooks, uint32_t nid,
                        enum node_check kind, bool ok, uint64_t now_ms)
{
    struct node_state *n = &s->node[nid].state;
    enum node_status was = n->status;
    struct node_result r = {.ok = ok, .kind = kind};
    struct pick_census census;

    if (was == NODE_STATUS_DOWN && ok)
        r.may_hold = may_hold(s, now_ms);
    if (was == NODE_STATUS_EJECTED)
        r.may_try = (ok && kind != NODE_CHECK_PORT) ||
                    (now_ms >= s->try_after_ms && !is_one_on_trial(s));
    r.unproven = !ok && !n->checkable && is_unproven(s);
    note_change(s, hooks, nid, was, node_state_checked(n, &c->state, &r, now_ms));
    if (was != NODE_STATUS_UP || !node_state_is_stopped(n) || s->trouble_ms == 0)
        return;
    pick_count(&s->view, now_ms, &census);
    eject(s, c, hooks, nid, EJECT_STOPPED, &census, now_ms);
}

/* --- what the calls say ------------------------------------------------------------- */

/* A call that was to try the node has ended. */
static void end_trial(struct controller *s, const struct health_config *c,
                      const struct controller_hooks *hooks, uint32_t nid,
                      const struct health_totals *n, uint64_t now_ms)
{
    struct node_state *st = &s->node[nid].state;
    _Atomic uint64_t *ticket = &s->view.counter[nid].ejected_until_ms;

    if (st->trial_ms == 0 && atomic_load(ticket) != 0) {
        st->trial_ms = now_ms;        /* it is taken: offer no other one */
        atomic_store(&s->cost[nid], node_state_cost(st));
    } else if (st->trial_ms != 0 && n->done == 0 && atomic_load(ticket) == 0) {
        st->trial_ms = 0;             /* its call was cancelled: offer it again */
        atomic_store(&s->cost[nid], node_state_cost(st));
    }
    if (st->trial_ms == 0)
        return;
    if (n->done > 0) {
        note_change(s, hooks, nid, NODE_STATUS_TRIAL,
                    node_state_tried(st, &c->state, n->err == 0, now_ms));
        s->try_after_ms = n->err == 0 ? 0 : st->backoff_until_ms;
    } else if (now_ms - st->trial_ms > TRIAL_LOST_MS) {
        st->trial_ms = 0;
        atomic_store(ticket, 0);
    }
}

/* <n> calls have ended since the last step.  <panic>: no node of the module is
 * available. */
static void weigh_calls(struct controller *s, const struct health_config *c,
                        const struct controller_hooks *hooks, uint32_t nid,
                        const struct health_totals *n, bool panic, uint64_t now_ms)
{
    struct node_state *st = &s->node[nid].state;

    switch (st->status) {
    case NODE_STATUS_UP:
        if (n->err > 0)
            node_state_witness(st, EJECT_CHECK, now_ms);
        if (n->done > n->err)
            node_state_succeeded(st, now_ms);
        break;
    case NODE_STATUS_TRIAL:
        end_trial(s, c, hooks, nid, n, now_ms);
        break;
    case NODE_STATUS_DOWN: /* its check errs when a call that was let through succeeds */
        if (panic && n->done > n->err &&
            atomic_load(&s->view.counter[nid].ejected_until_ms) != 0) {
            node_state_readmit(st, now_ms);
            note_change(s, hooks, nid, NODE_STATUS_DOWN, NODE_EVENT_UP);
        }
        break;
    case NODE_STATUS_EJECTED:
    default:
        break;
    }
}

/* Fills <fellow> with the module's nodes.  Returns the mean duration of the calls of
 * those that are up, 0 = unknown. */
static double observe(struct controller *s, const struct health_config *c,
                      const struct controller_hooks *hooks, struct health_node **fellow,
                      uint64_t now_ms)
{
    struct health_totals t;
    struct pick_census census = {.own = 1};
    double total = 0;
    uint32_t i, n = 0;

    if (s->n_down > 0)
        pick_count(&s->view, now_ms, &census);
    for (i = 0; i < s->view.n; i++) {
        uint32_t nid = s->view.member[i].nid;
        struct health_node *h = &s->node[nid];

        hooks->totals(nid, &t, hooks->arg);
        t = health_observe(h, c, &t, atomic_load(&s->view.counter[nid].streak), now_ms);
        node_state_forgive(&h->state, now_ms);
        if (t.done > 0)
            s->called_ms = now_ms;
        weigh_calls(s, c, hooks, nid, &t, census.own + census.other == 0, now_ms);
        fellow[i] = h;
        if (h->mean_us > 0 && h->state.status == NODE_STATUS_UP) {
            total += h->mean_us;
            n++;
        }
    }
    return n > 0 ? total / n : 0;
}

/* --- limits and judgement ----------------------------------------------------------- */

static void set_limits(struct controller *s, struct health_node *const *fellow,
                       double mean_us)
{
    double penalty = 2 * mean_us;

    if (penalty < CONTROLLER_PENALTY_MIN_US)
        penalty = CONTROLLER_PENALTY_MIN_US;
    if (penalty > CONTROLLER_PENALTY_MAX_US)
        penalty = CONTROLLER_PENALTY_MAX_US;
    s->penalty_us = (uint32_t)penalty;
    s->eject_after = health_module_eject_after(fellow, s->view.n);
}

static void judge_nodes(struct controller *s, const struct health_config *c,
                        const struct controller_hooks *hooks,
                        struct health_node *const *fellow, uint64_t now_ms)
{
    double limit = health_outlier_limit(fellow, s->view.n);
    struct pick_census census;
    uint32_t i;

    pick_count(&s->view, now_ms, &census);
    for (i = 0; i < s->view.n; i++) {
        uint32_t nid = s->view.member[i].nid;
        const struct node_counter *n = &s->view.counter[nid];

        if (s->node[nid].state.status != NODE_STATUS_UP)
            continue;
        if (atomic_load(&n->ejected_until_ms) > now_ms)
            eject(s, c, hooks, nid, EJECT_PROPOSED, &census, now_ms);
        else if (atomic_load(&n->streak) >= s->eject_after)
            eject(s, c, hooks, nid, EJECT_STREAK, &census, now_ms);
        else if (health_is_below(fellow[i], limit))
            eject(s, c, hooks, nid, EJECT_OUTLIER, &census, now_ms);
    }
}

/* Other nodes have gone down since, so more than half of those that are left are ejected:
 * readmits the one whose back-off ends first. */
static void keep_cap(struct controller *s, const struct controller_hooks *hooks,
                     uint64_t now_ms)
{
    uint32_t i, n_up = 0, first = PICK_NONE;
    enum node_status was;

    if (s->n_out == s->n_down)
        return;
    for (i = 0; i < s->view.n; i++) {
        uint32_t nid = s->view.member[i].nid;
        const struct node_state *st = &s->node[nid].state;

        n_up += st->status == NODE_STATUS_UP &&
                (!is_foreign(s, i) || node_state_is_seen(st, now_ms));
        if ((st->status == NODE_STATUS_EJECTED || st->status == NODE_STATUS_TRIAL) &&
            (first == PICK_NONE ||
             st->backoff_until_ms < s->node[first].state.backoff_until_ms))
            first = nid;
    }
    if (first == PICK_NONE || s->n_out - s->n_down <= n_up)
        return;
    was = s->node[first].state.status;
    node_state_readmit(&s->node[first].state, now_ms);
    note_change(s, hooks, first, was, NODE_EVENT_UP);
}

/* --- costs and zones ---------------------------------------------------------------- */

static uint32_t cost_of(struct controller *s, const struct health_config *c, uint32_t i,
                        double mean_us, uint64_t now_ms)
{
    const struct lb_policy *policy = s->view.policy;
    const struct node_member *m = &s->view.member[i];
    struct health_node *h = &s->node[m->nid];
    uint32_t cost = node_state_cost(&h->state);

    if (cost != 0)
        return cost;
    if (is_foreign(s, i) && !node_state_is_seen(&h->state, now_ms))
        return NODE_OUT | NODE_UNSEEN | (s->spills ? NODE_DOWN : 0);
    cost = policy && policy->tick ? policy->tick(s, i, mean_us, now_ms)
                                  : health_cost(h, m->weight, mean_us, now_ms);
    if (node_state_pauses(&h->state, &c->state, now_ms))
        return NODE_WARMING;
    return cost > NODE_COST_MAX ? NODE_COST_MAX : cost; /* the higher ones are states */
}

static void publish_costs(struct controller *s, const struct health_config *c,
                          double mean_us, uint64_t now_ms)
{
    uint32_t i;

    for (i = 0; i < s->view.n; i++) {
        uint32_t nid = s->view.member[i].nid;
        const struct node_state *st = &s->node[nid].state;

        atomic_store_explicit(&s->cost[nid], cost_of(s, c, i, mean_us, now_ms),
                              memory_order_relaxed);
        s->changing = s->changing || st->status == NODE_STATUS_TRIAL ||
                      node_state_is_doubted(st, now_ms) ||
                      (st->warmup_since_ms != 0 &&
                       now_ms - st->warmup_since_ms <= c->state.slow_ms + 1000);
    }
}

/* Is a node of the own zone not up, or in doubt? */
static bool is_own_zone_hurt(const struct controller *s, uint64_t now_ms)
{
    uint32_t i, n = s->view.n_own > 0 ? s->view.n_own : s->view.n;

    for (i = 0; i < n; i++) {
        const struct node_state *st = &s->node[s->view.member[i].nid].state;

        if (st->status != NODE_STATUS_UP || node_state_is_doubted(st, now_ms))
            return true;
    }
    return false;
}

/* Do calls go to other zones, or are they about to?  When they are not any more, what is
 * known of the nodes there is forgotten. */
static void step_spill(struct controller *s, const struct controller_hooks *hooks,
                       const struct pick_census *census, uint64_t now_ms)
{
    unsigned why = 0;
    uint32_t i;

    s->spills = s->view.n_own > 0 && s->view.n_own < s->view.n &&
                pick_own_share(&s->view, census, now_ms, &why) < PICK_FULL;
    if (s->spills || is_own_zone_hurt(s, now_ms) ||
        (s->trouble_ms == 0 && s->n_out > 0)) /* adopted, or of the own zone until now */
        s->trouble_ms = now_ms;
    if (s->trouble_ms == 0)
        return;
    s->changing = true;
    if (now_ms - s->trouble_ms <= NODE_STATE_SEEN_MS)
        return;
    s->trouble_ms = 0;
    if (s->view.n_own == 0)
        return;                       /* one zone: no node is unseen */
    for (i = s->view.n_own; i < s->view.n; i++) {
        uint32_t nid = s->view.member[i].nid;
        enum node_status was = s->node[nid].state.status;

        node_state_forget(&s->node[nid].state);
        atomic_store(&s->view.counter[nid].streak, 0); /* else it is ejected again */
        atomic_store(&s->cost[nid], NODE_OUT | NODE_UNSEEN);
        if (was != NODE_STATUS_UP)
            note_change(s, hooks, nid, was, NODE_EVENT_FORGOTTEN);
    }
}

/* Is a node of the own zone to be checked because no call shows that it works, or for the
 * first time, to learn what a check of it can see?  In a module of many nodes a part of
 * them in each second. */
static bool is_idle(const struct controller *s, uint32_t i, uint64_t now_ms)
{
    uint32_t n = s->view.n_own > 0 ? s->view.n_own : s->view.n;
    uint32_t parts = (n + CONTROLLER_RESERVE - 1) / CONTROLLER_RESERVE;
    const struct node_state *st = &s->node[s->view.member[i].nid].state;

    return s->called_ms != 0 && now_ms - s->called_ms <= CALLED_MS &&
           i / CONTROLLER_RESERVE == now_ms / 1000 % parts &&
           (now_ms - st->seen_ms > IDLE_MS || st->checked_ms == 0);
}

bool controller_wants_check(const struct controller *s, uint32_t i, uint64_t now_ms)
{
    const struct node_state *st = &s->node[s->view.member[i].nid].state;
    bool foreign = is_foreign(s, i);
    uint32_t place = foreign ? i - s->view.n_own : i;

    if (!foreign && st->status != NODE_STATUS_UP)
        return true;
    if (!foreign && node_state_is_doubted(st, now_ms) &&
        (st->n_fail > 0 || now_ms - st->checked_ms >= DOUBT_GAP_MS))
        return true;
    if (!foreign && is_idle(s, i, now_ms))
        return true;
    return s->trouble_ms != 0 && now_ms - s->trouble_ms <= TROUBLE_MS &&
           (s->spills || place < CONTROLLER_RESERVE);
}

void controller_step(struct controller *s, const struct health_config *c,
                     const struct controller_hooks *hooks, struct health_node **scratch,
                     uint64_t now_ms)
{
    struct zone_breaker_nodes zone = {.n_own = s->view.n_own};
    struct pick_census census;
    double mean_us;

    s->changing = false;
    mean_us = observe(s, c, hooks, scratch, now_ms);
    set_limits(s, scratch, mean_us);
    judge_nodes(s, c, hooks, scratch, now_ms);
    keep_cap(s, hooks, now_ms);
    publish_costs(s, c, mean_us, now_ms);
    pick_count(&s->view, now_ms, &census);
    zone.own = census.own;
    zone.other = census.other;
    zone.n_other = census.n_other;
    s->view.own_max = zone_breaker_step(&s->breaker, &zone, now_ms);
    s->changing = s->changing || s->breaker.open || s->breaker.returning || s->n_out > 0;
    step_spill(s, hooks, &census, now_ms);
}
