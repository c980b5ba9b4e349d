/* An SVG file is a program for a browser when it is opened by its address.  Only
 * elements that draw are let through, from a list: what is not on it, known or not yet
 * invented, is refused.  Attributes may refer to a part of the same document ("#name")
 * only, and what could hide a reference from this reader is refused instead of decoded:
 * entities in attributes and styles, backslashes in CSS, prefixed elements, document
 * types.  <use> is not on the list, because a few levels of it make millions of copies.
 *
 * Rejected: removing what is forbidden and keeping the rest.  A cleaner must understand
 * everything that a browser understands, and a person would not learn that the picture
 * on the page is not the one that was drawn. */
#include "site/import_svg.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#define DEPTH_MAX 64
#define SPACE " \t\r\n"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_CHARS LETTERS "0123456789-_.:"

static const char *const drawing[] = {"svg",
                                      "g",
                                      "defs",
                                      "title",
                                      "desc",
                                      "path",
                                      "rect",
                                      "circle",
                                      "ellipse",
                                      "line",
                                      "polyline",
                                      "polygon",
                                      "text",
                                      "tspan",
                                      "linearGradient",
                                      "radialGradient",
                                      "stop",
                                      "clipPath",
                                      "mask",
                                      "pattern",
                                      "symbol",
                                      "marker",
                                      "style",
                                      "filter",
                                      "feBlend",
                                      "feColorMatrix",
                                      "feComponentTransfer",
                                      "feComposite",
                                      "feFlood",
                                      "feFuncA",
                                      "feFuncB",
                                      "feFuncG",
                                      "feFuncR",
                                      "feGaussianBlur",
                                      "feMerge",
                                      "feMergeNode",
                                      "feOffset",
                                      "feTurbulence",
                                      "feMorphology",
                                      "feDropShadow"};

struct name {
    const char *at;
    size_t len;
};

struct svg {
    const char *p, *end;
    char *why;
    size_t size;
    unsigned depth;
    struct name open[DEPTH_MAX];
    bool has_root;
};

static int refuse(struct svg *s, const char *text)
{
    snprintf(s->why, s->size, "%s", text);
    return -EINVAL;
}

static int refuse_name(struct svg *s, const char *fmt, struct name n)
{
    char name[40];

    snprintf(name, sizeof(name), "%.*s", (int)(n.len < 32 ? n.len : 32), n.at);
    snprintf(s->why, s->size, fmt, name);
    return -EINVAL;
}

static int broken(struct svg *s)
{
    return refuse(s, "is damaged or not whole SVG; save it again as plain SVG");
}

static bool is(struct name n, const char *text)
{
    return n.len == strlen(text) && memcmp(n.at, text, n.len) == 0;
}

static bool begins(const struct svg *s, const char *text)
{
    return strncmp(s->p, text, strlen(text)) == 0;
}

/* Move behind <text>; false when it does not come. */
static bool skip_to(struct svg *s, const char *text)
{
    const char *at = strstr(s->p, text);

    if (at)
        s->p = at + strlen(text);
    return at != NULL;
}

static void skip_space(struct svg *s)
{
    s->p += strspn(s->p, SPACE);
}

static struct name take_name(struct svg *s)
{
    struct name n = {s->p, 0};

    if (*s->p && strchr(LETTERS "_", *s->p))
        n.len = strspn(s->p, NAME_CHARS);
    s->p += n.len;
    return n;
}

static bool has_word(const char *at, size_t len, const char *word)
{
    size_t n = strlen(word), i;

    for (i = 0; i + n <= len; i++)
        if (strncasecmp(at + i, word, n) == 0)
            return true;
    return false;
}

/* Every url( must be followed by a '#', with or without a quote between them. */
static bool urls_are_local(const char *at, size_t len)
{
    size_t i;

    for (i = 0; i + 4 <= len; i++) {
        if (strncasecmp(at + i, "url(", 4) != 0)
            continue;
        i += 4;
        while (i < len && strchr(SPACE "'\"", at[i]))
            i++;
        if (i == len || at[i] != '#')
            return false;
    }
    return true;
}

/* Can CSS or a value refer to something outside? */
static bool refers_outside(const char *at, size_t len)
{
    static const char *const words[] = {"javascript:", "expression(", "image(",
                                        "src(",        "image-set(",  "@import",
                                        "-moz-binding"};
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (has_word(at, len, words[i]))
            return true;
    return memchr(at, '\\', len) || !urls_are_local(at, len);
}

static struct name local_part(struct name n)
{
    const char *colon = memchr(n.at, ':', n.len);

    if (colon) {
        n.len -= (size_t)(colon + 1 - n.at);
        n.at = colon + 1;
    }
    return n;
}

/* Character references that XML itself needs; others could spell a forbidden word. */
static bool has_hidden_text(const char *at, size_t len)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
    const char *p = at, *end = at + len;
    size_t i;

    while ((p = memchr(p, '&', (size_t)(end - p)))) {
        for (i = 0; i < 5 && strncmp(p, known[i], strlen(known[i])) != 0; i++)
            continue;
        if (i == 5)
            return true;
        p++;
    }
    return false;
}

static int check_attribute(struct svg *s, struct name full, const char *at, size_t len)
{
    struct name n = local_part(full);
    bool is_namespace =
        is(full, "xmlns") || (full.len > 6 && memcmp(full.at, "xmlns:", 6) == 0);

    if (n.len >= 2 && strncasecmp(n.at, "on", 2) == 0)
        return refuse_name(s, "has the event attribute %s; remove it", full);
    if (memchr(at, '<', len))
        return broken(s);
    if (has_hidden_text(at, len))
        return refuse_name(s, "has an entity in the attribute %s; save it as plain SVG",
                           full);
    if (is(full, "xmlns") && (len != 26 || memcmp(at, "http://www.w3.org/2000/svg", 26)))
        return refuse(s, "has another namespace than http://www.w3.org/2000/svg");
    if (is_namespace)
        return 0;
    if (is(full, "xml:base"))
        return refuse(s, "has the attribute xml:base; remove it");
    if ((is(n, "href") || is(n, "src")) && (len == 0 || at[0] != '#'))
        return refuse_name(s,
                           "refers by %s to something outside of it; only references "
                           "such as #name are allowed",
                           full);
    if (refers_outside(at, len))
        return refuse_name(s,
                           "refers to something outside of it, or hides that it does, "
                           "in the attribute %s",
                           full);
    return 0;
}

static int take_attribute(struct svg *s)
{
    struct name n = take_name(s);
    const char *at, *end;
    char quote;

    skip_space(s);
    if (n.len == 0 || *s->p != '=')
        return broken(s);
    s->p++;
    skip_space(s);
    quote = *s->p;
    if (quote != '"' && quote != '\'')
        return broken(s);
    at = s->p + 1;
    end = strchr(at, quote);
    if (!end)
        return broken(s);
    s->p = end + 1;
    return check_attribute(s, n, at, (size_t)(end - at));
}

/* A style sheet is one piece of text, or one section CDATA, up to its end tag: comments,
 * elements and further sections within could split a forbidden word. */
static int check_style(struct svg *s)
{
    const char *at, *end;
    size_t len;

    skip_space(s);
    if (begins(s, "<![CDATA[")) {
        at = s->p + 9;
        end = strstr(at, "]]>");
        s->p = end ? end + 3 : at;
        skip_space(s);
    } else {
        at = s->p;
        end = strchr(at, '<');
        s->p = end ? end : at;
    }
    if (!end)
        return broken(s);
    len = (size_t)(end - at);
    if (!begins(s, "</") || memchr(at, '<', len) || memchr(at, '&', len) ||
        memchr(at, '@', len) || refers_outside(at, len))
        return refuse(s, "has a style sheet with a reference, an @ rule, a backslash, an "
                         "entity or a comment; use attributes such as fill instead");
    return 0;
}

static int check_element(struct svg *s, struct name n)
{
    size_t i;

    for (i = 0; i < sizeof(drawing) / sizeof(drawing[0]); i++)
        if (is(n, drawing[i]))
            return s->has_root || i == 0 ? 0 : broken(s);
    if (memchr(n.at, ':', n.len))
        return refuse_name(s, "has the element %s of an editor; save it as plain SVG", n);
    return refuse_name(s, "has the element %s, which is not allowed; remove it", n);
}

static int open_element(struct svg *s)
{
    struct name n;
    int rc;

    s->p++;
    n = take_name(s);
    if (n.len == 0 || (s->depth == 0 && s->has_root))
        return broken(s);
    rc = check_element(s, n);
    s->has_root = true;
    for (;;) {
        size_t space = strspn(s->p, SPACE);

        s->p += space;
        if (rc < 0 || *s->p == '>' || *s->p == '/')
            break;
        rc = space > 0 ? take_attribute(s) : broken(s);
    }
    if (rc < 0)
        return rc;
    if (*s->p == '/')
        return *++s->p == '>' ? s->p++, 0 : broken(s);
    s->p++;
    if (s->depth == DEPTH_MAX)
        return refuse(s, "has more than 64 elements within one another");
    s->open[s->depth++] = n;
    return is(n, "style") ? check_style(s) : 0;
}

static int close_element(struct svg *s)
{
    struct name n;

    s->p += 2;
    n = take_name(s);
    skip_space(s);
    if (*s->p != '>' || s->depth == 0 || n.len != s->open[s->depth - 1].len ||
        memcmp(n.at, s->open[s->depth - 1].at, n.len) != 0)
        return broken(s);
    s->p++;
    s->depth--;
    return 0;
}

/* What begins with '<'. */
static int take_markup(struct svg *s)
{
    if (begins(s, "<!--"))
        return s->p += 4, skip_to(s, "-->") ? 0 : broken(s);
    if (begins(s, "<![CDATA[") && s->depth > 0)
        return skip_to(s, "]]>") ? 0 : broken(s);
    if (begins(s, "<!"))
        return refuse(s, "has a document type (<!DOCTYPE); remove that line, or save it "
                         "as plain SVG");
    if (begins(s, "<?"))
        return refuse(s, "has a processing instruction (<?); remove it");
    return begins(s, "</") ? close_element(s) : open_element(s);
}

/* <?xml version="1.0" encoding="UTF-8"?>, which may be missing. */
static int take_declaration(struct svg *s)
{
    const char *at = s->p, *encoding;

    if (!begins(s, "<?xml ") && !begins(s, "<?xml\t"))
        return 0;
    if (!skip_to(s, "?>"))
        return broken(s);
    encoding = memmem(at, (size_t)(s->p - at), "encoding", 8);
    if (encoding && !has_word(encoding, (size_t)(s->p - encoding), "\"utf-8\"") &&
        !has_word(encoding, (size_t)(s->p - encoding), "'utf-8'"))
        return refuse(s, "has another encoding than UTF-8; save it as plain SVG");
    return 0;
}

int import_svg_check(const char *text, size_t len, char *why, size_t size)
{
    struct svg s = {.p = text, .end = text + len, .why = why, .size = size};
    int rc;

    if (memchr(text, '\0', len) || !utf8_is_whole(text))
        return refuse(&s, "is not in UTF-8; save it as plain SVG");
    if (begins(&s, "\xef\xbb\xbf"))
        s.p += 3;
    rc = take_declaration(&s);
    while (rc == 0 && s.p < s.end) {
        const char *next = strchr(s.p, '<');
        size_t n = next ? (size_t)(next - s.p) : (size_t)(s.end - s.p);

        if (s.depth == 0 && strspn(s.p, SPACE) < n)
            return broken(&s);
        s.p += n;
        if (next)
            rc = take_markup(&s);
    }
    if (rc == 0 && (!s.has_root || s.depth > 0))
        return broken(&s);
    return rc;
}
