/* Each table that was read is handed over, also when it is equal to the one before: an
 * order is repeated so that lars-slotd sees that its orders are still in force, and a
 * repetition without a fresh read would say this of orders that may be gone.
 *
 * Rejected: an empty list after a failure.  It would end every node of every host when
 * the database restarts. */
#include "dns/slot_orders.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/worker.h"

#define ROUND_MS 1000

struct slot_orders {
    struct slot_order_db *db; /* the thread's, with what follows */
    struct slot_orders_config cfg;
    bool down; /* the failure is logged already */
    struct worker *worker;
    _Atomic uint64_t n_read, n_fail;
};

static void log_db_change(struct slot_orders *o, int rc)
{
    if (rc < 0 && !o->down)
        LOG_ERROR("db.down", "err=%s of=slot_orders %s", err_str(rc),
                  slot_order_db_error(o->db));
    if (rc == 0 && o->down)
        LOG_INFO("db.back", "of=slot_orders");
    o->down = rc < 0;
}

static void read_once(struct slot_orders *o)
{
    struct slot_order_table *t;
    int rc;

    if (!o->cfg.wanted(o->cfg.arg))
        return;
    rc = slot_order_db_load(o->db, &t);
    log_db_change(o, rc);
    if (rc < 0) {
        o->n_fail++;
        return;
    }
    o->n_read++;
    o->cfg.fn(t, o->cfg.arg);
    slot_order_table_unref(t);
}

static void slot_orders_main(void *arg)
{
    struct slot_orders *o = arg;

    do
        read_once(o);
    while (worker_pause(o->worker, ROUND_MS));
    slot_order_db_close(o->db); /* in the thread that used it */
    o->db = NULL;
}

static void release_orders(struct slot_orders *o)
{
    worker_destroy(o->worker);
    slot_order_db_close(o->db);
    free(o);
}

int slot_orders_start(struct slot_orders **out, struct slot_order_db *db,
                      const struct slot_orders_config *cfg)
{
    struct slot_orders *o = calloc(1, sizeof(*o));
    int rc;

    if (!o) {
        slot_order_db_close(db);
        return -ENOMEM;
    }
    o->db = db;
    o->cfg = *cfg;
    rc = worker_create(&o->worker);
    if (rc == 0)
        rc = worker_start(o->worker, slot_orders_main, o);
    if (rc < 0)
        release_orders(o);
    else
        *out = o;
    return rc;
}

void slot_orders_stop(struct slot_orders *o)
{
    if (!o)
        return;
    worker_stop(o->worker);
    release_orders(o);
}

void slot_orders_stat(const struct slot_orders *o, struct slot_orders_stat *out)
{
    *out = (struct slot_orders_stat){o->n_read, o->n_fail};
}
