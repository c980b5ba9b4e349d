/* Every page is made when an edition is published, because there are few of them and
 * visitors are many: a request then costs a look-up.  Only results of a search are made
 * when they are asked for.
 *
 * A page is a template within layout.html.  The values of a page are scopes on the stack
 * or in an array, which live until the page is written.
 * Rejected: making pages when they are first asked for, as the first request of each
 * would be slow at the moment when most visitors come. */
#include "site/site_render.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "site/site_page.h"

static const char *const files[SITE_PAGE_PAGES] = {"layout",  "home",     "category",
                                                   "exhibit", "editions", "search",
                                                   "missing"};

/* Every value that a template may name. */
static const char *const names[] = {
    "lang",           "path_zh",   "path_en",       "is_zh",       "is_en",
    "root",           "style",     "page_title",    "description", "edition_title",
    "edition_path",   "year",      "editions_path", "search_path", "query",
    "path",           "title",     "summary",       "category",    "category_path",
    "organisation",   "sample",    "picture",       "alt",         "categories",
    "name",           "count",     "current",       "highlights",  "cards",
    "paragraphs",     "text",      "pictures",      "number",      "previous_path",
    "previous_title", "next_path", "next_title",    "editions",    "frozen",
    "published",      "found",     "cut",           "others",      NULL};

/* --- files -------------------------------------------------------------------------- */

static void set_style_path(struct site_render *r)
{
    uint64_t sum = FNV_START;
    size_t i;

    for (i = 0; i < r->n_style; i++)
        sum = fnv_add_byte(sum, (uint8_t)r->style[i]);
    snprintf(r->style_path, sizeof(r->style_path), "/style.%016llx.css",
             (unsigned long long)sum);
}

int site_render_create(struct site_render **out, const char *dir,
                       char err[SITE_TEXTS_ERROR_MAX])
{
    struct site_render *r = calloc(1, sizeof(*r));
    int rc = r ? 0 : -ENOMEM;
    size_t i;

    if (!r)
        snprintf(err, SITE_TEXTS_ERROR_MAX, "out of memory");
    if (rc == 0)
        rc = site_texts_load(&r->texts, dir, err);
    if (rc == 0)
        rc = site_texts_read_file(dir, "style.css", &r->style, &r->n_style, err);
    if (rc == 0)
        rc = site_texts_read_file(dir, "favicon.svg", &r->icon, &r->n_icon, err);
    if (rc == 0)
        rc = site_texts_read_file(dir, "robots.txt", &r->robots, &r->n_robots, err);
    for (i = 0; rc == 0 && i < SITE_PAGE_PAGES; i++)
        rc = site_template_load(&r->page[i], dir, files[i], names, r->texts, err);
    if (rc < 0) {
        site_render_destroy(r);
        return rc;
    }
    set_style_path(r);
    *out = r;
    return 0;
}

void site_render_destroy(struct site_render *r)
{
    size_t i;

    if (!r)
        return;
    for (i = 0; i < SITE_PAGE_PAGES; i++)
        site_template_destroy(r->page[i]);
    site_texts_destroy(r->texts);
    free(r->style);
    free(r->icon);
    free(r->robots);
    free(r);
}

/* --- the pages of an edition -------------------------------------------------------- */

static int add_page(const struct site_page *m, enum site_page_kind page,
                    const struct site_scope *s, const char *path,
                    const struct catalogue_exhibit *x)
{
    struct buf b = {0};
    int rc = site_page_write(m, page, s, &b);

    if (rc < 0) {
        buf_free(&b);
        return rc;
    }
    return site_bodies_add(m->to, path,
                           &(struct site_body){.type = "text/html; charset=utf-8",
                                               .plain = buf_bytes(&b),
                                               .n_plain = b.len,
                                               .exhibit = x,
                                               .owned = b.data});
}

/* The first exhibit of each category. */
static size_t list_highlights(const struct site_page *m, struct site_scope *to)
{
    size_t n = 0, i, k;

    for (i = 0; i < m->categories.n; i++)
        for (k = 0; k < m->e->n_exhibit; k++)
            if (m->e->exhibit[k] == m->categories.at[i].first)
                to[n++] = m->card[k];
    return n;
}

/* <is_first>: at the root of the language. */
static int make_home(struct site_page *m, bool is_first)
{
    struct site_scope s = {0}, top = {0}, highlight[SITE_CARDS_CATEGORIES];
    struct site_page_paths paths;
    char rest[16] = "";

    if (!is_first)
        snprintf(rest, sizeof(rest), "%s/", m->year);
    site_page_fill(&top, m, &paths, rest, "",
                   site_texts_get(m->r->texts, m->lang, "intro"));
    s.parent = &top;
    site_scope_list(&s, "highlights", highlight,
                    m->e ? list_highlights(m, highlight) : 0);
    return add_page(m, SITE_PAGE_HOME, &s, paths.path[m->lang], NULL);
}

static int make_category(struct site_page *m, const struct site_category *c)
{
    struct site_scope s = {0}, top = {0};
    struct site_scope *card = calloc(c->n + 1, sizeof(*card));
    struct site_page_paths paths;
    char rest[CATALOGUE_ID_MAX + 16];
    size_t n = 0, i;
    int rc;

    if (!card)
        return -ENOMEM;
    for (i = 0; i < m->e->n_exhibit; i++)
        if (strcmp(m->e->exhibit[i]->category, c->id) == 0)
            card[n++] = m->card[i];
    snprintf(rest, sizeof(rest), "%s/%s/", m->year, c->id);
    site_page_fill(&top, m, &paths, rest, c->name, c->name);
    site_page_categories(m, c->id);
    s.parent = &top;
    site_scope_text(&s, "name", c->name);
    site_scope_text(&s, "count", c->count);
    site_scope_list(&s, "cards", card, n);
    rc = add_page(m, SITE_PAGE_CATEGORY, &s, paths.path[m->lang], NULL);
    free(card);
    return rc;
}

/* Cut <text> in place at empty lines.  Returns how many entries of <to> are filled. */
static size_t list_paragraphs(char *text, struct site_scope *to, size_t max)
{
    size_t n = 0;
    char *end;

    while (text && n < max) {
        text += strspn(text, "\r\n ");
        end = strstr(text, "\n\n");
        if (!end)
            end = strstr(text, "\n\r\n");
        if (end)
            *end++ = '\0';
        to[n] = (struct site_scope){0};
        if (text[0])
            site_scope_text(&to[n++], "text", text);
        text = end;
    }
    return n;
}

/* Before and after it in its edition. */
static void link_neighbours(const struct site_page *m, struct site_scope *s, size_t i)
{
    if (i > 0) {
        site_scope_text(s, "previous_path", m->paths[i - 1].page);
        site_scope_text(s, "previous_title", m->e->exhibit[i - 1]->title[m->lang]);
    }
    if (i + 1 < m->e->n_exhibit) {
        site_scope_text(s, "next_path", m->paths[i + 1].page);
        site_scope_text(s, "next_title", m->e->exhibit[i + 1]->title[m->lang]);
    }
}

/* At most three others of its category, those that come after it first. */
static size_t list_others(const struct site_page *m, struct site_scope *to, size_t at)
{
    size_t n = 0, k;

    for (k = 1; k < m->e->n_exhibit && n < 3; k++) {
        size_t i = (at + k) % m->e->n_exhibit;

        if (strcmp(m->e->exhibit[i]->category, m->e->exhibit[at]->category) == 0)
            to[n++] = m->card[i];
    }
    return n;
}

#define PARAGRAPHS 64u

static int make_exhibit(struct site_page *m, size_t i)
{
    const struct catalogue_exhibit *x = m->e->exhibit[i];
    struct site_scope top = {0}, s = m->card[i], more = {0}, others[3];
    struct site_scope paragraph[PARAGRAPHS], picture[CATALOGUE_VIEWS] = {0};
    char src[CATALOGUE_VIEWS][SITE_CARDS_PATH], *text = strdup(x->body[m->lang]);
    struct site_page_paths paths;
    size_t k;
    int rc;

    if (!text)
        return -ENOMEM;
    site_page_fill(&top, m, &paths, m->paths[i].page + 4, x->title[m->lang],
                   x->summary[m->lang]);
    site_page_categories(m, x->category);
    for (k = 0; k < x->n_view; k++) {
        site_cards_picture_path(src[k], x->view[k].picture);
        site_scope_text(&picture[k], "picture", src[k]);
        site_scope_text(&picture[k], "alt", x->view[k].alt[m->lang]);
    }
    s.parent = &top;
    more.parent = &s;
    site_scope_list(&more, "pictures", picture, x->n_view);
    site_scope_list(&more, "paragraphs", paragraph,
                    list_paragraphs(text, paragraph, PARAGRAPHS));
    site_scope_list(&more, "others", others, list_others(m, others, i));
    link_neighbours(m, &more, i);
    rc = add_page(m, SITE_PAGE_EXHIBIT, &more, m->paths[i].page, x);
    free(text);
    return rc;
}

static int make_edition(struct site_page *m, bool is_latest)
{
    int rc = site_page_prepare(m);
    size_t i;

    if (rc == 0 && is_latest)
        rc = make_home(m, true);
    if (rc == 0 && m->e)
        rc = make_home(m, false);
    for (i = 0; rc == 0 && i < m->categories.n; i++)
        rc = make_category(m, &m->categories.at[i]);
    for (i = 0; rc == 0 && m->e && i < m->e->n_exhibit; i++)
        rc = make_exhibit(m, i);
    site_page_finish(m);
    return rc;
}

/* --- the other pages ---------------------------------------------------------------- */

struct edition_strings {
    char path[32], year[8], count[24], published[12];
};

static int make_editions(struct site_page *m)
{
    struct site_scope s = {0}, top = {0}, list[CATALOGUE_EDITIONS] = {0};
    struct edition_strings str[CATALOGUE_EDITIONS];
    struct site_page_paths paths;
    size_t i, n = catalogue_n_editions(m->c);
    int rc = site_page_prepare(m);

    if (rc == 0) {
        const char *title = site_texts_get(m->r->texts, m->lang, "editions");

        site_page_fill(&top, m, &paths, "editions/", title ? title : "", "");
    }
    for (i = 0; i < n && rc == 0; i++) {
        const struct catalogue_edition *e = catalogue_edition(m->c, i);

        snprintf(str[i].year, sizeof(str[i].year), "%" PRIu32, e->year);
        snprintf(str[i].path, sizeof(str[i].path), "/%s/%s/",
                 site_cards_language(m->lang), str[i].year);
        snprintf(str[i].count, sizeof(str[i].count), "%zu", e->n_exhibit);
        snprintf(str[i].published, sizeof(str[i].published), "%.10s", e->published_at);
        site_scope_text(&list[i], "path", str[i].path);
        site_scope_text(&list[i], "year", str[i].year);
        site_scope_text(&list[i], "title", e->title[m->lang]);
        site_scope_text(&list[i], "count", str[i].count);
        site_scope_text(&list[i], "published", str[i].published);
        site_scope_text(&list[i], "frozen", e->state[0] == 'f' ? "1" : "");
    }
    s.parent = &top;
    site_scope_list(&s, "editions", list, n);
    if (rc == 0)
        rc = add_page(m, SITE_PAGE_EDITIONS, &s, paths.path[m->lang], NULL);
    site_page_finish(m);
    return rc;
}

int site_render_search(const struct site_render *r, const struct catalogue *c,
                       const struct site_search *search, enum catalogue_language lang,
                       const char *query, struct buf *out)
{
    struct site_page m = {.r = r, .c = c, .e = site_page_latest(c), .lang = lang};
    const struct catalogue_exhibit *found[SITE_SEARCH_RESULTS];
    struct site_scope s = {0}, top = {0}, card[SITE_SEARCH_RESULTS] = {0};
    struct site_card_paths strings[SITE_SEARCH_RESULTS];
    struct site_page_paths paths;
    char asked[4 * SITE_SEARCH_CHARACTERS + 8], count[24];
    size_t n = 0, n_all = 0, i;
    int rc = site_page_prepare(&m);

    snprintf(asked, sizeof(asked), "%s", query);
    site_search_trim(asked);
    if (rc == 0 && search)
        n = site_search_find(search, asked, found, &n_all);
    for (i = 0; i < n; i++)
        site_cards_fill(&card[i], &strings[i], r->texts, lang, found[i]);
    site_page_fill(&top, &m, &paths, "search", site_texts_get(r->texts, lang, "search"),
                   "");
    snprintf(count, sizeof(count), "%zu", n_all);
    s.parent = &top;
    site_scope_text(&s, "query", asked);
    site_scope_text(&s, "found", n > 0 ? "1" : "");
    site_scope_text(&s, "count", count);
    site_scope_text(&s, "cut", n_all > n ? "1" : "");
    site_scope_list(&s, "cards", card, n);
    return rc < 0 ? rc : site_page_write(&m, SITE_PAGE_SEARCH, &s, out);
}

/* The page for a path that is not there. */
static int make_missing(const struct site_render *r, const struct catalogue *c,
                        struct site_bodies *to)
{
    struct site_page m = {.r = r, .c = c, .e = site_page_latest(c), .lang = CATALOGUE_ZH};
    struct site_scope top = {0};
    struct site_page_paths paths;
    int rc;

    m.to = to;
    rc = site_page_prepare(&m);

    site_page_fill(&top, &m, &paths, "", site_texts_get(r->texts, m.lang, "missing"), "");
    if (rc == 0)
        rc = add_page(&m, SITE_PAGE_MISSING, &top, SITE_RENDER_MISSING, NULL);
    site_page_finish(&m);
    return rc;
}

/* Files and pictures, which pages link to. */
static int add_files(const struct site_render *r, const struct catalogue *c,
                     struct site_bodies *to)
{
    int rc = site_bodies_add(to, r->style_path,
                             &(struct site_body){.type = "text/css; charset=utf-8",
                                                 .plain = r->style,
                                                 .n_plain = r->n_style,
                                                 .is_immutable = true});
    size_t i;

    if (rc == 0)
        rc = site_bodies_add(to, "/favicon.svg",
                             &(struct site_body){.type = "image/svg+xml",
                                                 .plain = r->icon,
                                                 .n_plain = r->n_icon});
    if (rc == 0)
        rc = site_bodies_add(to, "/robots.txt",
                             &(struct site_body){.type = "text/plain; charset=utf-8",
                                                 .plain = r->robots,
                                                 .n_plain = r->n_robots});
    for (i = 0; rc == 0 && i < catalogue_n_pictures(c); i++) {
        const struct catalogue_picture *p = catalogue_picture(c, i);
        char path[SITE_CARDS_PATH];

        site_cards_picture_path(path, p);
        rc = site_bodies_add(to, path,
                             &(struct site_body){.type = p->mime,
                                                 .plain = (const char *)p->bytes,
                                                 .n_plain = p->len,
                                                 .is_immutable = true});
    }
    return rc;
}

/* All pages of one language. */
static int make_language(const struct site_render *r, const struct catalogue *c,
                         enum catalogue_language lang, struct site_bodies *to)
{
    struct site_page *m = calloc(1, sizeof(*m));
    size_t i, n = catalogue_n_editions(c);
    int rc = m ? 0 : -ENOMEM;

    for (i = 0; rc == 0 && i < (n > 0 ? n : 1); i++) {
        *m = (struct site_page){.r = r, .c = c, .lang = lang, .to = to};
        m->e = n > 0 ? catalogue_edition(c, i) : NULL;
        rc = make_edition(m, i == 0);
    }
    if (rc == 0) {
        *m = (struct site_page){
            .r = r, .c = c, .e = site_page_latest(c), .lang = lang, .to = to};
        rc = make_editions(m);
    }
    free(m);
    return rc;
}

int site_render_all(const struct site_render *r, const struct catalogue *c,
                    struct site_bodies **out)
{
    struct site_bodies *b = NULL;
    int rc = site_bodies_create(&b);
    size_t i;

    if (rc == 0)
        rc = add_files(r, c, b);
    for (i = 0; rc == 0 && i < CATALOGUE_LANGUAGES; i++)
        rc = make_language(r, c, (enum catalogue_language)i, b);
    if (rc == 0)
        rc = make_missing(r, c, b);
    if (rc < 0)
        site_bodies_destroy(b);
    else
        *out = b;
    return rc;
}
