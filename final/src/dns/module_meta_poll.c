/* Policies, probes, zone loads and suspects change often by a little (rates), so a table
 * is built anew each second and handed over only when it differs from the one before: an
 * equal table would make every thread compare, and no agent would get anything new.
 *
 * Rejected: a version as routes have.  Agents write ZoneLoad and NodeOut with every
 * batch, so a version would change all the time. */
#include "dns/module_meta_poll.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/worker.h"

struct module_meta_poll {
    struct module_meta_db *db;        /* the thread's, with what follows */
    module_meta_poll_fn *fn;
    void *arg;
    struct module_meta_table *now;    /* NULL = none yet */
    bool down;                        /* the failure is logged already */
    struct worker *worker;
};

struct comparison {
    const struct module_meta_table *with;
    bool same;
};

static void compare_module(const struct msg_module_meta *m, void *arg)
{
    struct comparison *c = arg;

    if (c->same)
        c->same = module_meta_table_same(m, module_meta_table_find(c->with, m->mod.modid,
                                                                   m->mod.cmdid));
}

static bool tables_equal(const struct module_meta_table *a,
                         const struct module_meta_table *b)
{
    struct comparison c = {b, module_meta_table_n(a) == module_meta_table_n(b)};

    module_meta_table_each(a, compare_module, &c);
    return c.same;
}

/* After a failure the agents keep the table that they have. */
static int poll_once(struct module_meta_poll *p)
{
    struct module_meta_table *t;
    int rc = module_meta_db_load(p->db, &t);

    if (rc < 0)
        return rc;
    if (p->now && tables_equal(t, p->now)) {
        module_meta_table_unref(t);
        return 0;
    }
    module_meta_table_unref(p->now);
    p->now = t;
    LOG_DEBUG("module_meta.table", "modules=%zu", module_meta_table_n(t));
    p->fn(t, p->arg);
    return 0;
}

static void log_db_change(struct module_meta_poll *p, int rc)
{
    if (rc < 0 && !p->down)
        LOG_ERROR("db.down", "err=%s of=module_meta %s", err_str(rc),
                  module_meta_db_error(p->db));
    if (rc == 0 && p->down)
        LOG_INFO("db.back", "of=module_meta");
    p->down = rc < 0;
}

static void module_meta_poll_main(void *arg)
{
    struct module_meta_poll *p = arg;

    do
        log_db_change(p, poll_once(p));
    while (worker_pause(p->worker, MODULE_META_POLL_MS));
    module_meta_db_close(p->db);      /* in the thread that used it */
    p->db = NULL;
}

static void release_poll(struct module_meta_poll *p)
{
    worker_destroy(p->worker);
    module_meta_db_close(p->db);
    module_meta_table_unref(p->now);
    free(p);
}

int module_meta_poll_start(struct module_meta_poll **out, struct module_meta_db *db,
                           module_meta_poll_fn *fn, void *arg)
{
    struct module_meta_poll *p = calloc(1, sizeof(*p));
    int rc;

    if (!p) {
        module_meta_db_close(db);
        return -ENOMEM;
    }
    *p = (struct module_meta_poll){.db = db, .fn = fn, .arg = arg};
    rc = worker_create(&p->worker);
    if (rc == 0)
        rc = worker_start(p->worker, module_meta_poll_main, p);
    if (rc < 0)
        release_poll(p);
    else
        *out = p;
    return rc;
}

void module_meta_poll_stop(struct module_meta_poll *p)
{
    if (!p)
        return;
    worker_stop(p->worker);
    release_poll(p);
}
