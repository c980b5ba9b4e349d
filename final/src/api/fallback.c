#include "api/fallback.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/heartbeat.h"
#include "route/routefile.h"

#define LOOK_MS 1000                  /* the files are looked at no more often */

struct fallback {
    char beat_path[PATH_MAX], file_path[PATH_MAX];
    struct heartbeat *beat;           /* NULL = there is none */
    uint64_t beat_ms, file_ms;        /* when we looked; 0 = never */
    struct timespec mtime;            /* of the rows */
    struct route_row *row;            /* owned; NULL = no file */
    size_t n, turn;
};

int fallback_create(struct fallback **out, const char *dir)
{
    struct fallback *f = calloc(1, sizeof(*f));
    const size_t room = PATH_MAX;

    if (!f)
        return -ENOMEM;
    if ((size_t)snprintf(f->beat_path, room, "%s/" FALLBACK_HEARTBEAT, dir) >= room ||
        (size_t)snprintf(f->file_path, room, "%s/" FALLBACK_ROUTES, dir) >= room) {
        free(f);
        return -EINVAL;
    }
    *out = f;
    return 0;
}

void fallback_destroy(struct fallback *f)
{
    if (!f)
        return;
    heartbeat_close(f->beat);
    free(f->row);
    free(f);
}

static bool is_time(uint64_t *last_ms, uint64_t now_ms)
{
    if (*last_ms != 0 && now_ms - *last_ms < LOOK_MS)
        return false;
    *last_ms = now_ms;
    return true;
}

/* The file may have been made anew since we mapped it: look again when it seems dead. */
bool fallback_agent_is_dead(struct fallback *f, uint64_t now_ms)
{
    struct heartbeat *again;

    if (f->beat && heartbeat_is_alive(f->beat, now_ms))
        return false;
    if (is_time(&f->beat_ms, now_ms) && heartbeat_open(&again, f->beat_path) == 0) {
        heartbeat_close(f->beat);
        f->beat = again;
    }
    return f->beat && !heartbeat_is_alive(f->beat, now_ms);
}

static void load(struct fallback *f, uint64_t now_ms)
{
    struct stat st;
    struct route_row *row;
    size_t n;

    if (!is_time(&f->file_ms, now_ms) || stat(f->file_path, &st) == -1)
        return;                       /* keep what we have */
    if (f->row && st.st_mtim.tv_sec == f->mtime.tv_sec &&
        st.st_mtim.tv_nsec == f->mtime.tv_nsec)
        return;
    if (routefile_read(f->file_path, &row, &n, NULL) < 0)
        return;
    free(f->row);
    f->row = row;
    f->n = n;
    f->mtime = st.st_mtim;
}

int fallback_route(struct fallback *f, const struct module_id *m, struct msg_host *out,
                   size_t max, size_t *n, uint64_t now_ms)
{
    size_t i;

    load(f, now_ms);
    *n = 0;
    for (i = 0; i < f->n && *n < max; i++)
        if (f->row[i].modid == m->modid && f->row[i].cmdid == m->cmdid)
            out[(*n)++] = (struct msg_host){f->row[i].node.ip, f->row[i].node.port};
    return *n > 0 ? 0 : -ENOENT;
}

int fallback_pick(struct fallback *f, const struct module_id *m, struct msg_host *out,
                  uint64_t now_ms)
{
    size_t i, k = 0, n = 0, want;

    load(f, now_ms);
    for (i = 0; i < f->n; i++)
        n += f->row[i].modid == m->modid && f->row[i].cmdid == m->cmdid;
    if (n == 0)
        return -ENOENT;
    want = f->turn++ % n;
    for (i = 0; i < f->n; i++) {
        if (f->row[i].modid != m->modid || f->row[i].cmdid != m->cmdid || k++ != want)
            continue;
        *out = (struct msg_host){f->row[i].node.ip, f->row[i].node.port};
        break;
    }
    return 0;
}
