/* One sick node is the affair of the agents, which eject it: more than half of a class
 * must be slow before all of it counts for less.
 *
 * The factor falls at once to what was seen, because visitors wait, and recovers slowly:
 * with more nodes each has less to do and is fast again, which does not mean that it
 * could do more.  Nodes leave after the lowest need of 15 minutes only, so a factor that
 * moves up and down by a few steps moves no node.
 * Rejected: a factor from the processor time of nodes.  A node that waits for a slow
 * database uses none. */
#include "scale/track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_MOST 0.8 /* of what was measured: above it a node may be slow */
#define ANSWERS_LEAST 200 /* in a minute, for a verdict */
#define SLOW_MINUTES 2
#define OTHERS_MOST 1.25 /* calls that agents report, to those of gateways */
#define RECOVERY 0.05

struct verdicts { /* of the nodes of one capacity */
    unsigned slow, well;
    double ratio[NODE_MINUTES_MAX]; /* of the slow ones: observed / measured */
};

/* The class of the host with the address. */
static const char *class_of(const struct snapshot *s, uint32_t ip)
{
    size_t i;

    for (i = 0; i < s->n_host; i++)
        if (s->host[i].ip == ip)
            return s->host[i].class;
    return "";
}

static bool has_own(const struct snapshot *s, struct module_id id, const char *class)
{
    size_t i;

    for (i = 0; i < s->n_capacity; i++)
        if (snapshot_is(s->capacity[i].id, id) &&
            strcmp(s->capacity[i].class, class) == 0)
            return true;
    return false;
}

/* The row of a class counts for its nodes, and that without a class for all others. */
static bool counts_for(const struct snapshot *s, const struct snapshot_capacity *c,
                       const struct node_minute *n)
{
    const char *class;

    if (!snapshot_is(c->id, n->id))
        return false;
    class = class_of(s, n->ip);
    return strcmp(c->class, class) == 0 ||
           (c->class[0] == '\0' && !has_own(s, c->id, class));
}

static void judge(const struct snapshot_capacity *c, const struct node_minute *n,
                  struct verdicts *v)
{
    uint64_t answers = node_minutes_answers(n);
    bool late = node_minutes_later(n, c->target_us) * 100 > answers;

    if (n->partial || answers < ANSWERS_LEAST)
        return;
    if (!late)
        v->well++;
    else if (n->rps < LOAD_MOST * c->measured_rps)
        v->ratio[v->slow++] = n->rps / c->measured_rps;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static double median(struct verdicts *v)
{
    qsort(v->ratio, v->slow, sizeof(v->ratio[0]), by_value);
    return v->ratio[v->slow / 2];
}

static struct track_memory *memory_of(struct track *t, const struct snapshot_capacity *c)
{
    struct track_memory *m;
    size_t i;

    for (i = 0; i < t->n; i++)
        if (snapshot_is(t->memory[i].id, c->id) &&
            strcmp(t->memory[i].class, c->class) == 0)
            return &t->memory[i];
    if (t->n == TRACK_MAX)
        return NULL;
    m = &t->memory[t->n++];
    *m = (struct track_memory){.id = c->id};
    memcpy(m->class, c->class, sizeof(m->class));
    return m;
}

/* Calls that no gateway has sent are in no histogram: a node would look idle and slow. */
static bool has_other_callers(const struct snapshot *s, const struct node_minutes *m,
                              struct module_id id)
{
    double all = 0, sent = 0;
    size_t i;

    for (i = 0; i < s->n_load; i++)
        all += snapshot_is(s->load[i].id, id) ? s->load[i].rps : 0;
    for (i = 0; i < m->n; i++)
        sent += snapshot_is(m->at[i].id, id) ? m->at[i].rps : 0;
    return all > OTHERS_MOST * sent + 1;
}

static double next_factor(struct track_memory *m, const struct snapshot_capacity *c,
                          struct verdicts *v)
{
    if (v->slow + v->well == 0)
        return c->factor;
    if (v->slow <= v->well) {
        m->slow_minutes = 0;
        return c->factor < 1 ? fmin(1, c->factor + RECOVERY) : c->factor;
    }
    if (++m->slow_minutes < SLOW_MINUTES)
        return c->factor;
    return fmin(c->factor, fmax(TRACK_FACTOR_LEAST, median(v)));
}

size_t track_minute(struct track *t, const struct snapshot *s,
                    const struct node_minutes *m, struct track_change out[TRACK_MAX])
{
    struct verdicts *v = malloc(sizeof(*v));
    size_t i, k, n = 0;

    for (i = 0; v && i < s->n_capacity && n < TRACK_MAX; i++) {
        const struct snapshot_capacity *c = &s->capacity[i];
        struct track_memory *memory;
        double factor;

        if (c->target_us == 0 || c->measured_rps <= 0 || has_other_callers(s, m, c->id))
            continue;
        v->slow = v->well = 0;
        for (k = 0; k < m->n; k++)
            if (counts_for(s, c, &m->at[k]))
                judge(c, &m->at[k], v);
        memory = memory_of(t, c);
        factor = memory ? next_factor(memory, c, v) : c->factor;
        if (fabs(factor - c->factor) < 1e-9)
            continue;
        out[n] = (struct track_change){.id = c->id, .was = c->factor, .factor = factor};
        memcpy(out[n++].class, c->class, sizeof(out[0].class));
    }
    free(v);
    return n;
}
