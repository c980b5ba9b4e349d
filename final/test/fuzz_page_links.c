/* fuzz_page_links -- any bytes may be a page of the site: each link that is found lies
 * within the page, and what it resolves to is a path that the copy of the site accepts:
 * from '/', of printable ASCII, without "." and ".." as segments, without '?' and '#'. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/page_links.h"

#define LINKS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct page {
    const char *from, *end;
    unsigned n_links;
};

static void check_segments(const char *path)
{
    const char *at = path;

    while (*at) {
        size_t n = strcspn(++at, "/");

        if ((n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            abort();
        at += n;
    }
}

static void check_path(const char *path)
{
    const char *p;

    if (path[0] != '/' || strlen(path) >= MIRROR_PATH_MAX)
        abort();
    for (p = path; *p; p++)
        if (*p <= ' ' || *p > '~' || *p == '?' || *p == '#')
            abort();
    check_segments(path);
}

static int on_link(void *arg, const char *link, size_t len)
{
    static const char *const bases[] = {"/", "", "/zh/2027/a", "/zh/"};
    struct page *p = arg;
    char out[MIRROR_PATH_MAX], again[MIRROR_PATH_MAX];
    size_t i;

    if (link < p->from || len > (size_t)(p->end - link))
        abort();
    for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        if (page_links_resolve(link, len, bases[i], "a.example", out) != PAGE_LINK_PATH)
            continue;
        check_path(out);
        if (out[1] == '/' || strlen(out) + 1 == MIRROR_PATH_MAX)
            continue; /* "//host" is another site as a link */
        if (page_links_resolve(out, strlen(out), "/x/", "", again) != PAGE_LINK_PATH ||
            strcmp(out, again) != 0)
            abort(); /* a path leads to itself from anywhere */
    }
    return ++p->n_links < LINKS_MAX ? 0 : -1;
}

/* The first byte chooses between a style (odd) and a page. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct page p = {0};
    size_t len = size > 0 ? size - 1 : 0;
    char *text = len > 0 ? malloc(len) : NULL; /* no byte more: reading on is found */

    if (!text)
        return 0;
    memcpy(text, data + 1, len);
    p.from = text;
    p.end = text + len;
    if (page_links_read(text, len, data[0] & 1, on_link, &p) !=
        (p.n_links < LINKS_MAX ? 0 : -1))
        abort();
    free(text);
    return 0;
}
