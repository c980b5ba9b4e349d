/* A node leaves `up` in two ways that must not be mixed.  A failed check is a fact about
 * this node alone; a streak or an outlier is a comparison that something shared by all
 * nodes can mislead.  So only the second one is limited to half of the nodes, and the
 * first one needs no limit: when every check fails, the callers get -EAGAIN.
 *
 * Invariant: n_out counts each period in which the node was not up once, however often it
 * moved between down, ejected and trial in it; only a trial that fails counts again.
 *
 * Rejected: one limit for both (until version 1.1).  The loss of a zone used it up, and a
 * node that died in the other zone could then not be taken out: 55 % of the calls failed
 * for as long as it lasted. */
#include "lb/node_state.h"

#define CHECKS 2                      /* in a row, to go down and to come back */
#define WITNESS_MS 2000               /* what a caller has seen counts for so long */
#define TRUSTED 2                     /* a node that was out more often lately flaps: good
                                       * checks do not shorten its back-off */
#define FORGIVEN_MS 60000

static uint64_t backoff_ms(const struct node_state *n, const struct node_state_config *c)
{
    uint32_t k = n->n_out > 0 ? n->n_out - 1 : 0;
    uint64_t ms = (uint64_t)c->eject_ms << (k < 16 ? k : 16);

    return ms < c->eject_max_ms ? ms : c->eject_max_ms;
}

static void go_out(struct node_state *n, const struct node_state_config *c,
                   enum node_status status, enum eject_reason why, uint64_t now_ms)
{
    if (n->status == NODE_STATUS_UP) {
        n->n_out++;
        n->changed_ms = now_ms;
        n->backoff_until_ms = now_ms + backoff_ms(n, c);
        n->check_failed = false;
        n->n_ok = 0;
    }
    n->status = status;
    n->why = why;                     /* the present reason, not that of the period */
    n->trial_ms = n->warmup_since_ms = 0;
}

static enum node_event come_back(struct node_state *n, uint64_t now_ms)
{
    n->status = NODE_STATUS_UP;
    n->changed_ms = n->warmup_since_ms = now_ms;
    n->witness_ms = n->trial_ms = 0;
    n->n_ok = n->n_fail = n->n_stopped = 0;
    n->warmup_credit = 0;
    return NODE_EVENT_UP;
}

void node_state_witness(struct node_state *n, enum eject_reason whose, uint64_t now_ms)
{
    n->witness_ms = now_ms;
    n->witness = whose;
}

void node_state_succeeded(struct node_state *n, uint64_t now_ms)
{
    n->seen_ms = now_ms;
    n->n_stopped = 0;
}

bool node_state_is_doubted(const struct node_state *n, uint64_t now_ms)
{
    return n->status == NODE_STATUS_UP &&
           (n->n_fail > 0 ||
            (n->witness_ms != 0 && now_ms - n->witness_ms <= WITNESS_MS));
}

/* The node is ejected, and checks do not show whether its service works. */
static enum node_event offer_trial(struct node_state *n, const struct node_result *r,
                                   uint64_t now_ms)
{
    if (now_ms < n->backoff_until_ms || !r->may_try ||
        (r->kind == NODE_CHECK_PORT && now_ms - n->changed_ms < NODE_STATE_PORT_MS))
        return NODE_EVENT_NONE;
    n->status = NODE_STATUS_TRIAL;
    n->trial_ms = 0;
    return NODE_EVENT_MOVED;
}

/* Does a failed check say nothing about the node?  No check has ever reached it, and
 * calls do: now, or in a module none of whose nodes a check has reached. */
static bool is_beyond_checks(const struct node_state *n, const struct node_result *r,
                             bool witnessed, uint64_t now_ms)
{
    if (n->checkable)
        return false;
    if (r->unproven)
        return n->seen_ms != 0 || !witnessed;
    return !witnessed && node_state_is_seen(n, now_ms);
}

static enum node_event check_failed(struct node_state *n,
                                    const struct node_state_config *c,
                                    const struct node_result *r, uint64_t now_ms)
{
    bool witnessed = n->witness_ms != 0 && now_ms - n->witness_ms <= WITNESS_MS;
    bool was_up = n->status == NODE_STATUS_UP;

    n->n_ok = 0;
    if (is_beyond_checks(n, r, witnessed, now_ms))
        return n->status == NODE_STATUS_EJECTED ? offer_trial(n, r, now_ms)
                                                : NODE_EVENT_NONE;
    n->n_fail++;
    if (n->status == NODE_STATUS_DOWN || (n->n_fail < CHECKS && !witnessed)) {
        n->check_failed = n->check_failed || !was_up;
        return NODE_EVENT_NONE;
    }
    go_out(n, c, NODE_STATUS_DOWN, witnessed ? n->witness : EJECT_CHECK, now_ms);
    n->check_failed = true;
    return was_up ? NODE_EVENT_OUT : NODE_EVENT_MOVED;
}

/* The node was down, and its checks succeed. */
static enum node_event leave_down(struct node_state *n, bool may_hold, uint64_t now_ms)
{
    if (n->n_ok < CHECKS)
        return NODE_EVENT_NONE;
    if (n->n_out <= TRUSTED || now_ms >= n->backoff_until_ms || !may_hold)
        return come_back(n, now_ms);
    n->status = NODE_STATUS_EJECTED;
    n->why = EJECT_FLAPPING;
    return NODE_EVENT_MOVED;
}

/* The node is ejected, and its checks succeed. */
static enum node_event leave_ejected(struct node_state *n, const struct node_result *r,
                                     uint64_t now_ms)
{
    bool is_over = now_ms >= n->backoff_until_ms;
    bool trusted = r->kind == NODE_CHECK_SERVICE && n->n_out <= TRUSTED;

    if (n->n_ok < CHECKS || (!is_over && !trusted))
        return NODE_EVENT_NONE;
    if (r->kind == NODE_CHECK_SERVICE || n->check_failed)
        return come_back(n, now_ms);
    return offer_trial(n, r, now_ms);
}

/* Has a check of the port shown less than earlier ones did?  It counts for a process that
 * has run since: not when the node was down, nor when it has been out for so long that
 * another version may serve there now, which does not close connections in turn. */
static bool sees_less(struct node_state *n, const struct node_state_config *c,
                      const struct node_result *r, uint64_t now_ms)
{
    if (r->kind != NODE_CHECK_PORT || n->kind == NODE_CHECK_PORT)
        return false;
    if (n->status == NODE_STATUS_UP || (n->status != NODE_STATUS_DOWN &&
                                        now_ms - n->changed_ms <= c->eject_max_ms))
        return true;
    n->kind = NODE_CHECK_PORT;
    n->check_failed = n->status == NODE_STATUS_DOWN;
    return false;
}

enum node_event node_state_checked(struct node_state *n,
                                   const struct node_state_config *c,
                                   const struct node_result *r, uint64_t now_ms)
{
    n->checked_ms = now_ms;
    if (!r->ok)
        return check_failed(n, c, r, now_ms);
    n->n_fail = 0;
    n->checkable = true;
    if (sees_less(n, c, r, now_ms)) {
        n->n_ok = 0;
        n->n_stopped++;
        n->check_failed = n->check_failed || n->status != NODE_STATUS_UP;
        return NODE_EVENT_NONE;
    }
    n->n_ok++;
    n->n_stopped = 0;
    if (r->kind > NODE_CHECK_PORT)
        n->seen_ms = now_ms;
    if (r->kind > n->kind)
        n->kind = r->kind;
    switch (n->status) {
    case NODE_STATUS_DOWN:
        return leave_down(n, r->may_hold, now_ms);
    case NODE_STATUS_EJECTED:
        return leave_ejected(n, r, now_ms);
    case NODE_STATUS_TRIAL:
        return NODE_EVENT_NONE;       /* the trial call decides */
    case NODE_STATUS_UP:
    default:
        n->witness_ms = 0;            /* it was no failure of the node */
        return NODE_EVENT_NONE;
    }
}

bool node_state_is_stopped(const struct node_state *n)
{
    return n->n_stopped >= CHECKS;
}

void node_state_eject(struct node_state *n, const struct node_state_config *c,
                      enum eject_reason why, uint64_t now_ms)
{
    go_out(n, c, NODE_STATUS_EJECTED, why, now_ms);
    node_state_witness(n, EJECT_CHECK, now_ms);
}

enum node_event node_state_tried(struct node_state *n, const struct node_state_config *c,
                                 bool ok, uint64_t now_ms)
{
    uint64_t ms;

    if (ok)
        return come_back(n, now_ms);
    n->n_out++;
    ms = backoff_ms(n, c);
    if (n->kind == NODE_CHECK_PORT && ms < NODE_STATE_PORT_MS)
        ms = NODE_STATE_PORT_MS;
    n->backoff_until_ms = now_ms + ms;
    n->status = NODE_STATUS_EJECTED;
    n->why = EJECT_TRIAL;
    n->trial_ms = 0;
    return NODE_EVENT_MOVED;
}

void node_state_readmit(struct node_state *n, uint64_t now_ms)
{
    (void)come_back(n, now_ms);
}

void node_state_forget(struct node_state *n)
{
    n->status = NODE_STATUS_UP;
    n->witness_ms = n->trial_ms = n->warmup_since_ms = n->seen_ms = 0;
    n->n_ok = n->n_fail = n->n_stopped = 0;
}

void node_state_forgive(struct node_state *n, uint64_t now_ms)
{
    if (n->n_out == 0 || n->status != NODE_STATUS_UP ||
        now_ms - n->changed_ms <= FORGIVEN_MS)
        return;
    n->n_out--;
    n->changed_ms = now_ms;
}

uint32_t node_state_cost(const struct node_state *n)
{
    switch (n->status) {
    case NODE_STATUS_DOWN:
        return NODE_OUT | NODE_DOWN | n->why;
    case NODE_STATUS_EJECTED:
        return NODE_OUT | n->why;
    case NODE_STATUS_TRIAL:           /* one ticket at a time */
        return NODE_OUT | (n->trial_ms == 0 ? NODE_TRIAL : 0) | n->why;
    case NODE_STATUS_UP:
    default:
        return 0;
    }
}

bool node_state_is_seen(const struct node_state *n, uint64_t now_ms)
{
    return n->seen_ms != 0 && now_ms - n->seen_ms <= NODE_STATE_SEEN_MS;
}

const char *node_state_str(uint32_t cost)
{
    if (cost < NODE_OUT)
        return cost == NODE_WARMING ? "warming up" : "up";
    if (cost & NODE_UNSEEN)
        return cost & NODE_DOWN ? "not checked yet" : "in reserve";
    return cost & NODE_DOWN ? "down" : cost & NODE_TRIAL ? "on trial" : "ejected";
}

const char *node_state_reason(uint32_t cost)
{
    switch (cost & NODE_REASON) {
    case EJECT_PROPOSED:
        return "several calls of one caller failed in a row";
    case EJECT_STREAK:
        return "several calls failed in a row, over all callers";
    case EJECT_OUTLIER:
        return "it fails far more often than the module's other nodes";
    case EJECT_FLEET:
        return "other hosts have ejected it, and a check failed";
    case EJECT_CHECK:
        return "a call or a check failed, and then another check";
    case EJECT_TRIAL:
        return "the call that tried it again failed";
    case EJECT_STOPPED:
        return "it accepts connections, but does not close them any more";
    case EJECT_FLAPPING:
        return "it works again, but was down often lately";
    default:
        return "an earlier agent process took it out";
    }
}

/* --- slow start --------------------------------------------------------------------- */

void node_state_start_warmup(struct node_state *n, uint64_t now_ms)
{
    n->warmup_since_ms = now_ms;
}

/* The part of its weight that the node gets now. */
static double warmup_part(const struct node_state *n, const struct node_state_config *c,
                          uint64_t now_ms)
{
    double least = c->slow_min / 100.0, t;

    if (n->warmup_since_ms == 0 || c->slow_ms == 0)
        return 1;
    t = (double)(now_ms - n->warmup_since_ms) / c->slow_ms;
    return t >= 1 ? 1 : t < least ? least : t;
}

bool node_state_pauses(struct node_state *n, const struct node_state_config *c,
                       uint64_t now_ms)
{
    double part = warmup_part(n, c, now_ms);

    n->warmup_credit += part;
    if (n->warmup_credit < 1)
        return part < 1;
    n->warmup_credit = part < 1 ? n->warmup_credit - 1 : 0;
    return false;
}
