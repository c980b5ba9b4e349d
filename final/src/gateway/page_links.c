/* HTML is not parsed: a scanner finds tags and their attributes, as a browser would in a
 * page without errors.  What it finds too much is a path that does not exist, which the
 * operator sees; the pages of the site are made by templates.
 *
 * Invariant: what page_links_resolve() returns is a path that mirror_draft_add() accepts.
 * Rejected: a parser of HTML as a library.  It would be the largest dependency of the
 * gateway, for four attributes. */
#include "gateway/page_links.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* --- where a link leads ------------------------------------------------------------- */

struct path {
    char *out;
    size_t n;
    bool too_long;
};

static void put(struct path *p, const char *s, size_t len)
{
    if (len >= MIRROR_PATH_MAX - p->n) {
        p->too_long = true;
        return;
    }
    memcpy(p->out + p->n, s, len);
    p->n += len;
}

static void put_byte(struct path *p, unsigned char byte)
{
    static const char digit[] = "0123456789ABCDEF";
    char hex[3] = {'%', digit[byte >> 4], digit[byte & 15]};

    if (byte > ' ' && byte <= '~')
        put(p, (const char *)&byte, 1);
    else
        put(p, hex, 3);
}

/* <out> ends with '/': drop the last segment. */
static void one_up(struct path *p)
{
    if (p->n > 1)
        p->n--;
    while (p->n > 1 && p->out[p->n - 1] != '/')
        p->n--;
}

/* <out> ends with '/': add the segments at <s>. */
static void add_segments(struct path *p, const char *s, size_t len)
{
    size_t i, n;

    for (i = 0; i <= len; i += n + 1) {
        const char *slash = i < len ? memchr(s + i, '/', len - i) : NULL;
        bool dot, dots;
        size_t k;

        n = slash ? (size_t)(slash - s) - i : len - i;
        dot = n == 1 && s[i] == '.';
        dots = n == 2 && s[i] == '.' && s[i + 1] == '.';
        if (dots)
            one_up(p);
        for (k = 0; !dot && !dots && k < n; k++)
            put_byte(p, (unsigned char)s[i + k]);
        if (slash && !dot && !dots)
            put(p, "/", 1);
    }
}

/* The length of the scheme with its ':'; 0 = none. */
static size_t scheme_len(const char *s, size_t len)
{
    size_t i = 0;

    while (i < len &&
           (isalnum((unsigned char)s[i]) || (i > 0 && memchr("+-.", s[i], 3) != NULL)))
        i++;
    return i > 0 && i < len && s[i] == ':' ? i + 1 : 0;
}

/* The link begins with "//": is it this <host>, with or without a port?  Returns the
 * length up to the path; 0 = another host. */
static size_t host_len(const char *s, size_t len, const char *host)
{
    size_t n = strlen(host), i = 2;

    if (n == 0 || len < 2 + n || strncasecmp(s + 2, host, n) != 0)
        return 0;
    for (i += n; i < len && s[i] != '/' && s[i] != '?' && s[i] != '#'; i++)
        if ((s[i] < '0' || s[i] > '9') && !(s[i] == ':' && i == n + 2))
            return 0;
    return i;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Skip scheme and host.  False: the link leads to another site. */
static bool skip_site(const char **s, size_t *len, const char *host, bool *whole)
{
    size_t n = scheme_len(*s, *len);

    *whole = false;
    if (n && !(n == 5 && strncasecmp(*s, "http:", 5) == 0) &&
        !(n == 6 && strncasecmp(*s, "https:", 6) == 0))
        return false;
    *s += n;
    *len -= n;
    if (*len < 2 || (*s)[0] != '/' || (*s)[1] != '/')
        return n == 0;
    n = host_len(*s, *len, host);
    *s += n;
    *len -= n;
    *whole = true;
    return n > 0;
}

enum page_link page_links_resolve(const char *link, size_t len, const char *base,
                                  const char *host, char out[MIRROR_PATH_MAX])
{
    struct path p = {.out = out};
    const char *slash = strrchr(base, '/');
    size_t n = 0;
    bool whole;

    while (len > 0 && is_blank(link[0]))
        link++, len--;
    while (len > 0 && is_blank(link[len - 1]))
        len--;
    if (!skip_site(&link, &len, host, &whole))
        return PAGE_LINK_ELSEWHERE;
    while (n < len && link[n] != '?' && link[n] != '#')
        n++;
    if (n == 0 && !whole) /* a part of this page, or this page with other arguments */
        return PAGE_LINK_ELSEWHERE;
    put(&p, "/", 1);
    if (n > 0 && link[0] == '/')
        add_segments(&p, link + 1, n - 1);
    else {
        if (!whole && slash) /* with the last '/', so that what follows is added */
            add_segments(&p, base + 1, (size_t)(slash - base));
        add_segments(&p, link, n);
    }
    out[p.too_long ? 0 : p.n] = '\0';
    return p.too_long ? PAGE_LINK_BAD : PAGE_LINK_PATH;
}

/* --- the links of a page ------------------------------------------------------------ */

struct scan {
    const char *at, *end;
    page_links_fn *fn;
    void *arg;
};

static void skip_to(struct scan *s, const char *what)
{
    const char *at = memmem(s->at, (size_t)(s->end - s->at), what, strlen(what));

    s->at = at ? at + strlen(what) : s->end;
}

static bool is_link(const char *name, size_t len)
{
    static const char *const names[] = {"href", "src", "action", "poster"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && strncasecmp(name, names[i], len) == 0)
            return true;
    return false;
}

static bool ends_name(char c)
{
    return is_blank(c) || c == '=' || c == '>' || c == '/';
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && is_blank(*s->at))
        s->at++;
}

/* The value of an attribute, after '='. */
static void read_value(struct scan *s, const char **value, size_t *len)
{
    char quote = s->at < s->end && (*s->at == '"' || *s->at == '\'') ? *s->at++ : 0;

    *value = s->at;
    while (s->at < s->end &&
           (quote ? *s->at != quote : !is_blank(*s->at) && *s->at != '>'))
        s->at++;
    *len = (size_t)(s->at - *value);
    if (quote && s->at < s->end)
        s->at++;
}

/* s->at is behind '<': read the attributes up to '>'. */
static int read_tag(struct scan *s)
{
    int rc = 0;

    while (rc == 0 && s->at < s->end && *s->at != '>') {
        const char *name = s->at, *value;
        size_t n, len;

        while (s->at < s->end && !ends_name(*s->at))
            s->at++;
        n = (size_t)(s->at - name);
        skip_blanks(s);
        if (s->at < s->end && *s->at == '=' && n > 0) {
            s->at++;
            skip_blanks(s);
            read_value(s, &value, &len);
            if (is_link(name, n))
                rc = s->fn(s->arg, value, len);
        } else if (s->at == name) {
            s->at++; /* a '/' or a '=' alone */
        }
    }
    return rc;
}

static int read_html(struct scan *s)
{
    int rc = 0;

    while (rc == 0 && s->at < s->end) {
        skip_to(s, "<");
        if (s->end - s->at >= 3 && memcmp(s->at, "!--", 3) == 0)
            skip_to(s, "-->");
        else if (s->end - s->at >= 6 && strncasecmp(s->at, "script", 6) == 0) {
            rc = read_tag(s);
            skip_to(s, "</");
        } else
            rc = read_tag(s);
    }
    return rc;
}

static int read_css(struct scan *s)
{
    int rc = 0;

    for (skip_to(s, "url("); rc == 0 && s->at < s->end; skip_to(s, "url(")) {
        const char *end = memchr(s->at, ')', (size_t)(s->end - s->at));
        const char *from = s->at;

        if (!end)
            return 0;
        s->at = end;
        while (from < end && (is_blank(*from) || *from == '"' || *from == '\''))
            from++;
        while (end > from && (is_blank(end[-1]) || end[-1] == '"' || end[-1] == '\''))
            end--;
        rc = s->fn(s->arg, from, (size_t)(end - from));
    }
    return rc;
}

int page_links_read(const char *text, size_t len, bool is_css, page_links_fn *fn,
                    void *arg)
{
    struct scan s = {.at = text, .end = text + len, .fn = fn, .arg = arg};

    return is_css ? read_css(&s) : read_html(&s);
}
