/* site_fetch -- gets the pages of a site from its nodes, as a visitor without a cookie
 * would: liblars picks the node for each request, and its result is reported.
 * Thread: one that may wait. */
#ifndef LARS_GATEWAY_SITE_FETCH_H
#define LARS_GATEWAY_SITE_FETCH_H

#include "api/lars.h"
#include "gateway/site_crawl.h"

struct site_fetch_config {
    struct lars_client *lars; /* borrowed */
    uint32_t modid, cmdid;
    const char *host; /* for the field Host; "" = the node's address */
    bool (*is_stopping)(void *arg); /* ends a request that is in progress */
    void *arg;
};

struct site_fetch;

/* For libcurl, once in a program, around everything else here.  Returns 0 or -ENOMEM. */
int site_fetch_init(void);
void site_fetch_fini(void);

int site_fetch_create(struct site_fetch **out, const struct site_fetch_config *c);
void site_fetch_destroy(struct site_fetch *f); /* NULL is fine */

site_fetch_fn site_fetch_get; /* <arg> is the struct site_fetch */

#endif
