/* The frame has the links that are on every page: languages, categories, search,
 * editions.  It is a scope below which the values of the page itself stand, so both can
 * be named by one template. */
#include "site/site_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct catalogue_edition *site_page_latest(const struct catalogue *c)
{
    return c && catalogue_n_editions(c) > 0 ? catalogue_edition(c, 0) : NULL;
}

int site_page_prepare(struct site_page *m)
{
    const char *lang = site_cards_language(m->lang);
    size_t n = m->e ? m->e->n_exhibit : 0, i;

    snprintf(m->root, sizeof(m->root), "/%s/", lang);
    snprintf(m->editions, sizeof(m->editions), "/%s/editions/", lang);
    snprintf(m->search, sizeof(m->search), "/%s/search", lang);
    if (!m->e)
        return 0;
    snprintf(m->year, sizeof(m->year), "%" PRIu32, m->e->year);
    snprintf(m->edition, sizeof(m->edition), "/%s/%s/", lang, m->year);
    site_cards_categories(&m->categories, m->r->texts, m->lang, m->e);
    if (!m->to)
        return 0;
    m->card = calloc(n + 1, sizeof(*m->card));
    m->paths = calloc(n + 1, sizeof(*m->paths));
    if (!m->card || !m->paths)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        site_cards_fill(&m->card[i], &m->paths[i], m->r->texts, m->lang,
                        m->e->exhibit[i]);
    return 0;
}

void site_page_finish(struct site_page *m)
{
    free(m->card);
    free(m->paths);
}

size_t site_page_categories(struct site_page *m, const char *current)
{
    size_t i;

    for (i = 0; i < m->categories.n; i++) {
        const struct site_category *c = &m->categories.at[i];
        struct site_scope *s = &m->category[i];
        bool is_current = current && strcmp(current, c->id) == 0;

        s->n_value = 0;
        site_scope_text(s, "name", c->name);
        site_scope_text(s, "path", c->path);
        site_scope_text(s, "count", c->count);
        site_scope_text(s, "current", is_current ? "1" : "");
    }
    return m->categories.n;
}

void site_page_fill(struct site_scope *s, struct site_page *m,
                    struct site_page_paths *paths, const char *rest, const char *title,
                    const char *description)
{
    size_t i;

    for (i = 0; i < CATALOGUE_LANGUAGES; i++)
        snprintf(paths->path[i], SITE_BODIES_PATH_MAX, "/%s/%s",
                 site_cards_language((enum catalogue_language)i), rest);
    site_scope_text(s, "lang", m->lang == CATALOGUE_ZH ? "zh-CN" : "en");
    site_scope_text(s, "path_zh", paths->path[CATALOGUE_ZH]);
    site_scope_text(s, "path_en", paths->path[CATALOGUE_EN]);
    site_scope_text(s, "is_zh", m->lang == CATALOGUE_ZH ? "1" : "");
    site_scope_text(s, "is_en", m->lang == CATALOGUE_EN ? "1" : "");
    site_scope_text(s, "root", m->root);
    site_scope_text(s, "style", m->r->style_path);
    site_scope_text(s, "page_title", title);
    site_scope_text(s, "description", description);
    site_scope_text(s, "edition_title", m->e ? m->e->title[m->lang] : "");
    site_scope_text(s, "edition_path", m->edition);
    site_scope_text(s, "year", m->year);
    site_scope_text(s, "editions_path", m->editions);
    site_scope_text(s, "search_path", m->search);
    site_scope_list(s, "categories", m->category, site_page_categories(m, NULL));
}

int site_page_write(const struct site_page *m, enum site_page_kind page,
                    const struct site_scope *s, struct buf *out)
{
    struct site_scope outer = {.parent = s};
    struct buf content = {0};
    int rc = site_template_write(m->r->page[page], m->lang, s, &content);

    if (rc == 0)
        rc = buf_append(&content, "", 1);
    if (rc == 0) {
        site_scope_text(&outer, "content", buf_bytes(&content));
        rc = site_template_write(m->r->page[SITE_PAGE_LAYOUT], m->lang, &outer, out);
    }
    buf_free(&content);
    return rc;
}
