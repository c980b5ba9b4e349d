/* page_links -- the links of a page: which other paths of the same site it needs or leads
 * to.  Pages are written by others: every byte is possible, and what is no link is passed
 * over.  Thread: any. */
#ifndef LARS_GATEWAY_PAGE_LINKS_H
#define LARS_GATEWAY_PAGE_LINKS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/mirror.h"

/* What a link of a page leads to. */
enum page_link {
    PAGE_LINK_PATH, /* a path of this site */
    PAGE_LINK_ELSEWHERE, /* another site, mail, a part of the page */
    PAGE_LINK_BAD /* longer than a path may be */
};

/* Find where <link> (<len> bytes, as it stands in the page) leads from the page <base>, a
 * path.  <host>: the name of the site, so that whole addresses of it are paths too; "" =
 * not known.  On PAGE_LINK_PATH <out> is the path from '/', without '?' and '#', without
 * "." and ".." (which do not lead above '/'), other bytes than printable ASCII as %XX. */
enum page_link page_links_resolve(const char *link, size_t len, const char *base,
                                  const char *host, char out[MIRROR_PATH_MAX]);

/* Returns 0, or a value below 0, which ends page_links_read(). */
typedef int page_links_fn(void *arg, const char *link, size_t len);

/* Call <fn> for each link: of HTML the attributes href, src, action and poster outside of
 * comments, of CSS what stands in url().  Returns 0, or what <fn> returned. */
int page_links_read(const char *text, size_t len, bool is_css, page_links_fn *fn,
                    void *arg);

#endif
