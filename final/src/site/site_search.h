/* site_search -- finds exhibits by words: Chinese by pairs of characters, other text by
 * words.  An exhibit is found when it has all of what was asked for, in either language.
 * Thread: the builder's, then any that only reads. */
#ifndef LARS_SITE_SITE_SEARCH_H
#define LARS_SITE_SITE_SEARCH_H

#include "site/catalogue.h"

#define SITE_SEARCH_CHARACTERS 64u /* of a query; the rest is ignored */
#define SITE_SEARCH_RESULTS 50u

struct site_search;

/* Borrows <c>.  Returns 0 or -ENOMEM. */
int site_search_create(struct site_search **out, const struct catalogue *c);
void site_search_destroy(struct site_search *s); /* NULL is fine */

/* The exhibits that fit best, of later editions first among equals.  <query> is any
 * bytes.  Returns how many are in <out>; *<n_all>: how many there are. */
size_t site_search_find(const struct site_search *s, const char *query,
                        const struct catalogue_exhibit *out[SITE_SEARCH_RESULTS],
                        size_t *n_all);

/* Cut <query> in place to the characters that count, with '?' for what is no UTF-8. */
void site_search_trim(char *query);

#endif
