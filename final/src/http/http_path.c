/* What is refused and what is normalised.  A path with dots, encoded separators or broken
 * escapes is refused: browsers send none, and each repair is right for some servers only
 * (Envoy: path_with_escaped_slashes_action = REJECT_REQUEST).  Spellings that every
 * server takes for one path, by RFC 3986, are compared as one.  Several slashes are
 * compared as one as well, because pages have such links: a node that merges them serves
 * what the rule is for, and for one that does not the path is a name like others.
 *
 * The path goes to the node as it came, and so does the cache's key: what is kept is the
 * answer to these bytes, whatever the node takes them for.
 * Rejected: to forward the normal spelling (nginx with a URI in proxy_pass).  Nodes that
 * sign or compare what the visitor sent would see another path. */
#include "http/http_path.h"

#include <string.h>

/* The value of a hexadecimal digit; 16 = it is none. */
static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The byte that the escape at <p> stands for; 256 = it is no escape. */
static unsigned decode(const char *p, size_t left)
{
    if (left < 3 || digit(p[1]) > 15 || digit(p[2]) > 15)
        return 256;
    return digit(p[1]) * 16 + digit(p[2]);
}

static size_t path_len(struct http_text t)
{
    const char *query = t.len ? memchr(t.at, '?', t.len) : NULL;

    return query ? (size_t)(query - t.at) : t.len;
}

/* The next character at <p>, decoded.  *used: its bytes; 256 = a broken escape. */
static unsigned next(const char *p, size_t left, size_t *used)
{
    *used = p[0] == '%' ? 3 : 1;
    return p[0] == '%' ? decode(p, left) : (unsigned char)p[0];
}

/* Servers read the escape of <c> in different ways. */
static bool is_unclear(unsigned c)
{
    return c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == 256;
}

bool http_path_is_clear(struct http_text target)
{
    size_t n = path_len(target), i, used;
    unsigned dots = 0; /* the segment has so many and nothing else; 3 = another one */

    for (i = 0; i < n; i += used) {
        unsigned c = next(target.at + i, n - i, &used);

        if ((used == 3 && is_unclear(c)) || c == '\\')
            return false;
        if ((c == '/' || c == ';') && (dots == 1 || dots == 2))
            return false;
        if (c == '/')
            dots = 0;
        else
            dots = c == '.' && dots < 3 ? dots + 1 : 3;
    }
    return dots != 1 && dots != 2;
}

static bool is_unreserved(unsigned c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

static char upper(char c)
{
    return c >= 'a' && c <= 'f' ? (char)(c - 'a' + 'A') : c;
}

size_t http_path_normal(struct http_text target, char *out, size_t size)
{
    size_t n = path_len(target), len = 0, i, used;

    for (i = 0; i < n; i += used) {
        const char *p = target.at + i;
        unsigned c = next(p, n - i, &used);
        bool escape = used == 3 && c != 256 && !is_unreserved(c);

        if (c == 256) { /* it is not clear: the % as it is */
            c = '%';
            used = 1;
        }
        if (c == '/' && used == 1 && len > 0 && out[len - 1] == '/')
            continue;
        if (len + (escape ? 3 : 1) > size)
            break;
        out[len++] = escape ? '%' : (char)c;
        if (escape) {
            out[len++] = upper(p[1]);
            out[len++] = upper(p[2]);
        }
    }
    return len;
}
