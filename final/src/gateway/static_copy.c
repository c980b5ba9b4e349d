/* The loops must not wait and must not contend, so what they ask at each request is an
 * atomic word; the copy itself they hold as a reference of their own, which they renew
 * once a second.
 *
 * Whether nodes answer is seen from the visitors' requests and from nothing else: the
 * first one that fails after one that was answered begins the time, any answer ends it.
 * A node counts as answering whatever its status is; a page with an error is a matter of
 * the site.
 *
 * Invariant: <mirror> is complete, and it is what the file has, except while
 * take_snapshot() has written a newer file and has not yet put it into <mirror>.
 * Rejected: to let the thread check the nodes.  liblars and the agent do that already,
 * and what counts is whether visitors get answers. */
#include "gateway/static_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/folder.h"
#include "base/log.h"
#include "base/worker.h"
#include "gateway/site_fetch.h"

#define NO_STATE_DIR                                                                     \
    "this gateway has no folder for a copy: set [gateway] state_dir and restart it"

struct site { /* the rule with mirror = 1 */
    bool present;
    uint32_t modid, cmdid;
    char host[256], path[256];
};

struct static_copy {
    char copy[300], mark[300]; /* paths of the files; "" = no state_dir */
    struct lars_client *lars;
    struct worker *worker;
    _Atomic bool on;
    _Atomic uint64_t failing_ms; /* since when; 0 = nodes answer */
    _Atomic uint64_t back_ms; /* nodes answered again after the copy was used */
    _Atomic uint64_t ask_ms; /* a request may ask nodes from then on */
    /* with the lock of the worker */
    struct mirror *mirror; /* a reference; NULL = none */
    struct site site;
    enum static_copy_making making;
    unsigned n_begun;
    struct site_crawl_report report;
};

/* --- start and end ------------------------------------------------------------------ */

static void read_copy(struct static_copy *s)
{
    int rc = mirror_open(&s->mirror, s->copy);

    if (rc == 0)
        LOG_INFO("static.copy", "path=%s files=%u bytes=%llu", s->copy,
                 mirror_n_pages(s->mirror), (unsigned long long)mirror_bytes(s->mirror));
    else if (rc != -ENOENT)
        LOG_WARN("static.copy",
                 "path=%s err=%s: the copy of the site is not used; "
                 "make a new one with larsctl site snapshot",
                 s->copy, rc == -EBADMSG ? "damaged" : err_str(rc));
    s->on = s->mirror && access(s->mark, F_OK) == 0;
    if (s->on)
        LOG_WARN("static.on", "visitors get the copy of the site, as it was switched on "
                              "before; larsctl site static off ends it");
}

static void run(void *arg);

/* A folder that cannot be used is no reason not to serve visitors. */
static void set_folder(struct static_copy *s, const char *dir)
{
    int rc;

    if (!dir[0])
        return;
    rc = folder_make(dir);
    if (rc == 0 && access(dir, W_OK | X_OK) < 0)
        rc = -errno;
    if (rc < 0)
        LOG_WARN("static.folder",
                 "path=%s err=%s: no copy of the site can be kept; correct [gateway] "
                 "state_dir, or its owner",
                 dir, err_str(rc));
    snprintf(s->copy, sizeof(s->copy), "%.280s/site.copy", dir);
    snprintf(s->mark, sizeof(s->mark), "%.280s/site.static", dir);
    read_copy(s);
}

int static_copy_create(struct static_copy **out, const struct static_copy_config *c)
{
    struct static_copy *s = calloc(1, sizeof(*s));
    int rc = s ? site_fetch_init() : -ENOMEM;

    if (rc < 0) {
        free(s);
        return rc;
    }
    rc = worker_create(&s->worker);
    if (rc == 0) {
        s->lars = c->lars;
        set_folder(s, c->state_dir);
        rc = worker_start(s->worker, run, s);
    }
    if (rc < 0)
        static_copy_destroy(s);
    else
        *out = s;
    return rc;
}

void static_copy_destroy(struct static_copy *s)
{
    if (!s)
        return;
    worker_destroy(s->worker);
    mirror_unref(s->mirror);
    site_fetch_fini();
    free(s);
}

void static_copy_set_rules(struct static_copy *s, const struct rules *r)
{
    struct site site = {.present = false};
    unsigned i;

    for (i = 0; i < rules_n(r) && !site.present; i++) {
        const struct rule *rule = rules_at(r, i);

        if (!rule->mirror)
            continue;
        site = (struct site){true, rule->modid, rule->cmdid, "", ""};
        snprintf(site.host, sizeof(site.host), "%s",
                 strcmp(rule->host, "*") == 0 ? "" : rule->host);
        snprintf(site.path, sizeof(site.path), "%s", rule->path);
    }
    worker_lock(s->worker);
    if (site.modid != s->site.modid || site.cmdid != s->site.cmdid)
        s->failing_ms = 0; /* nothing is known of its nodes */
    s->site = site;
    worker_unlock(s->worker);
}

/* --- of the loops ------------------------------------------------------------------- */

bool static_copy_is_on(const struct static_copy *s)
{
    return atomic_load_explicit(&s->on, memory_order_relaxed);
}

/* Nodes answer again, after the copy was used. */
static bool is_recovering(const struct static_copy *s, uint64_t now_ms)
{
    uint64_t since = atomic_load_explicit(&s->back_ms, memory_order_relaxed);

    return since && now_ms < since + STATIC_COPY_TRUST_MS;
}

bool static_copy_may_be_needed(const struct static_copy *s, uint64_t now_ms)
{
    return atomic_load_explicit(&s->failing_ms, memory_order_relaxed) ||
           is_recovering(s, now_ms);
}

bool static_copy_is_needed(const struct static_copy *s, uint64_t now_ms)
{
    uint64_t since = atomic_load_explicit(&s->failing_ms, memory_order_relaxed);

    return since && now_ms >= since + STATIC_COPY_AFTER_MS;
}

bool static_copy_asks_nodes(struct static_copy *s, uint64_t now_ms)
{
    uint64_t ask = atomic_load_explicit(&s->ask_ms, memory_order_relaxed);

    return now_ms >= ask && atomic_compare_exchange_strong_explicit(
                                &s->ask_ms, &ask, now_ms + STATIC_COPY_ASK_MS,
                                memory_order_relaxed, memory_order_relaxed);
}

void static_copy_node_answered(struct static_copy *s, uint64_t now_ms)
{
    if (atomic_load_explicit(&s->failing_ms, memory_order_relaxed) == 0)
        return;
    if (static_copy_is_needed(s, now_ms)) {
        atomic_store_explicit(&s->back_ms, now_ms, memory_order_relaxed);
        LOG_INFO("static.live", "nodes answer again");
    }
    atomic_store_explicit(&s->failing_ms, 0, memory_order_relaxed);
}

void static_copy_nodes_failed(struct static_copy *s, uint64_t now_ms)
{
    uint64_t none = 0;
    bool again = is_recovering(s, now_ms) && now_ms > STATIC_COPY_AFTER_MS;
    uint64_t since = again ? now_ms - STATIC_COPY_AFTER_MS : now_ms;

    atomic_compare_exchange_strong_explicit(&s->failing_ms, &none, since ? since : 1,
                                            memory_order_relaxed, memory_order_relaxed);
    if (static_copy_is_needed(s, now_ms))
        LOG_EVERY(60000, LOG_LEVEL_WARN, "static.no_node",
                  "no node of the site has answered for %u s; visitors get its copy, if "
                  "there is one",
                  STATIC_COPY_AFTER_MS / 1000);
}

struct mirror *static_copy_renew(struct static_copy *s, struct mirror *now)
{
    struct mirror *m;

    worker_lock(s->worker);
    m = s->mirror ? mirror_ref(s->mirror) : NULL;
    worker_unlock(s->worker);
    mirror_unref(now);
    return m;
}

/* --- the switch --------------------------------------------------------------------- */

static int make_mark(const struct static_copy *s)
{
    int fd = open(s->mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640), rc;

    if (fd < 0)
        return -errno;
    rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static int set_mark(const struct static_copy *s, bool on)
{
    if (on)
        return make_mark(s);
    return unlink(s->mark) < 0 && errno != ENOENT ? -errno : 0;
}

int static_copy_switch(struct static_copy *s, bool on, char err[CONF_ERR_MAX])
{
    int rc = 0;

    if (!s->copy[0]) {
        snprintf(err, CONF_ERR_MAX, NO_STATE_DIR);
        return -ENOTSUP;
    }
    worker_lock(s->worker);
    if (on && !s->mirror) {
        rc = -ENOENT;
        snprintf(err, CONF_ERR_MAX,
                 "there is no copy of the site; make one with larsctl site snapshot");
    } else if ((rc = set_mark(s, on)) < 0) {
        snprintf(err, CONF_ERR_MAX, "cannot write %.200s: %s", s->mark, strerror(-rc));
    } else {
        s->on = on;
    }
    worker_unlock(s->worker);
    if (rc == 0)
        LOG_INFO("static.switch", "on=%d", on);
    return rc;
}

/* --- the copy ----------------------------------------------------------------------- */

int static_copy_snapshot(struct static_copy *s, char err[CONF_ERR_MAX])
{
    int rc = 0;

    worker_lock(s->worker);
    if (!s->copy[0]) {
        rc = -ENOTSUP;
        snprintf(err, CONF_ERR_MAX, NO_STATE_DIR);
    } else if (!s->site.present) {
        rc = -ENOENT;
        snprintf(err, CONF_ERR_MAX,
                 "no rule of this gateway has mirror = 1, so there is no site to copy");
    } else if (s->making == STATIC_COPY_RUNNING) {
        rc = -EALREADY;
        snprintf(err, CONF_ERR_MAX,
                 "a copy is being made; look with larsctl site status");
    } else {
        s->making = STATIC_COPY_RUNNING;
        s->n_begun++;
        worker_wake(s->worker);
    }
    worker_unlock(s->worker);
    return rc;
}

static bool is_stopping(void *arg)
{
    struct static_copy *s = arg;
    bool yes;

    worker_lock(s->worker);
    yes = worker_is_stopping(s->worker);
    worker_unlock(s->worker);
    return yes;
}

/* Returns as site_crawl_run() and mirror_draft_store(). */
static int copy_site(struct static_copy *s, const struct site *site,
                     struct site_crawl_report *report, struct mirror **out)
{
    struct site_fetch_config f = {s->lars,    site->modid, site->cmdid,
                                  site->host, is_stopping, s};
    struct site_crawl c = {.fetch = site_fetch_get,
                           .host = site->host,
                           .start = site->path,
                           .taken_s = (uint64_t)time(NULL)};
    struct mirror_draft *draft = NULL;
    struct site_fetch *fetch = NULL;
    int rc = mirror_draft_create(&draft);

    if (rc == 0)
        rc = site_fetch_create(&fetch, &f);
    c.arg = fetch;
    if (rc == 0)
        rc = site_crawl_run(&c, draft, report);
    if (rc == 0) {
        rc = mirror_draft_store(draft, s->copy, c.taken_s, out);
        if (rc < 0)
            snprintf(report->why, sizeof(report->why), "cannot write %.200s: %s", s->copy,
                     strerror(-rc));
    }
    site_fetch_destroy(fetch);
    mirror_draft_destroy(draft);
    return rc;
}

static void say_result(int rc, const struct site_crawl_report *r)
{
    if (rc == 0)
        LOG_INFO("static.snapshot", "pages=%u files=%u bytes=%llu", r->n_pages,
                 r->n_files, (unsigned long long)r->bytes);
    else
        LOG_WARN("static.snapshot", "err=%s broken=%u: %s; the old copy stays",
                 err_str(rc), r->n_broken, r->why);
}

/* Without the lock. */
static void take_snapshot(struct static_copy *s, const struct site *site)
{
    struct site_crawl_report report = {.n_pages = 0};
    struct mirror *m = NULL, *old = NULL;
    int rc = copy_site(s, site, &report, &m);

    if (rc < 0 && !report.why[0])
        snprintf(report.why, sizeof(report.why), "%s", err_str(rc));
    say_result(rc, &report);
    worker_lock(s->worker);
    s->report = report;
    s->making = rc == 0 ? STATIC_COPY_DONE : STATIC_COPY_FAILED;
    if (rc == 0) {
        old = s->mirror;
        s->mirror = m;
    }
    worker_unlock(s->worker);
    mirror_unref(old);
}

static void run(void *arg)
{
    struct static_copy *s = arg;
    struct site site;

    worker_lock(s->worker);
    while (!worker_is_stopping(s->worker)) {
        if (s->making != STATIC_COPY_RUNNING) {
            worker_wait(s->worker);
            continue;
        }
        site = s->site;
        worker_unlock(s->worker);
        take_snapshot(s, &site);
        worker_lock(s->worker);
    }
    worker_unlock(s->worker);
}

/* --- what operators see ------------------------------------------------------------- */

void static_copy_look(struct static_copy *s, uint64_t now_ms,
                      struct static_copy_view *out)
{
    worker_lock(s->worker);
    *out = (struct static_copy_view){.present = s->mirror != NULL,
                                     .on = s->on,
                                     .making = s->making,
                                     .n_snapshots = s->n_begun,
                                     .report = s->report};
    if (s->mirror) {
        out->pages = mirror_n_html(s->mirror);
        out->files = mirror_n_pages(s->mirror);
        out->bytes = mirror_bytes(s->mirror);
        out->taken_s = mirror_taken_s(s->mirror);
        out->reason = s->on                              ? STATIC_COPY_OPERATOR
                      : static_copy_is_needed(s, now_ms) ? STATIC_COPY_NO_NODE
                                                         : STATIC_COPY_NOT;
    }
    worker_unlock(s->worker);
}

const char *static_copy_reason_name(enum static_copy_reason r)
{
    static const char *const name[] = {"live", "operator", "no_node"};

    return name[r];
}

const char *static_copy_making_name(enum static_copy_making m)
{
    static const char *const name[] = {"never", "running", "done", "failed"};

    return name[m];
}
