/* site_render -- makes the pages of a catalogue from the templates, in both languages.
 *     /zh/  /en/                   the latest edition
 *     /zh/2027/  /zh/2027/crops/   an edition, a category of it
 *     /zh/2027/exhibit/ID          an exhibit
 *     /zh/editions/  /zh/search    all editions; the form of the search
 *     /picture/HASH.svg  /style.HASH.css  /favicon.svg  /robots.txt
 * Thread: one at a time for each output; the templates only read. */
#ifndef LARS_SITE_SITE_RENDER_H
#define LARS_SITE_SITE_RENDER_H

#include "base/buf.h"
#include "site/site_bodies.h"
#include "site/site_search.h"
#include "site/site_texts.h"

/* The name of the page for paths that are not there; it has both languages. */
#define SITE_RENDER_MISSING "missing"

struct site_render;

/* Read and check all files of the folder <dir>.  Returns 0, or -errno with one sentence
 * in <err>. */
int site_render_create(struct site_render **out, const char *dir,
                       char err[SITE_TEXTS_ERROR_MAX]);
void site_render_destroy(struct site_render *r); /* NULL is fine */

/* Make all pages.  The bodies borrow pictures from <c>.  Returns 0 or -ENOMEM. */
int site_render_all(const struct site_render *r, const struct catalogue *c,
                    struct site_bodies **out);

/* Append the page of results for <query>, any bytes.  Returns 0 or -ENOMEM. */
int site_render_search(const struct site_render *r, const struct catalogue *c,
                       const struct site_search *s, enum catalogue_language lang,
                       const char *query, struct buf *out);

#endif
