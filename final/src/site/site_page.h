/* site_page -- what all pages of the site have in common: the files that they are made
 * from, and the values of the frame around each.  A part of site_render; no other file
 * uses it.  Thread: one at a time for each struct site_page. */
#ifndef LARS_SITE_SITE_PAGE_H
#define LARS_SITE_SITE_PAGE_H

#include "site/site_cards.h"
#include "site/site_render.h"

enum site_page_kind {
    SITE_PAGE_LAYOUT,
    SITE_PAGE_HOME,
    SITE_PAGE_CATEGORY,
    SITE_PAGE_EXHIBIT,
    SITE_PAGE_EDITIONS,
    SITE_PAGE_SEARCH,
    SITE_PAGE_MISSING,
    SITE_PAGE_PAGES
};

struct site_render {
    struct site_texts *texts;
    struct site_template *page[SITE_PAGE_PAGES];
    char *style, *icon, *robots;
    size_t n_style, n_icon, n_robots;
    char style_path[64];
};

/* What the pages of one language and edition have in common. */
struct site_page {
    const struct site_render *r;
    const struct catalogue *c;
    const struct catalogue_edition *e; /* NULL: no edition is shown */
    enum catalogue_language lang;
    struct site_bodies *to; /* NULL: the page is made for one request */
    struct site_scope *card; /* of each exhibit of <e> */
    struct site_card_paths *paths;
    struct site_categories categories;
    struct site_scope category[SITE_CARDS_CATEGORIES];
    char root[8], editions[32], search[32], edition[32], year[8];
};

/* The addresses of a page in all languages. */
struct site_page_paths {
    char path[CATALOGUE_LANGUAGES][SITE_BODIES_PATH_MAX];
};

/* The latest edition; NULL: there is none. */
const struct catalogue_edition *site_page_latest(const struct catalogue *c);

/* Fill what r, c, e, lang and to of <m> determine.  Returns 0 or -ENOMEM;
 * site_page_finish() is needed in both cases. */
int site_page_prepare(struct site_page *m);
void site_page_finish(struct site_page *m);

/* Fill m->category with links, the one to <current> (may be NULL) marked.  Returns how
 * many there are. */
size_t site_page_categories(struct site_page *m, const char *current);

/* Fill <s> with the values of the frame.  <rest> is the address after the language. */
void site_page_fill(struct site_scope *s, struct site_page *m,
                    struct site_page_paths *paths, const char *rest, const char *title,
                    const char *description);

/* Append the page to <out>.  Returns 0 or -ENOMEM. */
int site_page_write(const struct site_page *m, enum site_page_kind page,
                    const struct site_scope *s, struct buf *out);

#endif
