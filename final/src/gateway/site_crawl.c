/* The paths are a list in the order in which they are found, which is also the queue of
 * those that are still to be fetched: the crawl ends when the end of the list is reached.
 * Every path that a page names becomes an entry once, so each link is checked by fetching
 * it.  A path whose answer depends on the language is kept in Chinese and in English.
 *
 * Invariant: a path is fetched once for each language, so a site that writes endless new
 * links ends the crawl at a bound, and one that writes circles ends it by itself.
 * Rejected: several requests at once.  A copy is made while the site serves visitors. */
#include "gateway/site_crawl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/err.h"
#include "base/mono.h"
#include "gateway/page_links.h"
#include "gateway/static_notice.h"

#define NO_SUCH_PAGE "/lars-gateway-asks-for-the-missing-page"
#define NO_CACHE "Cache-Control: no-cache\r\n"

struct entry {
    struct entry *next;
    unsigned depth;
    bool optional; /* it need not be there */
    bool page; /* it is a page of HTML */
    UT_hash_handle hh;
    const char *from; /* path of the page with the link; borrowed from its entry */
    char path[];
};

struct crawl {
    const struct site_crawl *c;
    struct mirror_draft *to;
    struct site_crawl_report *out;
    struct entry *first, **end, *all; /* all: the table */
    unsigned n;
    uint64_t end_ms;
};

struct crawled { /* the page whose links are read */
    struct crawl *crawl;
    const struct entry *entry;
};

/* The first reason is reported. */
static void say(struct crawl *w, const char *what, const struct entry *e,
                const char *more)
{
    if (!w->out->why[0])
        snprintf(w->out->why, CRAWL_WHY, "%.120s (a link of %.120s): %s%.120s", e->path,
                 e->from, what, more);
}

static int add_entry(struct crawl *w, const char *path, const struct entry *from)
{
    size_t len = strlen(path);
    struct entry *e;

    HASH_FIND_STR(w->all, path, e);
    if (e)
        return 0;
    if (w->n == MIRROR_PAGES_MAX || (from && from->depth == CRAWL_DEPTH_MAX)) {
        if (!w->out->why[0])
            snprintf(w->out->why, CRAWL_WHY,
                     "%.120s: the site has more than %u pages, or more than %u links in "
                     "a row",
                     path, MIRROR_PAGES_MAX, CRAWL_DEPTH_MAX);
        return -E2BIG;
    }
    e = calloc(1, sizeof(*e) + len + 1);
    if (!e)
        return -ENOMEM;
    memcpy(e->path, path, len + 1);
    e->from = !from           ? "the rule"
              : from->path[0] ? from->path
                              : "the page for missing paths";
    e->depth = from ? from->depth + 1 : 0;
    HASH_ADD_KEYPTR(hh, w->all, e->path, len, e);
    *w->end = e;
    w->end = &e->next;
    w->n++;
    return 0;
}

static int on_link(void *arg, const char *link, size_t len)
{
    struct crawled *at = arg;
    struct crawl *w = at->crawl;
    char path[MIRROR_PATH_MAX];

    switch (page_links_resolve(link, len, at->entry->path, w->c->host, path)) {
    case PAGE_LINK_PATH:
        return add_entry(w, path, at->entry);
    case PAGE_LINK_BAD:
        w->out->n_broken++;
        say(w, "it has a link that is too long", at->entry, "");
        return 0;
    default:
        return 0;
    }
}

/* --- keeping an answer -------------------------------------------------------------- */

static int keep(struct crawl *w, const char *path, enum cache_control_language language,
                const struct site_answer *a, struct http_text body)
{
    struct mirror_page p = {.path = path,
                            .language = language,
                            .status = a->status,
                            .fields = {buf_bytes(&a->fields), (uint32_t)a->fields.len},
                            .plain = body};
    int rc = mirror_draft_add(w->to, &p);

    w->out->n_files++;
    w->out->bytes += body.len;
    if (rc < 0 && !w->out->why[0])
        snprintf(w->out->why, CRAWL_WHY, "%.200s cannot be kept: %s", path,
                 rc == -E2BIG ? "the copy would be too large" : err_str(rc));
    return rc;
}

static int keep_page(struct crawl *w, struct entry *e, const char *path,
                     enum cache_control_language language, const struct site_answer *a)
{
    struct crawled at = {w, e};
    struct buf page = {0};
    int rc;

    e->page = true;
    w->out->n_pages++;
    rc = page_links_read(buf_bytes(&a->body), a->body.len, false, on_link, &at);
    if (rc == 0)
        rc = static_notice_add(&page, buf_bytes(&a->body), a->body.len, w->c->taken_s);
    if (rc == 0)
        rc = keep(w, path, language, a,
                  (struct http_text){buf_bytes(&page), (uint32_t)page.len});
    buf_free(&page);
    return rc;
}

static int keep_body(struct crawl *w, struct entry *e,
                     enum cache_control_language language, const struct site_answer *a)
{
    struct crawled at = {w, e};
    int rc = 0;

    if (strcmp(a->type, "text/html") == 0)
        return keep_page(w, e, e->path, language, a);
    if (strcmp(a->type, "text/css") == 0)
        rc = page_links_read(buf_bytes(&a->body), a->body.len, true, on_link, &at);
    return rc < 0 ? rc
                  : keep(w, e->path, language, a,
                         (struct http_text){buf_bytes(&a->body), (uint32_t)a->body.len});
}

static bool is_redirect(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* The fields of a redirect to <path>. */
static int set_location(struct site_answer *a, const char *path)
{
    char field[MIRROR_PATH_MAX + 20];
    int n = snprintf(field, sizeof(field), "Location: %s\r\n" NO_CACHE, path);

    buf_free(&a->fields);
    return buf_append(&a->fields, field, (size_t)n);
}

/* Returns -ENOLINK when it leads out of the site. */
static int keep_redirect(struct crawl *w, struct entry *e,
                         enum cache_control_language language, struct site_answer *a)
{
    char path[MIRROR_PATH_MAX];
    int rc;

    if (page_links_resolve(a->location, strlen(a->location), e->path, w->c->host, path) !=
        PAGE_LINK_PATH)
        return -ENOLINK;
    rc = add_entry(w, path, e);
    if (rc == 0)
        rc = set_location(a, path);
    return rc < 0 ? rc : keep(w, e->path, language, a, (struct http_text){"", 0});
}

/* --- fetching ----------------------------------------------------------------------- */

static void forget(struct site_answer *a)
{
    buf_free(&a->fields);
    buf_free(&a->body);
    *a = (struct site_answer){.status = 0};
}

static int fetch(struct crawl *w, const char *path, const char *language,
                 struct site_answer *out)
{
    char why[CRAWL_WHY] = "";
    int rc = mono_ms() < w->end_ms ? 0 : -ETIME;

    if (rc == 0)
        rc = w->c->fetch(w->c->arg, path, language, out, why);
    if (rc < 0 && !w->out->why[0])
        snprintf(w->out->why, CRAWL_WHY, "%.120s: %.260s",
                 strcmp(path, NO_SUCH_PAGE) == 0 ? "the first request" : path,
                 rc == -ETIME ? "the time for the copy is over"
                 : why[0]     ? why
                              : err_str(rc));
    return rc;
}

/* Keep the answer to the path of <e>. */
static int keep_answer(struct crawl *w, struct entry *e,
                       enum cache_control_language language, struct site_answer *a)
{
    char status[24];
    int rc = -ENOLINK;

    if (a->status == 200)
        return keep_body(w, e, language, a);
    if (is_redirect(a->status))
        rc = keep_redirect(w, e, language, a);
    if (rc != -ENOLINK || e->optional)
        return rc == -ENOLINK ? 0 : rc;
    w->out->n_broken++;
    snprintf(status, sizeof(status), "status %u", a->status);
    say(w, is_redirect(a->status) ? "it leads to another site, " : "the node answered ",
        e, status);
    return 0;
}

static int fetch_entry(struct crawl *w, struct entry *e)
{
    struct site_answer a = {0};
    int rc = fetch(w, e->path, "zh", &a);
    bool varies = a.varies;

    if (rc == 0)
        rc = keep_answer(w, e, varies ? CACHE_CONTROL_ZH : CACHE_CONTROL_NONE, &a);
    forget(&a);
    if (rc == 0 && varies)
        rc = fetch(w, e->path, "en", &a);
    if (rc == 0 && varies)
        rc = keep_answer(w, e, CACHE_CONTROL_EN, &a);
    forget(&a);
    return rc;
}

/* The page for paths that are not there; a site without one gets none. */
static int fetch_missing(struct crawl *w)
{
    struct entry *e = calloc(1, sizeof(*e) + 1);
    struct site_answer a = {0};
    int rc = e ? fetch(w, NO_SUCH_PAGE, "zh", &a) : -ENOMEM;

    if (rc == 0 && a.status == 404 && strcmp(a.type, "text/html") == 0)
        rc = keep_page(w, e, MIRROR_MISSING, CACHE_CONTROL_NONE, &a);
    forget(&a);
    free(e);
    return rc;
}

/* --- all of it ---------------------------------------------------------------------- */

static int add_optional(struct crawl *w, const char *path)
{
    struct entry **at = w->end;
    int rc = add_entry(w, path, NULL);

    if (rc == 0 && *at)
        (*at)->optional = true;
    return rc;
}

/* "/zh/crops" leads to "/zh/crops/", as at most servers. */
static int add_slash_redirects(struct crawl *w)
{
    struct site_answer a = {.status = 301};
    struct entry *e, *other;
    int rc = 0;

    for (e = w->first; rc == 0 && e; e = e->next) {
        size_t len = strlen(e->path);
        char path[MIRROR_PATH_MAX];

        if (!e->page || len < 2 || e->path[len - 1] != '/')
            continue;
        snprintf(path, sizeof(path), "%.*s", (int)len - 1, e->path);
        HASH_FIND_STR(w->all, path, other);
        if (other)
            continue;
        rc = set_location(&a, e->path);
        if (rc == 0)
            rc = keep(w, path, CACHE_CONTROL_NONE, &a, (struct http_text){"", 0});
    }
    forget(&a);
    return rc;
}

static int crawl_all(struct crawl *w)
{
    struct entry *e;
    int rc = add_entry(w, w->c->start, NULL);

    if (rc == 0)
        rc = fetch_missing(w);
    if (rc == 0)
        rc = add_optional(w, "/robots.txt");
    if (rc == 0)
        rc = add_optional(w, "/favicon.ico");
    for (e = w->first; rc == 0 && e; e = e->next)
        rc = fetch_entry(w, e);
    if (rc == 0)
        rc = add_slash_redirects(w);
    return rc < 0 ? rc : w->out->n_broken ? -ENOLINK : 0;
}

int site_crawl_run(const struct site_crawl *c, struct mirror_draft *to,
                   struct site_crawl_report *out)
{
    struct crawl w = {.c = c, .to = to, .out = out, .end_ms = mono_ms() + CRAWL_MS};
    uint64_t from_ms = mono_ms();
    struct entry *e, *next;
    int rc;

    *out = (struct site_crawl_report){.n_pages = 0};
    w.end = &w.first;
    rc = crawl_all(&w);
    out->ms = (uint32_t)(mono_ms() - from_ms);
    HASH_CLEAR(hh, w.all);
    for (e = w.first; e; e = next) {
        next = e->next;
        free(e);
    }
    return rc;
}
