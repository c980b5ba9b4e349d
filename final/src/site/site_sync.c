/* One thread does all that can wait: the database, the compression of pages, the disk.
 * The loop only exchanges a pointer.  A failure changes nothing that visitors see: the
 * content stays, visits wait, and the next round tries again.
 *
 * Invariant: visits that were taken out of memory stay together until they are written,
 * so the statement that adds them can be repeated (site_db.c).
 * Rejected: telling nodes to reload.  They would have to be known, and one that was down
 * at that moment would miss it. */
#include "site/site_sync.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/worker.h"
#include "net/msgq.h"
#include "site/site_snapshot.h"

#define ROUND_MS 1000
#define VISITS_MS 5000
#define QUEUE 8

struct site_sync {
    struct site_sync_config cfg;
    char *snapshot;
    struct worker *worker;
    struct site_db *db;
    struct msgq *q;
    _Atomic uint64_t read_ms, n_bad;
    /* of the thread: */
    struct catalogue *shared; /* the last one: its pictures are not read again */
    struct site_visit *taken; /* SITE_DB_VISITS; to be written */
    size_t n_taken;
    uint64_t revision, visits_ms;
    bool is_loaded, is_failing;
};

/* --- handing over ------------------------------------------------------------------- */

static void give_content(void *arg, void *user)
{
    struct site_sync *s = user;

    s->cfg.on_content(arg, s->cfg.arg);
}

static void drop_content(void *arg)
{
    site_content_unref(arg);
}

/* Takes <c>.  Returns 0, -EAGAIN (the loop has not taken the last ones), or -ENOMEM. */
static int publish(struct site_sync *s, struct catalogue *c, uint64_t revision)
{
    struct msgq_task task = {give_content, drop_content, NULL};
    struct site_content *content;
    size_t bad = catalogue_n_bad(c), n = catalogue_n_exhibits(c);
    int rc = site_content_create(&content, s->cfg.render, c, revision);

    if (rc < 0)
        return rc;
    task.arg = content;
    rc = msgq_post(s->q, &task);
    if (rc < 0) {
        site_content_unref(content);
        return rc;
    }
    s->revision = revision;
    s->is_loaded = true;
    s->n_bad = bad;
    LOG_INFO("site.content", "revision=%llu exhibits=%zu", (unsigned long long)revision,
             n);
    if (bad > 0)
        LOG_WARN("site.rows",
                 "bad_rows=%zu: these are left out; an exhibit needs an id and a "
                 "category of a-z, 0-9 and '-', a picture its SHA-256 as hash",
                 bad);
    return 0;
}

/* --- the snapshot file -------------------------------------------------------------- */

/* The file comes before the pages, because the loop owns the catalogue afterwards. */
static void save(struct site_sync *s, const struct catalogue *c, uint64_t revision)
{
    int rc = s->snapshot[0] ? site_snapshot_write(s->snapshot, c, revision) : 0;

    if (rc < 0)
        LOG_WARN("site.snapshot",
                 "file=%s err=%s: it cannot be written, so a start without the database "
                 "shows an older edition or none; see [site] snapshot",
                 s->snapshot, err_str(rc));
}

/* Its pictures stay in memory when the loop has given up its content. */
static void keep_pictures(struct site_sync *s, struct catalogue *c)
{
    struct catalogue *keep = NULL;
    size_t i;
    int rc = catalogue_create(&keep);

    for (i = 0; rc == 0 && i < catalogue_n_pictures(c); i++)
        rc = catalogue_share_picture(keep, c, catalogue_picture(c, i)->hash);
    catalogue_destroy(s->shared);
    s->shared = keep; /* what is missing is read again */
}

static void read_snapshot(struct site_sync *s)
{
    struct catalogue *c = NULL;
    uint64_t revision = 0;
    int rc = s->snapshot[0] ? site_snapshot_read(s->snapshot, &c, &revision) : -ENOENT;

    if (rc == 0) {
        keep_pictures(s, c);
        rc = publish(s, c, revision);
    }
    s->is_loaded = false; /* the database decides what is shown */
    if (rc < 0 && rc != -ENOENT)
        LOG_WARN("site.snapshot",
                 "file=%s err=%s: it cannot be used, so nothing is shown until the "
                 "database has been read",
                 s->snapshot, err_str(rc));
}

/* --- the database ------------------------------------------------------------------- */

static void note(struct site_sync *s, int rc)
{
    bool failing = rc < 0;
    const char *why = site_db_error(s->db);

    if (failing && !s->is_failing)
        LOG_WARN("site.db",
                 "err=%s: the database cannot be read, visitors see the last content: %s",
                 err_str(rc), why);
    if (!failing && s->is_failing)
        LOG_INFO("site.db", "the database is read again");
    s->is_failing = failing;
}

static int load(struct site_sync *s)
{
    struct catalogue *c = NULL;
    uint64_t revision = 0;
    int rc = site_db_load(s->db, s->shared, &c, &revision);

    if (rc < 0)
        return rc;
    keep_pictures(s, c);
    save(s, c, revision);
    return publish(s, c, revision);
}

static int refresh(struct site_sync *s)
{
    uint64_t revision;
    int rc = site_db_revision(s->db, &revision);

    if (rc == 0 && (!s->is_loaded || revision != s->revision))
        rc = load(s);
    if (rc == 0)
        s->read_ms = mono_ms();
    return rc;
}

/* Returns 0, or the error of the statement; its visits stay taken. */
static int write_visits(struct site_sync *s)
{
    int rc = 0;

    do {
        if (s->n_taken == 0)
            s->n_taken = site_visits_take(s->cfg.visits, s->taken, SITE_DB_VISITS);
        if (s->n_taken == 0)
            break;
        rc = site_db_add_visits(s->db, s->taken, s->n_taken);
        if (rc == 0) {
            site_visits_written(s->cfg.visits, s->taken, s->n_taken);
            s->n_taken = 0;
        }
    } while (rc == 0);
    s->visits_ms = mono_ms();
    return rc;
}

static void run(void *arg)
{
    struct site_sync *s = arg;
    int rc;

    read_snapshot(s);
    do {
        rc = refresh(s);
        if (rc == 0 && mono_ms() - s->visits_ms >= VISITS_MS)
            rc = write_visits(s);
        note(s, rc);
    } while (worker_pause(s->worker, ROUND_MS));
    if (!s->is_failing && site_visits_waiting(s->cfg.visits) > 0)
        write_visits(s);
    site_db_close(s->db); /* by the thread that used it */
    s->db = NULL;
}

/* --- start and end ------------------------------------------------------------------ */

int site_sync_start(struct site_sync **out, struct evloop *l,
                    const struct site_sync_config *cfg)
{
    struct site_sync *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    s->cfg = *cfg;
    s->read_ms = s->visits_ms = mono_ms();
    s->snapshot = strdup(cfg->snapshot);
    s->taken = calloc(SITE_DB_VISITS, sizeof(*s->taken));
    rc = s->snapshot && s->taken ? worker_create(&s->worker) : -ENOMEM;
    if (rc == 0)
        rc = site_db_create(&s->db, &cfg->db, cfg->node);
    if (rc == 0)
        rc = msgq_create(&s->q, l, QUEUE);
    if (rc == 0) {
        msgq_set_user(s->q, s);
        rc = worker_start(s->worker, run, s);
    }
    if (rc < 0)
        site_sync_stop(s);
    else
        *out = s;
    return rc;
}

void site_sync_stop(struct site_sync *s)
{
    if (!s)
        return;
    worker_stop(s->worker);
    msgq_destroy(s->q);
    worker_destroy(s->worker);
    site_db_close(s->db);
    catalogue_destroy(s->shared);
    free(s->taken);
    free(s->snapshot);
    free(s);
}

uint64_t site_sync_age_ms(const struct site_sync *s)
{
    return mono_ms() - s->read_ms;
}

uint64_t site_sync_n_bad(const struct site_sync *s)
{
    return s->n_bad;
}
