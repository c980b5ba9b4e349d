/* site_crawl -- makes a copy of a site: it begins at one path, follows the links of the
 * pages, and checks that every link of the copy leads to a page of it.
 *
 * Bounds.  At most the pages and bytes of a mirror, CRAWL_DEPTH_MAX links from the first
 * page, CRAWL_MS in all.  Over a bound there is no copy, because half of a site looks
 * like a whole one.
 * Thread: one that may wait. */
#ifndef LARS_GATEWAY_SITE_CRAWL_H
#define LARS_GATEWAY_SITE_CRAWL_H

#include "base/buf.h"
#include "gateway/mirror.h"

#define CRAWL_DEPTH_MAX 64
#define CRAWL_MS 300000u
#define CRAWL_BODY_MAX (8u << 20) /* bytes of an answer */
#define CRAWL_WHY 400

struct site_answer {
    uint16_t status;
    char type[64]; /* Content-Type, in lower case, without what
                                           * follows ';'; "" = none */
    char location[MIRROR_PATH_MAX]; /* "" = none */
    bool varies; /* by Accept-Language */
    struct buf fields; /* for mirror_page.fields */
    struct buf body;
};

/* Get <path>.  <language>: for Accept-Language.  <out> is empty before.  Returns 0;
 * -ECANCELED: the program ends; -errno: no node has answered, and <why> tells more. */
typedef int site_fetch_fn(void *arg, const char *path, const char *language,
                          struct site_answer *out, char why[CRAWL_WHY]);

struct site_crawl {
    site_fetch_fn *fetch;
    void *arg;
    const char *host; /* of the site; "" = not known */
    const char *start; /* path of the first page */
    uint64_t taken_s; /* for the notice in the pages: UNIX time */
};

struct site_crawl_report {
    unsigned n_pages; /* of HTML */
    unsigned n_files; /* of the copy: pages, pictures, redirects */
    unsigned n_broken; /* links that lead to no page */
    uint64_t bytes; /* of the bodies */
    uint32_t ms; /* that it took */
    char why[CRAWL_WHY]; /* the first thing that is wrong; "" = none */
};

/* Fill the empty draft <to>.  Returns 0; -ENOLINK: a link is broken; -E2BIG: over a
 * bound; -ETIME: over CRAWL_MS; -ECANCELED; -ENOMEM; or what <fetch> returned.  <out> is
 * filled in any case. */
int site_crawl_run(const struct site_crawl *c, struct mirror_draft *to,
                   struct site_crawl_report *out);

#endif
