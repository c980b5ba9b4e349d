/* site_bodies -- what the site answers by path: each body plain and, when it is text,
 * compressed, with its ETag.  It is made once and does not change afterwards.
 * Thread: the builder's, then any that only reads. */
#ifndef LARS_SITE_SITE_BODIES_H
#define LARS_SITE_SITE_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <uthash.h>

#include "site/catalogue.h"

#define SITE_BODIES_PATH_MAX 128u
#define SITE_BODIES_ETAG_MAX 20u

struct site_body {
    char path[SITE_BODIES_PATH_MAX];
    const char *type; /* static */
    const char *plain;
    size_t n_plain;
    char *gzip; /* NULL: it would not be smaller */
    size_t n_gzip;
    bool is_immutable; /* its path has a checksum of it */
    char etag[SITE_BODIES_ETAG_MAX]; /* 16 digits, without quotation marks */
    const struct catalogue_exhibit *exhibit; /* a visit of this exhibit; NULL: of none */
    char *owned; /* <plain>, when it was handed over */
    UT_hash_handle hh;
};

struct site_bodies;

int site_bodies_create(struct site_bodies **out); /* 0 or -ENOMEM */
void site_bodies_destroy(struct site_bodies *b); /* NULL is fine */

/* Add a body: <path>, type, is_immutable, exhibit and plain of <like>.  Takes
 * <like->owned>, on failure as well.  Returns 0; -EEXIST: the path is there; -ENOMEM. */
int site_bodies_add(struct site_bodies *b, const char *path,
                    const struct site_body *like);

const struct site_body *site_bodies_find(const struct site_bodies *b, const char *path);
/* Each body, in the order in which they were added; NULL after the last. */
const struct site_body *site_bodies_next(const struct site_bodies *b,
                                         const struct site_body *before);

#endif
