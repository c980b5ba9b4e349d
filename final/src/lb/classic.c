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
    n->pub.overload = false;
    count_from(n, c->cfg.init_succ, 0, now_ms);
}

static void become_overloaded(struct classic *c, struct node *n, uint64_t now_ms)
{
    n->pub.overload = true;
    n->bad_windows = 0;
    count_from(n, 0, c->cfg.init_err, now_ms);
}

static void move(struct classic *c, struct node *n, bool overload, uint64_t now_ms)
{
    queue_remove(queue_of(c, n), n);
    if (overload)
        become_overloaded(c, n, now_ms);
    else
        become_idle(c, n, now_ms);
    queue_add(queue_of(c, n), n);
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
    struct node *n = q->head.next;

    queue_remove(q, n);
    queue_add(q, n);
    *out = n->pub.node;
}

int classic_pick(struct classic *c, struct route_node *out)
{
    bool probe = false;

    if (c->idle.n + c->overload.n == 0)
        return -ENOENT;
    if (c->overload.n > 0) {
        probe = c->n_access >= c->cfg.probe_num;
        c->n_access = probe ? 0 : c->n_access + 1;
    }
    if (!probe && c->idle.n == 0)
        return -EAGAIN;
    take_head(probe ? &c->overload : &c->idle, out);
    return 0;
}

static uint32_t weight_of(uint32_t cost_ms)
{
    uint32_t k = cost_ms / COST_STEP_MS;

    return k < 1 ? 1 : k > COST_MAX ? COST_MAX : k;
}

static void count(struct node *n, bool ok, uint32_t weight)
{
    if (ok) {
        n->pub.succ++;
        n->vsucc++;
        n->rsucc++;
        n->contin_succ++;
        n->contin_err = 0;
    } else {
        n->pub.err++;
        n->verr += weight;
        n->rerr++;
        n->contin_err++;
        n->contin_succ = 0;
    }
}

/* Whether part / (part + rest) > per_mille / 1000; without a division. */
static bool is_above(uint32_t part, uint32_t rest, uint32_t per_mille)
{
    return (uint64_t)part * 1000 > (uint64_t)per_mille * ((uint64_t)part + rest);
}

int classic_report(struct classic *c, const struct route_node *node, bool ok,
                   uint32_t cost_ms, uint64_t now_ms)
{
    struct node *n = find(c, node);

    if (!n)
        return -ENOENT;
    count(n, ok, weight_of(cost_ms));
    if (n->pub.gone)
        return 0;                     /* only its totals count */
    if (!ok && !n->pub.overload &&
        (is_above(n->verr, n->vsucc, c->cfg.err_rate) ||
         n->contin_err >= c->cfg.contin_err))
        move(c, n, true, now_ms);
    else if (ok && n->pub.overload &&
             (is_above(n->vsucc, n->verr, c->cfg.succ_rate) ||
              n->contin_succ >= c->cfg.contin_succ))
        move(c, n, false, now_ms);
    return 0;
}

/* The window of an idle node is over.  A node with few calls cannot exceed the error rate
 * within one window because of the virtual successes, but window_limit bad windows in a
 * row overload it. */
static void end_window(struct classic *c, struct node *n, uint64_t now_ms)
{
    bool bad = (uint64_t)n->rerr * 1000 >=
               (uint64_t)c->cfg.window_err_rate * (n->rsucc + n->rerr);

    if (n->rsucc + n->rerr == 0)
        bad = false;
    n->bad_windows = bad ? n->bad_windows + 1 : 0;
    if (n->bad_windows >= c->cfg.window_limit)
        move(c, n, true, now_ms);
    else
        become_idle(c, n, now_ms);    /* keeps its place in the queue */
}

void classic_tick(struct classic *c, uint64_t now_ms)
{
    size_t i;

    for (i = 0; i < c->n; i++) {
        struct node *n = c->node[i];

        if (n->pub.gone)
            continue;
        if (n->pub.overload && now_ms - n->since_ms >= c->cfg.overload_ms)
            move(c, n, false, now_ms);
        else if (!n->pub.overload && now_ms - n->since_ms >= c->cfg.window_ms)
            end_window(c, n, now_ms);
    }
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
