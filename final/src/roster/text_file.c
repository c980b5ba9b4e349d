/* A file that has its content already is not touched, so its time tells when it last
 * changed, and a second render is one that writes nothing. */
#include "roster/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/new_file.h"

/* A FIFO or a device could make the caller wait. */
static int open_regular(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), rc = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, st) < 0)
        rc = -errno;
    else if (!S_ISREG(st->st_mode))
        rc = S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
    else if (st->st_size > (off_t)TEXT_FILE_MAX)
        rc = -EFBIG;
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static int read_all(int fd, char *text, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        ssize_t n = read(fd, text + *len, size - *len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return 0;
}

int text_file_read(const char *path, char **out)
{
    struct stat st;
    char *text = NULL;
    size_t len = 0;
    int fd = open_regular(path, &st), rc = 0;

    if (fd < 0)
        return fd;
    text = malloc((size_t)st.st_size + 1);
    rc = text ? read_all(fd, text, (size_t)st.st_size, &len) : -ENOMEM;
    close(fd);
    if (rc == 0 && memchr(text, '\0', len))
        rc = -EINVAL;
    if (rc < 0) {
        free(text);
        return rc;
    }
    text[len] = '\0';
    *out = text;
    return 0;
}

static bool is_same(const char *path, const char *text)
{
    struct stat st;
    char *now;
    bool same;

    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 07777) != 0600 ||
        text_file_read(path, &now) < 0)
        return false;
    same = strcmp(now, text) == 0;
    free(now);
    return same;
}

int text_file_write(const char *path, const char *text)
{
    struct new_file_part part = {text, strlen(text)};
    char beside[PATH_MAX];
    int rc;

    if (is_same(path, text))
        return 0;
    rc = new_file_write(beside, path, 0600, &part, 1);
    if (rc == 0)
        rc = new_file_use(beside, path);
    return rc < 0 ? rc : 1;
}

int text_file_folder(const char *path)
{
    char part[PATH_MAX], *slash;
    struct stat st;

    if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
        return -ENAMETOOLONG;
    for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    if (mkdir(part, 0700) < 0 && errno != EEXIST)
        return -errno;
    return stat(part, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}
