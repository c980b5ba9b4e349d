/* A template is compiled into a list of steps; a section has the index of its end.
 * Values are escaped unless the template asks for HTML, which it may do for one name
 * only: an exhibit whose text is hostile cannot become a script.
 *
 * Invariant: a compiled template has balanced sections and known names, so writing a
 * page can fail only for want of memory.
 * Rejected: pages written by C code, whose words and looks only a programmer could
 * change. */
#include "site/site_template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 512u
#define DEPTH_MAX 8u /* sections, or files, within one another */
#define NAME_LEN 40u

enum step_kind {
    STEP_HTML,
    STEP_VALUE,
    STEP_TEXT,
    STEP_RAW,
    STEP_EACH,
    STEP_NONE,
    STEP_END
};

struct step {
    enum step_kind kind;
    const char *html; /* STEP_HTML: in the file */
    size_t len;
    char name[NAME_LEN];
    size_t end; /* of a section: its STEP_END */
};

struct site_template {
    const struct site_texts *texts;
    struct step step[STEPS_MAX];
    size_t n;
    char *file[DEPTH_MAX * 2]; /* what the steps borrow from */
    size_t n_file;
};

/* --- scopes ------------------------------------------------------------------------- */

static const struct site_value *look_up(const struct site_scope *s, const char *name)
{
    size_t i;

    for (; s; s = s->parent)
        for (i = 0; i < s->n_value; i++)
            if (strcmp(s->value[i].name, name) == 0)
                return &s->value[i];
    return NULL;
}

/* --- compiling ---------------------------------------------------------------------- */

struct parser {
    struct site_template *t;
    const char *dir, *file; /* the file that is being read: its name */
    const char *const *names;
    const char *start; /* of the text of that file */
    size_t open[DEPTH_MAX], n_open; /* sections without an end so far */
    unsigned depth;
    char *err;
};

static int parse_file(struct parser *p, const char *name);

static int wrong(const struct parser *p, const char *at, const char *what,
                 const char *name)
{
    size_t line = 1;
    const char *c;

    for (c = p->start; c < at; c++)
        line += *c == '\n';
    snprintf(p->err, SITE_TEXTS_ERROR_MAX, "%.120s/%.40s.html, line %zu: {{%.40s}} %s",
             p->dir, p->file, line, name, what);
    return -EINVAL;
}

static struct step *add_step(struct parser *p, enum step_kind kind)
{
    struct step *s = &p->t->step[p->t->n];

    if (p->t->n == STEPS_MAX)
        return NULL;
    p->t->n++;
    *s = (struct step){.kind = kind};
    return s;
}

static bool is_known(const struct parser *p, enum step_kind kind, const char *name)
{
    size_t i;

    if (kind == STEP_TEXT)
        return site_texts_get(p->t->texts, CATALOGUE_ZH, name) != NULL;
    if (kind == STEP_RAW)
        return strcmp(name, "content") == 0;
    for (i = 0; p->names[i]; i++)
        if (strcmp(p->names[i], name) == 0)
            return true;
    return false;
}

static int end_section(struct parser *p, const char *at, const char *name)
{
    struct step *s;
    size_t from;

    if (p->n_open == 0 || strcmp(p->t->step[p->open[p->n_open - 1]].name, name + 1) != 0)
        return wrong(p, at, "closes no section: name the one that was opened last", name);
    from = p->open[--p->n_open];
    s = add_step(p, STEP_END);
    if (!s)
        return wrong(p, at, "is more than a template may have", name);
    p->t->step[from].end = p->t->n - 1;
    return 0;
}

/* <tag> is what stands between the braces. */
static int add_tag(struct parser *p, const char *at, const char *tag)
{
    enum step_kind kind = STEP_VALUE;
    const char *name = tag;
    struct step *s;

    if (tag[0] == '/')
        return end_section(p, at, tag);
    if (tag[0] == '>')
        return parse_file(p, tag + 1);
    if (tag[0] == '#' || tag[0] == '^' || tag[0] == '{') {
        kind = tag[0] == '#' ? STEP_EACH : tag[0] == '^' ? STEP_NONE : STEP_RAW;
        name++;
    } else if (strncmp(tag, "t.", 2) == 0) {
        kind = STEP_TEXT;
        name += 2;
    }
    if (!is_known(p, kind, name))
        return wrong(p, at,
                     "is not known: correct the name, or add it to texts.zh and texts.en",
                     tag);
    s = add_step(p, kind);
    if (!s)
        return wrong(p, at, "is more than a template may have", tag);
    snprintf(s->name, sizeof(s->name), "%s", name);
    if (kind != STEP_EACH && kind != STEP_NONE)
        return 0;
    if (p->n_open == DEPTH_MAX)
        return wrong(p, at, "is nested too deeply", tag);
    p->open[p->n_open++] = p->t->n - 1;
    return 0;
}

static int add_html(struct parser *p, const char *at, size_t len)
{
    struct step *s = len > 0 ? add_step(p, STEP_HTML) : NULL;

    if (len > 0 && !s)
        return wrong(p, at, "is more than a template may have", "...");
    if (s) {
        s->html = at;
        s->len = len;
    }
    return 0;
}

static int parse_text(struct parser *p, const char *text)
{
    const char *at = text, *open;
    size_t before = p->n_open;
    int rc = 0;

    while (rc == 0 && (open = strstr(at, "{{")) != NULL) {
        const char *close = strstr(open, "}}");
        char tag[NAME_LEN];
        size_t n = close ? (size_t)(close - open) - 2 : 0;

        if (n == 0 || n >= sizeof(tag))
            return wrong(p, open, "must have a name and }} on its line", "");
        memcpy(tag, open + 2, n);
        tag[n] = '\0';
        rc = add_html(p, at, (size_t)(open - at));
        if (rc == 0)
            rc = add_tag(p, open, tag);
        at = close + 2 + (tag[0] == '{' && close[2] == '}');
    }
    if (rc == 0)
        rc = add_html(p, at, strlen(at));
    if (rc == 0 && p->n_open != before)
        rc = wrong(p, at, "has no end in this file",
                   p->t->step[p->open[p->n_open - 1]].name);
    return rc;
}

static int parse_file(struct parser *p, const char *name)
{
    struct parser inner = *p;
    char file[NAME_LEN + 8];
    size_t len;
    int rc;

    if (inner.depth == DEPTH_MAX || p->t->n_file == sizeof(p->t->file) / sizeof(char *)) {
        snprintf(p->err, SITE_TEXTS_ERROR_MAX,
                 "%.120s/%.40s.html: too many files within one another", p->dir, name);
        return -EINVAL;
    }
    snprintf(file, sizeof(file), "%.39s.html", name);
    rc = site_texts_read_file(p->dir, file, &p->t->file[p->t->n_file], &len, p->err);
    if (rc < 0)
        return rc;
    inner.start = p->t->file[p->t->n_file++];
    inner.file = name;
    inner.depth++;
    return parse_text(&inner, inner.start);
}

int site_template_load(struct site_template **out, const char *dir, const char *name,
                       const char *const *names, const struct site_texts *texts,
                       char err[SITE_TEXTS_ERROR_MAX])
{
    struct site_template *t = calloc(1, sizeof(*t));
    struct parser p = {.t = t, .dir = dir, .names = names, .err = err};
    int rc;

    if (!t) {
        snprintf(err, SITE_TEXTS_ERROR_MAX, "out of memory");
        return -ENOMEM;
    }
    t->texts = texts;
    rc = parse_file(&p, name);
    if (rc < 0)
        site_template_destroy(t);
    else
        *out = t;
    return rc;
}

void site_template_destroy(struct site_template *t)
{
    size_t i;

    if (!t)
        return;
    for (i = 0; i < t->n_file; i++)
        free(t->file[i]);
    free(t);
}

/* --- writing ------------------------------------------------------------------------ */

static int put(struct buf *out, const char *text)
{
    return buf_append(out, text, strlen(text));
}

static int put_escaped(struct buf *out, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const entity[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    int rc = 0;

    while (rc == 0 && *text) {
        size_t n = strcspn(text, special);

        rc = buf_append(out, text, n);
        text += n;
        if (rc == 0 && *text)
            rc = put(out, entity[strchr(special, *text++) - special]);
    }
    return rc;
}

/* Write the steps from <i> to before <end>. */
static int write_steps(const struct site_template *t, size_t i, size_t end,
                       enum catalogue_language lang, const struct site_scope *s,
                       struct buf *out);

static int write_section(const struct site_template *t, size_t i,
                         enum catalogue_language lang, const struct site_scope *s,
                         struct buf *out)
{
    const struct step *step = &t->step[i];
    const struct site_value *v = look_up(s, step->name);
    size_t n = !v ? 0 : v->text ? v->text[0] != '\0' : v->n_list, k;
    int rc = 0;

    if (step->kind == STEP_NONE)
        return n > 0 ? 0 : write_steps(t, i + 1, step->end, lang, s, out);
    for (k = 0; rc == 0 && k < n; k++) {
        struct site_scope inner = v->text ? *s : v->list[k];

        if (!v->text)
            inner.parent = s;
        rc = write_steps(t, i + 1, step->end, lang, &inner, out);
    }
    return rc;
}

static int write_value(const struct step *step, const struct site_scope *s,
                       struct buf *out)
{
    const struct site_value *v = look_up(s, step->name);

    if (!v || !v->text)
        return 0;
    return step->kind == STEP_RAW ? put(out, v->text) : put_escaped(out, v->text);
}

static int write_steps(const struct site_template *t, size_t i, size_t end,
                       enum catalogue_language lang, const struct site_scope *s,
                       struct buf *out)
{
    int rc = 0;

    for (; rc == 0 && i < end; i++) {
        const struct step *step = &t->step[i];

        if (step->kind == STEP_HTML)
            rc = buf_append(out, step->html, step->len);
        else if (step->kind == STEP_TEXT)
            rc = put_escaped(out, site_texts_get(t->texts, lang, step->name));
        else if (step->kind == STEP_EACH || step->kind == STEP_NONE) {
            rc = write_section(t, i, lang, s, out);
            i = step->end;
        } else
            rc = write_value(step, s, out);
    }
    return rc;
}

int site_template_write(const struct site_template *t, enum catalogue_language lang,
                        const struct site_scope *s, struct buf *out)
{
    return write_steps(t, 0, t->n, lang, s, out);
}
