/* path_list -- a file with a path in each line, split into pages and pictures.  Thread:
 * one. */
#ifndef LARS_LOAD_PATH_LIST_H
#define LARS_LOAD_PATH_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define PATH_LIST_PATH 2048               /* bytes of a path, with its final 0 */
#define PATH_LIST_MAX 100000
#define PATH_LIST_ERR 400

struct path_list {                        /* zeroed = empty */
    char **all, **page, **picture;        /* <all> owns the texts */
    size_t n, n_pages, n_pictures;
};

/* Whether <path> can be requested: it begins with '/' and has neither blanks nor control
 * characters nor bytes outside ASCII, which a URL writes as %XX. */
bool path_list_is_path(const char *path);

/* Append <path>.  Returns 0; -EINVAL; -E2BIG; -ENOMEM. */
int path_list_add(struct path_list *l, const char *path);

/* Append the lines of <file>; see load/visits.h.  Returns 0; or, with a sentence in
 * <err>: -errno of open(2); -EINVAL when a line is no path or none is one; -ENOMEM. */
int path_list_read(struct path_list *l, const char *file, char err[PATH_LIST_ERR]);

void path_list_free(struct path_list *l);

#endif
