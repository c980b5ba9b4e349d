/* The jar is the text that is sent, "a=1; b=2", so a request copies it as it is. */
#include "load/cookie_jar.h"

#include <string.h>

/* The cookie in <jar> whose name and '=' are the first <len> bytes of <pair>; NULL. */
static char *find(char *jar, const char *pair, size_t len)
{
    char *p = jar;

    while (*p) {
        if (strncmp(p, pair, len) == 0)
            return p;
        p += strcspn(p, ";");
        p += strspn(p, "; ");
    }
    return NULL;
}

static void cut(char *jar, char *at)
{
    char *next = at + strcspn(at, ";");

    next += strspn(next, "; ");
    memmove(at, next, strlen(next) + 1);
    if (!*at && at > jar) /* it was the last one: "; " before it goes as well */
        at[-2] = '\0';
}

void cookie_jar_set(char jar[COOKIE_JAR], struct http_text set_cookie)
{
    const char *end = memchr(set_cookie.at, ';', set_cookie.len), *is;
    size_t len = end ? (size_t)(end - set_cookie.at) : set_cookie.len, name, used;
    char *old;

    while (len > 0 && set_cookie.at[len - 1] == ' ')
        len--;
    is = memchr(set_cookie.at, '=', len);
    if (!is || is == set_cookie.at)
        return;
    name = (size_t)(is - set_cookie.at) + 1;
    old = find(jar, set_cookie.at, name);
    if (old)
        cut(jar, old);
    used = strlen(jar);
    if (len == name || used + 2 + len >= COOKIE_JAR)
        return;
    if (used > 0) {
        memcpy(jar + used, "; ", 2);
        used += 2;
    }
    memcpy(jar + used, set_cookie.at, len);
    jar[used + len] = '\0';
}
