/* Rows in an array, sorted by host and slot, and found by halves: a table is read once a
 * second, asked once for each lars-slotd that is connected, and thrown away.
 *
 * Rejected: a hash of hosts.  It would cost an allocation for each host and second. */
#include "db/slot_order_table.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct row {
    char host[MSG_SLOT_HOST];
    struct msg_slot_order order;
};

struct slot_order_table {
    _Atomic unsigned n_ref;
    uint64_t fence; /* of the lease */
    size_t n, room;
    struct row *row;
};

int slot_order_table_create(struct slot_order_table **out)
{
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return -ENOMEM;
    (*out)->n_ref = 1;
    return 0;
}

void slot_order_table_ref(struct slot_order_table *t)
{
    t->n_ref++;
}

void slot_order_table_unref(struct slot_order_table *t)
{
    if (!t || --t->n_ref > 0)
        return;
    free(t->row);
    free(t);
}

void slot_order_table_set_fence(struct slot_order_table *t, uint64_t fence)
{
    t->fence = fence;
}

static int make_room(struct slot_order_table *t)
{
    size_t room = t->room ? 2 * t->room : 64;
    struct row *row;

    if (t->n < t->room)
        return 0;
    if (t->n >= SLOT_ORDER_TABLE_ROWS)
        return -E2BIG;
    row = realloc(t->row, room * sizeof(*row));
    if (!row)
        return -ENOMEM;
    t->row = row;
    t->room = room;
    return 0;
}

static bool can_be_obeyed(const char *host, const struct msg_slot_order *o)
{
    return host[0] && strlen(host) < MSG_SLOT_HOST && o->slot >= 1 &&
           o->slot <= MSG_SLOT_MAX && (o->mod.modid != 0 || o->mod.cmdid != 0);
}

int slot_order_table_add(struct slot_order_table *t, const char *host,
                         const struct msg_slot_order *o)
{
    int rc = can_be_obeyed(host, o) ? make_room(t) : -EINVAL;

    if (rc < 0)
        return rc;
    snprintf(t->row[t->n].host, MSG_SLOT_HOST, "%s", host);
    t->row[t->n++].order = *o;
    return 0;
}

static int by_host_and_slot(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int c = strcasecmp(x->host, y->host);

    if (c != 0)
        return c;
    return (x->order.slot > y->order.slot) - (x->order.slot < y->order.slot);
}

void slot_order_table_sort(struct slot_order_table *t)
{
    if (t->n > 0)
        qsort(t->row, t->n, sizeof(t->row[0]), by_host_and_slot);
}

/* The first row that is not before the host. */
static size_t first_of(const struct slot_order_table *t, const char *host)
{
    size_t low = 0, high = t->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcasecmp(t->row[mid].host, host) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Hosts whose names differ in their case are one host here; of two rows for a slot, which
 * a table with a binary collation could have, the first one counts. */
void slot_order_table_of(const struct slot_order_table *t, const char *host,
                         struct msg_slot_orders *out)
{
    size_t i = first_of(t, host);

    snprintf(out->host, sizeof(out->host), "%s", host);
    out->fence = t->fence;
    out->n = 0;
    for (; i < t->n && strcasecmp(t->row[i].host, host) == 0; i++) {
        const struct msg_slot_order *o = &t->row[i].order;

        if (out->n > 0 && out->order[out->n - 1].slot == o->slot)
            continue;
        if (o->fence > out->fence)
            out->fence = o->fence;
        out->order[out->n++] = *o;
    }
}
