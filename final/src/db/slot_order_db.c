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
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define LOG_GAP_MS 60000

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

static uint64_t number_of(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

/* Columns: 1 for the row of the lease, host, slot, modid, cmdid, fence. */
static int take_row(char **at, void *arg)
{
    struct slot_order_table *t = arg;
    struct msg_slot_order o = {(uint32_t)number_of(at[2]),
                               {(uint32_t)number_of(at[3]), (uint32_t)number_of(at[4])},
                               number_of(at[5])};
    int rc = 0;

    if (number_of(at[0]) == 1)
        slot_order_table_set_fence(t, o.fence);
    else
        rc = slot_order_table_add(t, at[1] ? at[1] : "", &o);
    if (rc != -EINVAL)
        return rc;
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "slot_order.ignored",
              "slot=%u modid=%u cmdid=%u: a row of ScaleWanted needs a host, a slot from "
              "1 to %d and a module other than 0/0; correct or delete it",
              o.slot, o.mod.modid, o.mod.cmdid, MSG_SLOT_MAX);
    return 0;
}

static int read_rows(struct slot_order_db *d, struct slot_order_table *t)
{
    int rc = myconn_begin_work(d->con);

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
                 SLOT_ORDER_TABLE_ROWS);
    return rc;
}

int slot_order_db_load(struct slot_order_db *d, struct slot_order_table **out)
{
    struct slot_order_table *t;
    int rc = slot_order_table_create(&t);

    if (rc < 0)
        return rc;
    rc = read_rows(d, t);
    if (rc < 0) {
        slot_order_table_unref(t);
        return rc;
    }
    slot_order_table_sort(t);
    *out = t;
    return 0;
}
