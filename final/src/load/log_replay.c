/* A line has the time when the response ended and how long it took, so the request came
 * at the difference; lines are in the order of their ends and are sorted by that.
 * Lines that cannot be read are counted and left out: a log may begin or end in the
 * middle of a line.
 * Rejected: to read the file while it is played.  It saves memory, about 100 bytes a
 * line, and the order of the requests would be wrong by the longest response. */
#include "load/log_replay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crc32.h"
#include "base/err.h"
#include "load/path_list.h"

#define LINE 8192

enum column { TIME, IP = 3, METHOD = 5, TARGET = 6, TOTAL_US = 18, COLUMNS };

/* Split at single blanks.  False: there are fewer columns. */
static bool split(char *line, char *column[COLUMNS])
{
    int i;

    for (i = 0; i < COLUMNS; i++) {
        column[i] = line;
        line += strcspn(line, " \r\n");
        if (!*line && i < COLUMNS - 1)
            return false;
        if (*line)
            *line++ = '\0';
    }
    return true;
}

/* "2026-11-26T08:00:00.123Z" as us since 1970.  False: it is no such time. */
static bool read_time(const char *text, uint64_t *out)
{
    struct tm tm = {0};
    unsigned ms;
    time_t s;
    char end[2];

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3u%1[Z]", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, end) != 8)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    s = timegm(&tm);
    if (s <= 0)
        return false;
    *out = (uint64_t)s * 1000000 + ms * 1000;
    return true;
}

/* Returns 0; -EINVAL: the line is left out; -ENOMEM. */
static int read_request(char *line, struct log_replay_request *out)
{
    char *column[COLUMNS], *end;
    unsigned long long us;

    if (!split(line, column) || !read_time(column[TIME], &out->at_us) ||
        strcmp(column[METHOD], "GET") != 0 || !path_list_is_path(column[TARGET]))
        return -EINVAL;
    us = strtoull(column[TOTAL_US], &end, 10);
    if (end == column[TOTAL_US] || *end || us > out->at_us)
        return -EINVAL;
    out->at_us -= us;
    out->visitor = crc32_of(column[IP]);
    if (out->visitor == 0)
        out->visitor = 1;
    out->path = strdup(column[TARGET]);
    return out->path ? 0 : -ENOMEM;
}

int log_replay_add(struct log_replay *l, char *line)
{
    struct log_replay_request r = {0}, *more;
    int rc = read_request(line, &r);

    if (rc == -EINVAL) {
        l->n_skipped++;
        return 0;
    }
    if (rc == 0 && l->n == LOG_REPLAY_MAX)
        rc = -E2BIG;
    if (rc == 0 && l->n == l->cap) {
        more = realloc(l->at, (l->cap ? 2 * l->cap : 1024) * sizeof(*more));
        if (more) {
            l->at = more;
            l->cap = l->cap ? 2 * l->cap : 1024;
        }
        rc = more ? 0 : -ENOMEM;
    }
    if (rc == 0)
        l->at[l->n++] = r;
    else
        free(r.path);
    return rc;
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = ((const struct log_replay_request *)a)->at_us;
    uint64_t y = ((const struct log_replay_request *)b)->at_us;

    return (x > y) - (x < y);
}

static void begin_at_zero(struct log_replay *l)
{
    uint64_t first;
    size_t i;

    qsort(l->at, l->n, sizeof(*l->at), by_time);
    first = l->at[0].at_us;
    for (i = 0; i < l->n; i++)
        l->at[i].at_us -= first;
}

int log_replay_read(struct log_replay *l, const char *file, char err[LOG_REPLAY_ERR])
{
    FILE *f = fopen(file, "re");
    char line[LINE];
    int rc = f ? 0 : -errno;

    if (!f) {
        snprintf(err, LOG_REPLAY_ERR, "%.200s cannot be read: %s; name another file",
                 file, err_text(rc));
        return rc;
    }
    while (rc == 0 && fgets(line, sizeof(line), f))
        rc = log_replay_add(l, line);
    fclose(f);
    if (rc == 0 && l->n == 0) {
        snprintf(err, LOG_REPLAY_ERR,
                 "%.200s has no GET request in the form of the access log of "
                 "lars-gateway; name the file of [gateway] access_log",
                 file);
        return -EINVAL;
    }
    if (rc < 0)
        snprintf(err, LOG_REPLAY_ERR, "%.200s: %s; cut the file", file,
                 rc == -E2BIG ? "there are more than 5000000 requests" : "no memory");
    else
        begin_at_zero(l);
    return rc;
}

void log_replay_free(struct log_replay *l)
{
    size_t i;

    for (i = 0; i < l->n; i++)
        free(l->at[i].path);
    free(l->at);
    *l = (struct log_replay){0};
}
