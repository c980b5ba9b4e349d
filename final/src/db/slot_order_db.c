/* One statement reads the lease and the orders, so both are of the same moment: a fence
 * that is newer than the orders would make lars-slotd refuse the leader that gave them.
 *
 * The whole table is read, once a second and only while a lars-slotd is connected; a host
 * has few slots, so this is less than a list of the hosts that are wanted would cost to
 * keep.
 *
 * Rejected: a version as routes have.  Orders change seldom, but a trigger on ScaleWanted
 * would be one more thing that a restored dump can lack. */
#include "db/slot_order_db.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

#define LOG_GAP_MS 60000

struct row {
    char host[MSG_SLOT_HOST];
    struct msg_slot_order order;
};

struct slot_order_table {
    _Atomic unsigned n_ref;
    uint64_t fence; /* of the lease */
    size_t n, room;
    struct row *row; /* sorted by host and slot */
};

struct slot_order_db {
    struct myconn *con;
    char error[MYCONN_ERROR_MAX];
};

int slot_order_db_create(struct slot_order_db **out, const struct myconn_config *cfg)
{
    struct slot_order_db *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void slot_order_db_close(struct slot_order_db *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    free(d);
}

const char *slot_order_db_error(const struct slot_order_db *d)
{
    return d->error;
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

/* --- reading ------------------------------------------------------------------------ */

static uint64_t number_of(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

static int make_room(struct slot_order_table *t)
{
    size_t room = t->room ? 2 * t->room : 64;
    struct row *row;

    if (t->n < t->room)
        return 0;
    if (t->n >= SLOT_ORDER_DB_ROWS)
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
    return host && host[0] && strlen(host) < MSG_SLOT_HOST && o->slot >= 1 &&
           o->slot <= MSG_SLOT_MAX && (o->mod.modid != 0 || o->mod.cmdid != 0);
}

/* Columns: 1 for the row of the lease, host, slot, modid, cmdid, fence. */
static int take_row(char **at, void *arg)
{
    struct slot_order_table *t = arg;
    struct msg_slot_order o = {(uint32_t)number_of(at[2]),
                               {(uint32_t)number_of(at[3]), (uint32_t)number_of(at[4])},
                               number_of(at[5])};
    int rc;

    if (number_of(at[0]) == 1) {
        t->fence = o.fence;
        return 0;
    }
    if (!can_be_obeyed(at[1], &o)) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "slot_order.ignored",
                  "slot=%u modid=%u cmdid=%u: a row of ScaleWanted needs a host, a slot "
                  "from 1 to %d and a module other than 0/0; correct or delete it",
                  o.slot, o.mod.modid, o.mod.cmdid, MSG_SLOT_MAX);
        return 0;
    }
    rc = make_room(t);
    if (rc < 0)
        return rc;
    snprintf(t->row[t->n].host, MSG_SLOT_HOST, "%s", at[1]);
    t->row[t->n++].order = o;
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

static int read_rows(struct slot_order_db *d, struct slot_order_table *t)
{
    int rc = myconn_ensure(d->con);

    if (rc == 0)
        rc = myconn_select(
            d->con,
            "SELECT 1, '', 0, 0, 0, COALESCE(MAX(fence), 0) FROM Lease WHERE name = "
            "'scale' UNION ALL SELECT 0, host, slot, modid, cmdid, fence FROM "
            "ScaleWanted",
            take_row, t);
    if (rc == -E2BIG)
        snprintf(d->error, sizeof(d->error),
                 "ScaleWanted has more than %d rows: delete the rows of hosts that are "
                 "gone",
                 SLOT_ORDER_DB_ROWS);
    return rc;
}

int slot_order_db_load(struct slot_order_db *d, struct slot_order_table **out)
{
    struct slot_order_table *t = calloc(1, sizeof(*t));
    int rc;

    if (!t)
        return -ENOMEM;
    t->n_ref = 1;
    rc = read_rows(d, t);
    if (rc < 0) {
        slot_order_table_unref(t);
        return rc;
    }
    if (t->n > 0)
        qsort(t->row, t->n, sizeof(t->row[0]), by_host_and_slot);
    *out = t;
    return 0;
}

/* --- looking up --------------------------------------------------------------------- */

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
