/* Both files are looked at again at most once every LOOK_MS, so that a failing agent does
 * not cost the business code a system call for each of its own calls.  The file of routes
 * is read again only when its modification time has changed.
 *
 * Invariant: when the file cannot be read, the rows read before stay in use.
 * Rejected: watching the files with inotify, which needs a descriptor and a thread inside
 * the process of the business code. */
#include "api/fallback.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/heartbeat.h"
#include "route/routefile.h"

#define LOOK_MS 1000                  /* shortest time between two checks of a file */

struct fallback {
    char beat_path[PATH_MAX], file_path[PATH_MAX];
    struct heartbeat *beat;           /* NULL = the file was not there yet */
    uint64_t beat_ms, file_ms;        /* last checks; monotonic; 0 = never */
    struct timespec mtime;            /* of the file, when it was read */
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

/* When the heartbeat looks dead, the file may have been replaced by that of a new agent:
 * map it again. */
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
        return;                       /* keep the present rows */
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
