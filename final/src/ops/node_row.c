/* Rows are kept in one sorted array: a change touches few of them, and the difference of
 * two states is one pass over both.
 *
 * Rejected: struct route_node.  It has the CRC of the zone's name and no state, because
 * callers need no more; an operator needs the name, and drained nodes. */
#include "ops/node_row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"

static int make_room(struct node_rows *rows)
{
    size_t cap = rows->cap ? rows->cap * 2 : 64;
    struct node_row *at;

    if (rows->n < rows->cap)
        return 0;
    at = realloc(rows->at, cap * sizeof(*at));
    if (!at)
        return -ENOMEM;
    rows->at = at;
    rows->cap = cap;
    return 0;
}

int node_row_insert(struct node_rows *rows, size_t i, const struct node_row *r)
{
    int rc = make_room(rows);

    if (rc < 0)
        return rc;
    memmove(&rows->at[i + 1], &rows->at[i], (rows->n - i) * sizeof(*r));
    rows->at[i] = *r;
    rows->n++;
    return 0;
}

int node_row_add(struct node_rows *rows, const struct node_row *r)
{
    return node_row_insert(rows, rows->n, r);
}

void node_row_remove(struct node_rows *rows, size_t i)
{
    rows->n--;
    memmove(&rows->at[i], &rows->at[i + 1], (rows->n - i) * sizeof(*rows->at));
}

int node_row_copy(struct node_rows *out, const struct node_rows *rows)
{
    if (rows->n == 0)
        return 0;
    out->at = malloc(rows->n * sizeof(*rows->at));
    if (!out->at)
        return -ENOMEM;
    memcpy(out->at, rows->at, rows->n * sizeof(*rows->at));
    out->n = out->cap = rows->n;
    return 0;
}

void node_row_free(struct node_rows *rows)
{
    free(rows->at);
    *rows = (struct node_rows){NULL, 0, 0};
}

int node_row_cmp(const struct node_row *a, const struct node_row *b)
{
    if (a->modid != b->modid)
        return a->modid < b->modid ? -1 : 1;
    if (a->cmdid != b->cmdid)
        return a->cmdid < b->cmdid ? -1 : 1;
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return a->port < b->port ? -1 : a->port > b->port;
}

static int cmp_any(const void *a, const void *b)
{
    return node_row_cmp(a, b);
}

void node_row_sort(struct node_rows *rows)
{
    if (rows->n > 1)
        qsort(rows->at, rows->n, sizeof(*rows->at), cmp_any);
}

size_t node_row_find(const struct node_rows *rows, const struct node_row *r)
{
    size_t low = 0, high = rows->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (node_row_cmp(&rows->at[mid], r) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

size_t node_row_module_end(const struct node_rows *rows, size_t i)
{
    const struct node_row *first = &rows->at[i];

    while (i < rows->n && rows->at[i].modid == first->modid &&
           rows->at[i].cmdid == first->cmdid)
        i++;
    return i;
}

bool node_row_same(const struct node_row *a, const struct node_row *b)
{
    return a->weight == b->weight && strcmp(a->zone, b->zone) == 0 &&
           strcmp(a->state, b->state) == 0;
}

bool node_row_in_service(const struct node_row *r)
{
    return strcmp(r->state, "up") == 0 && r->weight > 0;
}

bool node_row_is_state(const char *state)
{
    return strcmp(state, "up") == 0 || strcmp(state, "drained") == 0 ||
           strcmp(state, NODE_ROW_ZONE_DRAINED) == 0;
}

const char *node_row_wrong(const struct node_row *r)
{
    if (r->modid == 0 && r->cmdid == 0)
        return "there is no module 0 0; MODID or CMDID must be above 0";
    if (r->ip == 0 || r->port == 0 || r->port > UINT16_MAX)
        return "the node is not like 10.0.0.1:80";
    if (r->weight > NODE_ROW_WEIGHT_MAX)
        return "the weight is not a number from 0 to 10000";
    return node_row_is_state(r->state) ? NULL : NODE_ROW_WRONG_STATE;
}

uint64_t node_row_sum(const struct node_rows *rows, size_t from, size_t to)
{
    uint64_t sum = FNV_START;

    for (; from < to; from++) {
        const struct node_row *r = &rows->at[from];

        sum = fnv_add_number(fnv_add_number(sum, r->modid, 4), r->cmdid, 4);
        sum = fnv_add_number(fnv_add_number(sum, r->ip, 4), r->port, 4);
        sum = fnv_add_number(sum, r->weight, 4);
        sum = fnv_add_text(fnv_add_text(sum, r->zone), r->state);
    }
    return sum;
}
