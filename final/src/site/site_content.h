/* site_content -- everything that the site answers at one time: a catalogue, its search
 * and its pages.  Counted references, of one thread at a time. */
#ifndef LARS_SITE_SITE_CONTENT_H
#define LARS_SITE_SITE_CONTENT_H

#include "site/site_bodies.h"
#include "site/site_render.h"
#include "site/site_search.h"

struct site_content {
    struct catalogue *catalogue;
    struct site_search *search;
    struct site_bodies *bodies;
    uint64_t revision;
    unsigned refs;
};

/* Takes <c>, on failure as well.  One reference.  Returns 0 or -ENOMEM. */
int site_content_create(struct site_content **out, const struct site_render *r,
                        struct catalogue *c, uint64_t revision);
void site_content_unref(struct site_content *c); /* NULL is fine */

#endif
