/* The state of a node changes by virtual counters: a node that becomes idle starts with
 * 180 successes, so that one early failure is not an error rate of 100 %.  With s real
 * successes it takes more than (180 + s) / 9 errors to exceed 10 %: 22 at s = 10, 31 at s
 * = 90, 76 at s = 500.
 *
 * Invariant: a node of the route is in exactly one of the two queues; a node that left
 * the route is in none. Two weaknesses of the algorithm are kept, and lb_sim shows them:
 * each probe is the call of a user, and all nodes may be overloaded at the same time.
 * Rejected: mending them here, because final/ has other algorithms and this one is the
 * reference for comparison. */
#include "lb/classic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COST_STEP_MS 100              /* a failure counts once for each 100 ms, ... */
#define COST_MAX 50                   /* ... at least once, at most 50 times */

const struct classic_config classic_defaults = {.init_succ = 180,
                                                .init_err = 5,
                                                .err_rate = 100,
                                                .succ_rate = 950,
                                                .contin_err = 15,
                                                .contin_succ = 15,
                                                .probe_num = 10,
                                                .window_ms = 15000,
                                                .window_err_rate = 700,
                                                .window_limit = 2,
                                                .overload_ms = 15000};

struct node {
    struct classic_node pub;          /* what classic_each() shows */
    uint32_t vsucc, verr;             /* virtual counts, which decide about the state */
    uint32_t rsucc, rerr;             /* real counts of this window */
    uint32_t contin_succ, contin_err; /* results in a row */
    uint32_t bad_windows;             /* bad windows in a row */
    uint64_t since_ms;                /* when its window or its overload began */
    uint64_t gone_at;                 /* number in the order of leaving the route */
    bool listed;                      /* in classic_set_nodes(): is in the new route */
    struct node *next, *prev;         /* neighbours in its queue */
};

struct queue {                        /* a ring with a dummy head */
    struct node head;
    size_t n;
};

struct classic {
    struct classic_config cfg;
    struct node **node;               /* all nodes, sorted by ip and port */
    size_t n, n_gone;
    struct queue idle, overload;
    uint32_t n_access;                /* picks since the last probe */
    uint64_t n_left;                  /* how often a node left the route */
};

static void queue_init(struct queue *q)
{
    q->head.next = q->head.prev = &q->head;
}

static void queue_add(struct queue *q, struct node *n)
{
    n->prev = q->head.prev;
    n->next = &q->head;
    n->prev->next = n->next->prev = n;
    q->n++;
}

static void queue_remove(struct queue *q, struct node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    q->n--;
}

static struct queue *queue_of(struct classic *c, const struct node *n)
{
    return n->pub.overload ? &c->overload : &c->idle;
}

static void count_from(struct node *n, uint32_t vsucc, uint32_t verr, uint64_t now_ms)
{
    n->vsucc = vsucc;
    n->verr = verr;
    n->rsucc = n->rerr = n->contin_succ = n->contin_err = 0;
    n->since_ms = now_ms;
}

static void become_idle(struct classic *c, struct node *n, uint64_t now_ms)
{
    /* begin become_idle */
    /* The node is idle from now on: clear pub.overload and start its counts with
     * cfg.init_succ virtual successes and no error (count_from()). */
    (void)c;
    (void)n;
    (void)now_ms;
    (void)count_from;
    /* end become_idle */
}

static void become_overloaded(struct classic *c, struct node *n, uint64_t now_ms)
{
    /* begin become_overloaded */
    /* The reverse: set pub.overload, forget the bad windows, start with no success and
     * cfg.init_err virtual errors. */
    (void)c;
    (void)n;
    (void)now_ms;
    /* end become_overloaded */
}

static void move(struct classic *c, struct node *n, bool overload, uint64_t now_ms)
{
    /* begin move */
    /* Take the node out of its queue, change its state, add it at the end of its new
     * queue. queue_of() looks at the state, so the order of the three steps matters. */
    (void)c;
    (void)n;
    (void)overload;
    (void)now_ms;
    (void)become_overloaded;
    /* end move */
}

static int cmp(const struct route_node *a, const struct route_node *b)
{
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return (int)a->port - (int)b->port;
}

static int cmp_nodes(const void *a, const void *b)
{
    return cmp(&(*(struct node *const *)a)->pub.node,
               &(*(struct node *const *)b)->pub.node);
}

static struct node *find(const struct classic *c, const struct route_node *key)
{
    size_t lo = 0, hi = c->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int d = cmp(key, &c->node[mid]->pub.node);

        if (d == 0)
            return c->node[mid];
        if (d < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

int classic_create(struct classic **out, const struct classic_config *cfg)
{
    struct classic *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->cfg = *cfg;
    queue_init(&c->idle);
    queue_init(&c->overload);
    *out = c;
    return 0;
}

void classic_destroy(struct classic *c)
{
    size_t i;

    if (!c)
        return;
    for (i = 0; i < c->n; i++)
        free(c->node[i]);
    free(c->node);
    free(c);
}

/* Allocate a node at <at> for each entry of <node> that is unknown.  Returns their
 * number, or -ENOMEM. */
static int make_new(const struct classic *c, struct node **at,
                    const struct route_node *node, size_t n)
{
    size_t i;
    int made = 0;

    for (i = 0; i < n; i++) {
        if (find(c, &node[i]))
            continue;
        at[made] = calloc(1, sizeof(struct node));
        if (!at[made]) {
            while (made > 0)
                free(at[--made]);
            return -ENOMEM;
        }
        at[made]->pub.node = node[i];
        at[made++]->pub.gone = true;  /* enter() will queue it */
    }
    return made;
}

static int cmp_left(const void *a, const void *b)
{
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

    if (x->pub.gone != y->pub.gone)
        return x->pub.gone ? -1 : 1;  /* gone nodes first, the oldest first */
    return x->gone_at < y->gone_at ? -1 : x->gone_at > y->gone_at;
}

/* Free the nodes that left earliest, until only CLASSIC_MAX_GONE of them are kept. */
static void forget(struct classic *c)
{
    size_t k, drop = c->n_gone > CLASSIC_MAX_GONE ? c->n_gone - CLASSIC_MAX_GONE : 0;

    if (drop == 0)
        return;
    qsort(c->node, c->n, sizeof(struct node *), cmp_left);
    for (k = 0; k < drop; k++)
        free(c->node[k]);
    memmove(c->node, c->node + drop, (c->n - drop) * sizeof(struct node *));
    c->n -= drop;
    c->n_gone -= drop;
}

static void enter(struct classic *c, struct node *n, uint64_t now_ms)
{
    n->pub.gone = false;
    n->bad_windows = 0;
    become_idle(c, n, now_ms);
    queue_add(&c->idle, n);
    c->n_gone--;
}

static void leave(struct classic *c, struct node *n)
{
    queue_remove(queue_of(c, n), n);
    n->pub.gone = true;
    n->pub.overload = false;
    n->gone_at = ++c->n_left;
    c->n_gone++;
}

/* Free duplicates, which are neighbours in the sorted array. */
static void drop_doubles(struct classic *c)
{
    size_t i, k = 0;

    for (i = 0; i < c->n; i++) {
        if (k > 0 && cmp_nodes(&c->node[k - 1], &c->node[i]) == 0) {
            free(c->node[i]);         /* it is new and in no queue */
            c->n_gone--;
        } else {
            c->node[k++] = c->node[i];
        }
    }
    c->n = k;
}

int classic_set_nodes(struct classic *c, const struct route_node *node, size_t n,
                      uint64_t now_ms)
{
    struct node **at = realloc(c->node, (c->n + n + 1) * sizeof(struct node *));
    size_t i;
    int made;

    if (!at)
        return -ENOMEM;
    c->node = at;
    made = make_new(c, at + c->n, node, n);
    if (made < 0)
        return made;
    c->n += (size_t)made;
    c->n_gone += (size_t)made;
    if (made > 0)
        qsort(at, c->n, sizeof(struct node *), cmp_nodes);
    drop_doubles(c);
    for (i = 0; i < n; i++)
        find(c, &node[i])->listed = true;
    for (i = 0; i < c->n; i++) {
        if (at[i]->listed && at[i]->pub.gone)
            enter(c, at[i], now_ms);
        else if (!at[i]->listed && !at[i]->pub.gone)
            leave(c, at[i]);
        at[i]->listed = false;
    }
    forget(c);
    qsort(c->node, c->n, sizeof(struct node *), cmp_nodes);
    return 0;
}

/* Take the node at the head and move it to the tail. */
static void take_head(struct queue *q, struct route_node *out)
{
    /* begin take_head */
    /* Write the node at the head (head.next) to <out> and move it to the tail: so the
     * nodes take turns. */
    (void)q;
    (void)out;
    /* end take_head */
}

int classic_pick(struct classic *c, struct route_node *out)
{
    /* begin classic_pick */
    /* 1. Without nodes in both queues: -ENOENT.
     * 2. While the overload queue is not empty, every (probe_num + 1)th pick is a
     *    probe; n_access counts the picks since the last one.  While it is empty
     *    nothing is counted.
     * 3. A probe takes the head of the overload queue, any other pick that of the idle
     *    queue.  No idle node and no probe: -EAGAIN. */
    (void)c;
    (void)out;
    (void)take_head;
    return -ENOSYS;
    /* end classic_pick */
}

static uint32_t weight_of(uint32_t cost_ms)
{
    /* begin weight_of */
    /* How often a failure of this duration counts: once for each whole COST_STEP_MS,
     * at least once, at most COST_MAX times. */
    (void)cost_ms;
    return 1;
    /* end weight_of */
}

static void count(struct node *n, bool ok, uint32_t weight)
{
    /* begin count */
    /* Three kinds of counters: pub.succ and pub.err are totals of calls, vsucc and
     * verr decide about the state, rsucc and rerr belong to the window.  A failure
     * adds <weight> to verr and 1 to the others. contin_succ and contin_err count
     * results in a row: each result ends the row of the other kind. */
    (void)n;
    (void)ok;
    (void)weight;
    /* end count */
}

/* Whether part / (part + rest) > per_mille / 1000; without a division. */
static bool is_above(uint32_t part, uint32_t rest, uint32_t per_mille)
{
    /* begin is_above */
    /* Do not divide: an integer division loses the fraction, and both counts may be 0.
     * Multiply in 64 bits.  Equal is not above. */
    (void)part;
    (void)rest;
    (void)per_mille;
    return false;
    /* end is_above */
}

int classic_report(struct classic *c, const struct route_node *node, bool ok,
                   uint32_t cost_ms, uint64_t now_ms)
{
    /* begin classic_report */
    /* 1. Find the node; -ENOENT when it is unknown.
     * 2. Count the result.  A node that left the route keeps its totals and nothing
     *    else happens.
     * 3. A failure of an idle node: overload it when its virtual error rate is above
     *    err_rate, or when contin_err failures in a row are reached.
     * 4. A success of an overloaded node: make it idle when its virtual success rate
     *    is above succ_rate, or when contin_succ successes in a row are reached.
     * 5. No other result moves a node. */
    (void)find;
    (void)c;
    (void)node;
    (void)ok;
    (void)cost_ms;
    (void)now_ms;
    (void)weight_of;
    (void)count;
    (void)is_above;
    (void)move;
    return -ENOSYS;
    /* end classic_report */
}

/* The window of an idle node is over.  A node with few calls cannot exceed the error rate
 * within one window because of the virtual successes, but window_limit bad windows in a
 * row overload it. */
static void end_window(struct classic *c, struct node *n, uint64_t now_ms)
{
    /* begin end_window */
    /* 1. The window is bad when it had calls and the share of real failures is
     *    window_err_rate or more.
     * 2. Count bad windows in a row; a window that is not bad ends the row.
     * 3. With window_limit of them the node is overloaded; otherwise it starts again
     *    as a node that becomes idle, at its place in the queue. */
    (void)c;
    (void)n;
    (void)now_ms;
    /* end end_window */
}

void classic_tick(struct classic *c, uint64_t now_ms)
{
    /* begin classic_tick */
    /* For each node of the route (not those that are gone):
     * 1. An overloaded node becomes idle when overload_ms have passed since since_ms.
     * 2. The window of an idle node ends when window_ms have passed. */
    (void)c;
    (void)now_ms;
    (void)end_window;
    /* end classic_tick */
}

void classic_each(const struct classic *c,
                  void (*fn)(const struct classic_node *n, void *arg), void *arg)
{
    size_t i;

    for (i = 0; i < c->n; i++)
        fn(&c->node[i]->pub, arg);
}

size_t classic_n_nodes(const struct classic *c)
{
    return c->idle.n + c->overload.n;
}

size_t classic_n_overload(const struct classic *c)
{
    return c->overload.n;
}
