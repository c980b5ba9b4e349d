/* site_texts -- the words of the site's pages in Chinese and English, from files that are
 * read when the program starts.  Thread: init, then any that only reads. */
#ifndef LARS_SITE_SITE_TEXTS_H
#define LARS_SITE_SITE_TEXTS_H

#include <stddef.h>

#include "site/catalogue.h"

#define SITE_TEXTS_ERROR_MAX 300

struct site_texts;

/* Read <dir>/texts.zh and texts.en: lines KEY = TEXT; '#' begins a comment.  Both have
 * the same keys.  Returns 0, or -errno with one sentence in <err> that names the file
 * and what to correct. */
int site_texts_load(struct site_texts **out, const char *dir,
                    char err[SITE_TEXTS_ERROR_MAX]);
void site_texts_destroy(struct site_texts *t); /* NULL is fine */

/* NULL when there is no such key. */
const char *site_texts_get(const struct site_texts *t, enum catalogue_language lang,
                           const char *key);

/* Read a file of the folder as a whole, with a final 0 that *<len> does not count; the
 * caller frees it.  Returns as site_texts_load(). */
int site_texts_read_file(const char *dir, const char *file, char **out, size_t *len,
                         char err[SITE_TEXTS_ERROR_MAX]);

#endif
