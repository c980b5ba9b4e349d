#include "dns/module_meta_poll.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"

#define ROUND_MS 1000                 /* and so is the news of one module apart */

struct module_meta_poll {
    struct module_meta_db *db;
    module_meta_poll_fn *fn;
    void *arg;
    struct module_meta_table *now;            /* NULL = none yet */
    bool down;                        /* said so already */
    pthread_t thread;
    pthread_mutex_t lock;             /* guards stop */
    pthread_cond_t wake;
    bool stop;
};

struct compare {
    const struct module_meta_table *with;
    bool same;
};

static void compare_one(const struct msg_module_meta *m, void *arg)
{
    struct compare *c = arg;

    if (c->same)
        c->same = module_meta_table_same(m, module_meta_table_find(c->with, m->mod.modid,
                                                                   m->mod.cmdid));
}

static bool is_same(const struct module_meta_table *a, const struct module_meta_table *b)
{
    struct compare c = {b, module_meta_table_n(a) == module_meta_table_n(b)};

    module_meta_table_each(a, compare_one, &c);
    return c.same;
}

static int look(struct module_meta_poll *p)
{
    struct module_meta_table *t;
    int rc = module_meta_db_load(p->db, &t);

    if (rc < 0)
        return rc;                    /* agents go on with what they have */
    if (p->now && is_same(t, p->now)) {
        module_meta_table_unref(t);
        return 0;
    }
    module_meta_table_unref(p->now);
    p->now = t;
    p->fn(t, p->arg);
    return 0;
}

static void note(struct module_meta_poll *p, int rc)
{
    if (rc < 0 && !p->down)
        LOG_ERROR("db.down", "of=info err=%s %s", err_str(rc),
                  module_meta_db_error(p->db));
    if (rc == 0 && p->down)
        LOG_INFO("db.back", "of=info");
    p->down = rc < 0;
}

static void *run(void *arg)
{
    struct module_meta_poll *p = arg;

    do
        note(p, look(p));
    while (deadline_pause(&p->wake, &p->lock, &p->stop, ROUND_MS));
    module_meta_db_close(p->db);              /* in the thread that used it */
    p->db = NULL;
    return NULL;
}

static void release(struct module_meta_poll *p)
{
    module_meta_db_close(p->db);
    module_meta_table_unref(p->now);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
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
    pthread_mutex_init(&p->lock, NULL);
    deadline_cond_init(&p->wake);
    rc = -pthread_create(&p->thread, NULL, run, p);
    if (rc < 0)
        release(p);
    else
        *out = p;
    return rc;
}

void module_meta_poll_stop(struct module_meta_poll *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    release(p);
}
