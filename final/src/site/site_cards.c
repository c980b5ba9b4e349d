/* A card has the same values wherever it stands: on the first page, in a category, among
 * the results of a search.  Categories are those that exhibits name, so a new one needs
 * a line in texts.zh and texts.en and no change of the program. */
#include "site/site_cards.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *site_cards_language(enum catalogue_language lang)
{
    return lang == CATALOGUE_ZH ? "zh" : "en";
}

void site_cards_picture_path(char out[SITE_CARDS_PATH], const struct catalogue_picture *p)
{
    snprintf(out, SITE_CARDS_PATH, "/picture/%s.%s", p->hash, p->suffix);
}

void site_cards_exhibit_path(char out[SITE_CARDS_PATH], enum catalogue_language lang,
                             const struct catalogue_exhibit *x)
{
    snprintf(out, SITE_CARDS_PATH, "/%s/%" PRIu32 "/exhibit/%s",
             site_cards_language(lang), x->edition->year, x->id);
}

static void category_path(char out[SITE_CARDS_PATH], enum catalogue_language lang,
                          const struct catalogue_exhibit *x)
{
    snprintf(out, SITE_CARDS_PATH, "/%s/%" PRIu32 "/%s/", site_cards_language(lang),
             x->edition->year, x->category);
}

const char *site_cards_category_name(const struct site_texts *t,
                                     enum catalogue_language lang, const char *category)
{
    char key[CATALOGUE_ID_MAX + 12];
    const char *name;

    snprintf(key, sizeof(key), "category.%.32s", category);
    name = site_texts_get(t, lang, key);
    return name ? name : category;
}

void site_cards_fill(struct site_scope *s, struct site_card_paths *paths,
                     const struct site_texts *t, enum catalogue_language lang,
                     const struct catalogue_exhibit *x)
{
    site_cards_exhibit_path(paths->page, lang, x);
    category_path(paths->category, lang, x);
    snprintf(paths->year, sizeof(paths->year), "%" PRIu32, x->edition->year);
    site_scope_text(s, "path", paths->page);
    site_scope_text(s, "title", x->title[lang]);
    site_scope_text(s, "summary", x->summary[lang]);
    site_scope_text(s, "category", site_cards_category_name(t, lang, x->category));
    site_scope_text(s, "category_path", paths->category);
    site_scope_text(s, "organisation", x->organisation[lang]);
    site_scope_text(s, "sample", x->is_sample ? "1" : "");
    site_scope_text(s, "year", paths->year);
    paths->picture[0] = '\0';
    if (x->n_view > 0)
        site_cards_picture_path(paths->picture, x->view[0].picture);
    site_scope_text(s, "picture", paths->picture);
    site_scope_text(s, "alt", x->n_view > 0 ? x->view[0].alt[lang] : "");
}

static struct site_category *find(struct site_categories *c, const char *id)
{
    size_t i;

    for (i = 0; i < c->n; i++)
        if (strcmp(c->at[i].id, id) == 0)
            return &c->at[i];
    return NULL;
}

void site_cards_categories(struct site_categories *out, const struct site_texts *t,
                           enum catalogue_language lang,
                           const struct catalogue_edition *e)
{
    size_t i;

    out->n = 0;
    for (i = 0; i < e->n_exhibit; i++) {
        const struct catalogue_exhibit *x = e->exhibit[i];
        struct site_category *c = find(out, x->category);

        if (!c && out->n < SITE_CARDS_CATEGORIES) {
            c = &out->at[out->n++];
            *c = (struct site_category){.id = x->category, .first = x};
            c->name = site_cards_category_name(t, lang, x->category);
            category_path(c->path, lang, x);
        }
        if (c)
            snprintf(c->count, sizeof(c->count), "%zu", ++c->n);
    }
}
