/* Nodes are found by a walk from the place where the last one was found, because the
 * answers of gateways are sorted alike.
 *
 * Rejected: counting from 0 what the earlier answer lacks.  A gateway has room for 600
 * nodes; one that it lists again comes with the answers of its whole life, which would
 * look like those of one minute.  A node that is new has its first minute one later. */
#include "scale/node_minutes.h"

#include <string.h>

#define SPAN_LEAST_MS 100

static bool is_row(const struct nodes_answer_row *r, struct module_id id, uint32_t ip,
                   uint32_t port)
{
    return r->id.modid == id.modid && r->id.cmdid == id.cmdid && r->ip == ip &&
           r->port == port;
}

static const struct nodes_answer_row *
find_row(const struct nodes_answer *a, const struct nodes_answer_row *row, size_t *hint)
{
    size_t k, i;

    for (k = 0; k < a->n; k++) {
        i = (*hint + k) % a->n;
        if (is_row(&a->at[i], row->id, row->ip, row->port)) {
            *hint = i + 1;
            return &a->at[i];
        }
    }
    return NULL;
}

static struct node_minute *find(struct node_minutes *m,
                                const struct nodes_answer_row *row, size_t *hint)
{
    size_t k, i;

    for (k = 0; k < m->n; k++) {
        struct node_minute *x = &m->at[i = (*hint + k) % m->n];

        if (is_row(row, x->id, x->ip, x->port)) {
            *hint = i + 1;
            return x;
        }
    }
    if (m->n == NODE_MINUTES_MAX)
        return NULL;
    m->at[m->n] = (struct node_minute){.id = row->id, .ip = row->ip, .port = row->port};
    return &m->at[m->n++];
}

static bool went_back(const struct nodes_answer_row *from,
                      const struct nodes_answer_row *to)
{
    unsigned b;

    for (b = 1; b <= LATENCY_BUCKETS; b++)
        if (to->n[b] < from->n[b])
            return true;
    return false;
}

static void add_row(struct node_minute *x, const struct nodes_answer_row *from,
                    const struct nodes_answer_row *to, double seconds)
{
    uint64_t sum = 0;
    unsigned b;

    if (!from || went_back(from, to)) {
        x->partial = true;
        return;
    }
    for (b = 1; b <= LATENCY_BUCKETS; b++) {
        x->n[b] += to->n[b] - from->n[b];
        sum += to->n[b] - from->n[b];
    }
    x->rps += (double)sum / seconds;
}

/* Nodes of which the later answer says nothing. */
static void note_gone(struct node_minutes *m, const struct nodes_answer *from,
                      const struct nodes_answer *to)
{
    size_t i, in_to = 0, in_all = 0;

    for (i = 0; i < from->n; i++) {
        const struct nodes_answer_row *r = &from->at[i];
        struct node_minute *x = find_row(to, r, &in_to) ? NULL : find(m, r, &in_all);

        if (x)
            x->partial = true;
    }
}

bool node_minutes_add(struct node_minutes *m, const struct nodes_answer *from,
                      const struct nodes_answer *to)
{
    size_t i, in_from = 0, in_all = 0;

    if (strcmp(from->epoch, to->epoch) != 0 || to->ms < from->ms + SPAN_LEAST_MS)
        return false;
    for (i = 0; i < to->n; i++) {
        struct node_minute *x = find(m, &to->at[i], &in_all);

        if (x)
            add_row(x, find_row(from, &to->at[i], &in_from), &to->at[i],
                    (double)(to->ms - from->ms) / 1000);
    }
    note_gone(m, from, to);
    return true;
}

uint64_t node_minutes_answers(const struct node_minute *m)
{
    uint64_t sum = 0;
    unsigned b;

    for (b = 1; b <= LATENCY_BUCKETS; b++)
        sum += m->n[b];
    return sum;
}

uint64_t node_minutes_later(const struct node_minute *m, uint64_t us)
{
    uint64_t sum = 0;
    unsigned b;

    for (b = latency_bucket(us < UINT32_MAX ? (uint32_t)us : UINT32_MAX) + 1;
         b <= LATENCY_BUCKETS; b++)
        sum += m->n[b];
    return sum;
}
