/* Paths are compared with the names that were read: there is nothing to walk out of.
 *
 * Rejected: linking the files into the program.  A program without Node at build time
 * could not get its pages later, and a packager could not ship them apart. */
#include "web/assets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct assets {
    struct assets_file file[ASSETS_FILES];
    size_t n, bytes;
};

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".woff2", "font/woff2"},
        {".json", "application/json"},
    };
    const char *dot = strrchr(name, '.');
    size_t i;

    for (i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return NULL;
}

static int read_all(int fd, char *to, size_t n)
{
    size_t done = 0;
    ssize_t k = 1;

    while (done < n && k > 0) {
        k = read(fd, to + done, n - done);
        done += k > 0 ? (size_t)k : 0;
    }
    return done == n ? 0 : -EIO;
}

/* The content of a regular file.  Returns 0 or -errno. */
static int read_file(struct assets *a, const char *path, char **out, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        rc = -EIO;
    else if ((size_t)st.st_size > ASSETS_BYTES - a->bytes)
        rc = -E2BIG;
    *out = rc == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    if (rc == 0)
        rc = *out ? read_all(fd, *out, (size_t)st.st_size) : -ENOMEM;
    close(fd);
    if (rc < 0) {
        free(*out);
        *out = NULL;
        return rc;
    }
    *n = (size_t)st.st_size;
    a->bytes += *n;
    return 0;
}

static int add_file(struct assets *a, const char *dir, const char *name, const char *path,
                    bool hashed)
{
    struct assets_file *f = &a->file[a->n];
    const char *type = type_of(name);
    char at[512];
    int rc;

    if (!type || strlen(path) >= sizeof(f->path))
        return 0;                     /* not a part of the front end */
    if (a->n == ASSETS_FILES)
        return -E2BIG;
    snprintf(at, sizeof(at), "%s/%s", dir, name);
    rc = read_file(a, at, &f->plain, &f->n_plain);
    if (rc < 0)
        return rc;
    a->n++;
    snprintf(f->path, sizeof(f->path), "%s", path);
    f->type = type;
    f->is_hashed = hashed;
    snprintf(at, sizeof(at), "%s/%s.gz", dir, name);
    rc = read_file(a, at, &f->gzip, &f->n_gzip);
    return rc == -ENOENT ? 0 : rc;
}

static int add_folder(struct assets *a, const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    int rc = 0;

    if (!d)
        return errno == ENOENT ? 0 : -errno;
    while (rc == 0 && (e = readdir(d))) {
        char path[300];

        snprintf(path, sizeof(path), "/assets/%s", e->d_name);
        if (e->d_name[0] != '.')
            rc = add_file(a, dir, e->d_name, path, true);
    }
    closedir(d);
    return rc;
}

int assets_load(struct assets **out, const char *dir)
{
    struct assets *a = calloc(1, sizeof(*a));
    char sub[512];
    int rc = a ? add_file(a, dir, "index.html", "/", false) : -ENOMEM;

    snprintf(sub, sizeof(sub), "%s/assets", dir);
    if (rc == 0)
        rc = add_folder(a, sub);
    if (rc == 0) {
        rc = add_file(a, dir, "favicon.svg", "/favicon.svg", false);
        rc = rc == -ENOENT ? 0 : rc;
    }
    if (rc < 0)
        assets_free(a);
    else
        *out = a;
    return rc;
}

void assets_free(struct assets *a)
{
    size_t i;

    if (!a)
        return;
    for (i = 0; i < a->n; i++) {
        free(a->file[i].plain);
        free(a->file[i].gzip);
    }
    free(a);
}

const struct assets_file *assets_find(const struct assets *a, const char *path)
{
    size_t i;

    for (i = 0; a && i < a->n; i++)
        if (strcmp(a->file[i].path, path) == 0)
            return &a->file[i];
    return NULL;
}
