#include "route/routefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN 80

static int print_rows(FILE *f, const struct route_row *row, size_t n)
{
    size_t i;

    fprintf(f, "lars-routes 1 %zu\n", n);
    for (i = 0; i < n; i++)
        fprintf(f, "%u %u %u.%u.%u.%u:%u\n", row[i].modid, row[i].cmdid,
                row[i].node.ip >> 24, row[i].node.ip >> 16 & 255,
                row[i].node.ip >> 8 & 255, row[i].node.ip & 255, row[i].node.port);
    fprintf(f, "end\n");
    return fflush(f) == 0 && !ferror(f) ? 0 : -errno;
}

/* The rename itself must reach the disk too: that is the folder's content. */
static void sync_folder(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd;

    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path + 1) : 1,
             slash ? path : ".");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return;
    fsync(fd);
    close(fd);
}

int routefile_write(const char *path, const struct route_row *row, size_t n)
{
    char beside[PATH_MAX];
    FILE *f;
    int rc;

    if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
        return -ENAMETOOLONG;
    /* lab s06.file: Write beside, fsync, close, rename: never half a file. */
    /* stub: (void)f, (void)rc, (void)print_rows, (void)sync_folder; return -ENOSYS; */
    f = fopen(beside, "we");
    if (!f)
        return -errno;
    rc = print_rows(f, row, n);
    if (rc == 0 && fsync(fileno(f)) == -1)
        rc = -errno;
    if (fclose(f) == EOF && rc == 0)
        rc = -errno;
    if (rc == 0 && rename(beside, path) == -1)
        rc = -errno;
    if (rc < 0)
        unlink(beside);
    else
        sync_folder(path);
    return rc;
    /* end lab */
}

static bool parse_row(const char *line, struct route_row *r)
{
    unsigned modid, cmdid, a, b, c, d, port;
    int end = 0;

    if (sscanf(line, "%10u %10u %3u.%3u.%3u.%3u:%5u%n", &modid, &cmdid, &a, &b, &c, &d,
               &port, &end) != 7 ||
        strcmp(line + end, "\n") != 0)
        return false;
    if (a > 255 || b > 255 || c > 255 || d > 255 || port < 1 || port > UINT16_MAX ||
        (modid == 0 && cmdid == 0))
        return false;
    *r = (struct route_row){modid,
                            cmdid,
                            {a << 24 | b << 16 | c << 8 | d, (uint16_t)port}};
    return true;
}

static int read_rows(FILE *f, struct route_row **row, size_t *n)
{
    char line[LINE_MAX_LEN];
    struct route_row *at;
    size_t want, i;
    int end = 0;

    if (!fgets(line, sizeof(line), f) ||
        sscanf(line, "lars-routes 1 %7zu%n", &want, &end) != 1 ||
        strcmp(line + end, "\n") != 0 || want > ROUTEFILE_MAX_ROWS)
        return -EBADMSG;
    at = calloc(want + 1, sizeof(*at));
    if (!at)
        return -ENOMEM;
    for (i = 0; i < want; i++)
        if (!fgets(line, sizeof(line), f) || !parse_row(line, &at[i]))
            break;
    if (i < want || !fgets(line, sizeof(line), f) || strcmp(line, "end\n") != 0 ||
        fgetc(f) != EOF) {
        free(at);
        return -EBADMSG;
    }
    *row = at;
    *n = want;
    return 0;
}

int routefile_read(const char *path, struct route_row **row, size_t *n)
{
    FILE *f = fopen(path, "re");
    int rc;

    if (!f)
        return -errno;
    rc = read_rows(f, row, n);
    fclose(f);
    return rc;
}
