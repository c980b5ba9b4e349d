/* One array has all paths in the order of the file; two more point to those that are
 * pages and those that are pictures, which the model of visits chooses from. */
#include "load/path_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

static const char *const pictures[] = {".css",  ".js",  ".gif", ".ico",  ".jpg",
                                       ".jpeg", ".png", ".svg", ".webp", ".woff2"};

bool path_list_is_path(const char *path)
{
    const char *p;

    if (path[0] != '/' || strlen(path) >= PATH_LIST_PATH)
        return false;
    for (p = path; *p; p++)
        if (*p <= ' ' || *p >= 0x7f) /* a byte above 0x7f is negative or above */
            return false;
    return true;
}

static bool is_picture(const char *path)
{
    size_t i, len = strcspn(path, "?"), n;

    for (i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
        n = strlen(pictures[i]);
        if (len > n && strncasecmp(path + len - n, pictures[i], n) == 0)
            return true;
    }
    return false;
}

static int grow(char ***array, size_t n)
{
    char **more;

    if ((n & (n - 1)) != 0) /* there is room up to the next power of two */
        return 0;
    more = realloc(*array, (n ? 2 * n : 1) * sizeof(**array));
    if (!more)
        return -ENOMEM;
    *array = more;
    return 0;
}

int path_list_add(struct path_list *l, const char *path)
{
    char *copy;

    if (!path_list_is_path(path))
        return -EINVAL;
    if (l->n == PATH_LIST_MAX)
        return -E2BIG;
    if (grow(&l->all, l->n) < 0 || grow(&l->page, l->n_pages) < 0 ||
        grow(&l->picture, l->n_pictures) < 0)
        return -ENOMEM;
    copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    l->all[l->n++] = copy;
    if (is_picture(path))
        l->picture[l->n_pictures++] = copy;
    else
        l->page[l->n_pages++] = copy;
    return 0;
}

/* Cut blanks and line ends off. */
static char *strip(char *line)
{
    size_t len = strlen(line);

    while (len > 0 && strchr(" \t\r\n", line[len - 1]))
        line[--len] = '\0';
    return line + strspn(line, " \t");
}

static int read_lines(struct path_list *l, FILE *f, const char *file,
                      char err[PATH_LIST_ERR])
{
    char line[PATH_LIST_PATH + 2], *path;
    unsigned n = 0;
    int rc = 0;

    while (rc == 0 && fgets(line, sizeof(line), f)) {
        n++;
        path = strip(line);
        if (path[0] && path[0] != '#')
            rc = path_list_add(l, path);
    }
    if (rc == -EINVAL)
        snprintf(err, PATH_LIST_ERR,
                 "%.200s:%u: this is no path; a line has a path such as /index.html, "
                 "with %%XX for blanks and Chinese, and at most %d bytes",
                 file, n, PATH_LIST_PATH - 1);
    else if (rc < 0)
        snprintf(err, PATH_LIST_ERR, "%.200s:%u: %s", file, n,
                 rc == -E2BIG ? "there are more than 100000 paths; shorten the list"
                              : "no memory for the list; shorten it");
    return rc;
}

int path_list_read(struct path_list *l, const char *file, char err[PATH_LIST_ERR])
{
    FILE *f = fopen(file, "re");
    int rc = f ? 0 : -errno;

    if (!f) {
        snprintf(err, PATH_LIST_ERR, "%.200s cannot be read: %s; name another file", file,
                 err_text(rc));
        return rc;
    }
    rc = read_lines(l, f, file, err);
    fclose(f);
    if (rc == 0 && l->n == 0) {
        snprintf(err, PATH_LIST_ERR,
                 "%.200s has no path; write one in each line, such as /index.html", file);
        rc = -EINVAL;
    }
    return rc;
}

void path_list_free(struct path_list *l)
{
    size_t i;

    for (i = 0; i < l->n; i++)
        free(l->all[i]);
    free(l->all);
    free(l->page);
    free(l->picture);
    *l = (struct path_list){0};
}
