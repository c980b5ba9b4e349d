/* site_cards -- exhibits and categories as lists of values for templates.  Thread: any,
 * one at a time for each list. */
#ifndef LARS_SITE_SITE_CARDS_H
#define LARS_SITE_SITE_CARDS_H

#include "site/site_template.h"

#define SITE_CARDS_CATEGORIES 32u /* of an edition; exhibits of others have no page */
#define SITE_CARDS_PATH 128u

/* The paths that a card's values point to. */
struct site_card_paths {
    char page[SITE_CARDS_PATH], category[SITE_CARDS_PATH], picture[SITE_CARDS_PATH];
    char year[8];
};

struct site_category {
    const char *id;
    const char *name;
    char path[SITE_CARDS_PATH], count[12];
    const struct catalogue_exhibit *first;
    size_t n;
};

struct site_categories {
    struct site_category at[SITE_CARDS_CATEGORIES];
    size_t n;
};

const char *site_cards_language(enum catalogue_language lang); /* "zh" or "en" */

/* "/picture/HASH.svg" */
void site_cards_picture_path(char out[SITE_CARDS_PATH],
                             const struct catalogue_picture *p);
void site_cards_exhibit_path(char out[SITE_CARDS_PATH], enum catalogue_language lang,
                             const struct catalogue_exhibit *x);

/* The name of a category, or its id when the texts have none. */
const char *site_cards_category_name(const struct site_texts *t,
                                     enum catalogue_language lang, const char *category);

/* Fill <s> with path, title, summary, category, category_path, picture, alt, sample,
 * organisation and year of the exhibit.  Borrows everything. */
void site_cards_fill(struct site_scope *s, struct site_card_paths *paths,
                     const struct site_texts *t, enum catalogue_language lang,
                     const struct catalogue_exhibit *x);

/* The categories of an edition, in the order of its exhibits. */
void site_cards_categories(struct site_categories *out, const struct site_texts *t,
                           enum catalogue_language lang,
                           const struct catalogue_edition *e);

#endif
