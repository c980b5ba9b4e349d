#include "dns/infopoll.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"

#define ROUND_MS 1000                 /* and so is the news of one module apart */

struct infopoll {
    struct infodb *db;
    infopoll_fn *fn;
    void *arg;
    struct infotable *now;            /* NULL = none yet */
    bool down;                        /* said so already */
    pthread_t thread;
    pthread_mutex_t lock;             /* guards stop */
    pthread_cond_t wake;
    bool stop;
};

struct compare {
    const struct infotable *with;
    bool same;
};

static void compare_one(const struct msg_info *m, void *arg)
{
    struct compare *c = arg;

    if (c->same)
        c->same = infotable_same(m, infotable_find(c->with, m->mod.modid, m->mod.cmdid));
}

static bool is_same(const struct infotable *a, const struct infotable *b)
{
    struct compare c = {b, infotable_n(a) == infotable_n(b)};

    infotable_each(a, compare_one, &c);
    return c.same;
}

static int look(struct infopoll *p)
{
    struct infotable *t;
    int rc = infodb_load(p->db, &t);

    if (rc < 0)
        return rc;                    /* agents go on with what they have */
    if (p->now && is_same(t, p->now)) {
        infotable_unref(t);
        return 0;
    }
    infotable_unref(p->now);
    p->now = t;
    p->fn(t, p->arg);
    return 0;
}

static void note(struct infopoll *p, int rc)
{
    if (rc < 0 && !p->down)
        LOG_ERROR("db.down", "of=info err=%s %s", err_str(rc), infodb_error(p->db));
    if (rc == 0 && p->down)
        LOG_INFO("db.back", "of=info");
    p->down = rc < 0;
}

static void *run(void *arg)
{
    struct infopoll *p = arg;

    do
        note(p, look(p));
    while (deadline_pause(&p->wake, &p->lock, &p->stop, ROUND_MS));
    infodb_close(p->db);              /* in the thread that used it */
    p->db = NULL;
    return NULL;
}

static void release(struct infopoll *p)
{
    infodb_close(p->db);
    infotable_unref(p->now);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int infopoll_start(struct infopoll **out, struct infodb *db, infopoll_fn *fn, void *arg)
{
    struct infopoll *p = calloc(1, sizeof(*p));
    int rc;

    if (!p) {
        infodb_close(db);
        return -ENOMEM;
    }
    *p = (struct infopoll){.db = db, .fn = fn, .arg = arg};
    pthread_mutex_init(&p->lock, NULL);
    deadline_cond_init(&p->wake);
    rc = -pthread_create(&p->thread, NULL, run, p);
    if (rc < 0)
        release(p);
    else
        *out = p;
    return rc;
}

void infopoll_stop(struct infopoll *p)
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
