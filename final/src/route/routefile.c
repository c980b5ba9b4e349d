/* The new content is written to PATH.new and synced, then renamed to PATH, and the folder
 * is synced.
 *
 * Invariant: at any moment, also after a crash, PATH has either the complete old content
 * or the complete new content.  The checksum detects damage by the disk or an editor, and
 * a damaged file is refused completely.
 * Rejected: overwriting the file in place, because a crash would leave a part of it; a
 * binary format, because an operator may want to read the file. */
#include "route/routefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_LEN 80
#define SUM_START 2166136261u         /* FNV-1a, offset basis and prime */
#define SUM_PRIME 16777619u

static uint32_t sum_of(uint32_t sum, const char *line)
{
    for (; *line; line++)
        sum = (sum ^ (unsigned char)*line) * SUM_PRIME;
    return sum;
}

static uint32_t print_row(FILE *f, const struct route_row *r, uint32_t sum)
{
    const uint32_t ip = r->node.ip;
    char line[LINE_MAX_LEN], more[24] = "";

    if (r->node.weight || r->node.zone)
        snprintf(more, sizeof(more), " %u %u", r->node.weight, r->node.zone);
    snprintf(line, sizeof(line), "%u %u %u.%u.%u.%u:%u%s\n", r->modid, r->cmdid, ip >> 24,
             ip >> 16 & 255, ip >> 8 & 255, ip & 255, r->node.port, more);
    fputs(line, f);
    return sum_of(sum, line);
}

static int print_rows(FILE *f, const struct route_row *row, size_t n, uint64_t version)
{
    char line[LINE_MAX_LEN];
    uint32_t sum;
    size_t i;

    snprintf(line, sizeof(line), "lars-routes 2 %zu %llu\n", n,
             (unsigned long long)version);
    fputs(line, f);
    sum = sum_of(SUM_START, line);
    for (i = 0; i < n; i++)
        sum = print_row(f, &row[i], sum);
    fprintf(f, "end %08x\n", sum);
    return fflush(f) == 0 && !ferror(f) ? 0 : -errno;
}

/* Sync the folder: a rename changes the folder, not the file. */
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

int routefile_write(const char *path, const struct route_row *row, size_t n,
                    uint64_t version)
{
    char beside[PATH_MAX];
    FILE *f;
    int rc;

    if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
        return -ENAMETOOLONG;
    unlink(beside);                   /* of a crash; opening a FIFO would wait */
    f = fopen(beside, "we");
    if (!f)
        return -errno;
    rc = print_rows(f, row, n, version);
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
}

static bool parse_row(const char *line, struct route_row *r)
{
    unsigned modid, cmdid, a, b, c, d, port, weight = 0, zone = 0;
    int end = 0, more = 0;

    if (sscanf(line, "%10u %10u %3u.%3u.%3u.%3u:%5u%n", &modid, &cmdid, &a, &b, &c, &d,
               &port, &end) != 7)
        return false;
    if (sscanf(line + end, " %5u %10u%n", &weight, &zone, &more) == 2)
        end += more;
    if (strcmp(line + end, "\n") != 0 || weight > UINT16_MAX)
        return false;
    if (a > 255 || b > 255 || c > 255 || d > 255 || port < 1 || port > UINT16_MAX ||
        (modid == 0 && cmdid == 0))
        return false;
    *r = (struct route_row){modid,
                            cmdid,
                            {a << 24 | b << 16 | c << 8 | d, (uint16_t)port,
                             (uint16_t)weight, zone}};
    return true;
}

/* Parse the first line.  Returns 0 or -EBADMSG. */
static int parse_head(const char *line, size_t *n, uint64_t *version)
{
    unsigned long long v;
    int end = 0;

    if (sscanf(line, "lars-routes 2 %7zu %20llu%n", n, &v, &end) != 2 ||
        strcmp(line + end, "\n") != 0 || *n > ROUTEFILE_MAX_ROWS)
        return -EBADMSG;
    *version = v;
    return 0;
}

static bool is_end(FILE *f, uint32_t sum)
{
    char line[LINE_MAX_LEN], want[LINE_MAX_LEN];

    snprintf(want, sizeof(want), "end %08x\n", sum);
    return fgets(line, sizeof(line), f) && strcmp(line, want) == 0 && fgetc(f) == EOF;
}

static int read_rows(FILE *f, struct route_row **row, size_t *n, uint64_t *version)
{
    char line[LINE_MAX_LEN];
    struct route_row *at;
    size_t want, i;
    uint32_t sum;

    if (!fgets(line, sizeof(line), f) || parse_head(line, &want, version) < 0)
        return -EBADMSG;
    at = calloc(want + 1, sizeof(*at));
    if (!at)
        return -ENOMEM;
    sum = sum_of(SUM_START, line);
    for (i = 0; i < want; i++) {
        if (!fgets(line, sizeof(line), f) || !parse_row(line, &at[i]))
            break;
        sum = sum_of(sum, line);
    }
    if (i < want || !is_end(f, sum)) {
        free(at);
        return -EBADMSG;
    }
    *row = at;
    *n = want;
    return 0;
}

/* O_NONBLOCK: opening a FIFO without it waits for a writer. */
static int open_file(const char *path, FILE **out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
    struct stat st;

    if (fd == -1)
        return -errno;
    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
        rc = -EBADMSG;
    else if (!(*out = fdopen(fd, "r")))
        rc = -errno;
    if (rc < 0)
        close(fd);
    return rc;
}

int routefile_read(const char *path, struct route_row **row, size_t *n, uint64_t *version)
{
    uint64_t unused;
    FILE *f;
    int rc = open_file(path, &f);

    if (rc < 0)
        return rc;
    rc = read_rows(f, row, n, version ? version : &unused);
    fclose(f);
    return rc;
}
