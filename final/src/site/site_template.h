/* site_template -- the files from which pages are made.  All of them are read and checked
 * when the program starts.
 *     {{name}}               a value, escaped for HTML
 *     {{t.key}}              a text of texts.zh or texts.en, escaped
 *     {{{name}}}             a value that is HTML already: only "content"
 *     {{#name}}..{{/name}}   for each entry of a list; or once, when a text is not empty
 *     {{^name}}..{{/name}}   when the list or text is empty
 *     {{>file}}              file.html of the same folder
 * Thread: init, then any that only reads. */
#ifndef LARS_SITE_SITE_TEMPLATE_H
#define LARS_SITE_SITE_TEMPLATE_H

#include <stddef.h>

#include "base/buf.h"
#include "site/catalogue.h"
#include "site/site_texts.h"

#define SITE_TEMPLATE_VALUES 24u

/* A set of values for one level of a template; a name that it lacks is looked up in its
 * parent.  All pointers are borrowed. */
struct site_scope {
    const struct site_scope *parent;
    struct site_value {
        const char *name; /* as in the template: a static string */
        const char *text; /* NULL: a list */
        const struct site_scope *list;
        size_t n_list;
    } value[SITE_TEMPLATE_VALUES];
    size_t n_value;
};

static inline void site_scope_text(struct site_scope *s, const char *name,
                                   const char *text)
{
    if (s->n_value < SITE_TEMPLATE_VALUES)
        s->value[s->n_value++] = (struct site_value){name, text, NULL, 0};
}

static inline void site_scope_list(struct site_scope *s, const char *name,
                                   const struct site_scope *list, size_t n)
{
    if (s->n_value < SITE_TEMPLATE_VALUES)
        s->value[s->n_value++] = (struct site_value){name, NULL, list, n};
}

struct site_template;

/* Read <dir>/<name>.html.  Its names must be in <names>, which NULL ends, or be keys of
 * <texts>.  Borrows <texts>.  Returns as site_texts_load(). */
int site_template_load(struct site_template **out, const char *dir, const char *name,
                       const char *const *names, const struct site_texts *texts,
                       char err[SITE_TEXTS_ERROR_MAX]);
void site_template_destroy(struct site_template *t); /* NULL is fine */

/* Append the page to <out>.  Returns 0 or -ENOMEM. */
int site_template_write(const struct site_template *t, enum catalogue_language lang,
                        const struct site_scope *s, struct buf *out);

#endif
