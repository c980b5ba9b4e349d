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
    /* begin fallback_create */
    /* Allocate; compose the two paths of <dir>, FALLBACK_HEARTBEAT and FALLBACK_ROUTES.
     * A path that does not fit is -EINVAL, and nothing is leaked then. */
    (void)out;
    (void)dir;
    return -ENOSYS;
    /* end fallback_create */
}

void fallback_destroy(struct fallback *f)
{
    /* begin fallback_destroy */
    /* Close the heartbeat, free the rows and the object.  NULL is fine. */
    (void)f;
    /* end fallback_destroy */
}

static bool is_time(uint64_t *last_ms, uint64_t now_ms)
{
    /* begin is_time */
    /* The first call, and a call LOOK_MS or more after the last time it returned true,
     * returns true and remembers <now_ms>. */
    (void)last_ms;
    (void)now_ms;
    return false;
    /* end is_time */
}

/* When the heartbeat looks dead, the file may have been replaced by that of a new agent:
 * map it again. */
bool fallback_agent_is_dead(struct fallback *f, uint64_t now_ms)
{
    /* begin fallback_agent_is_dead */
    /* 1. A heartbeat that is mapped and alive: false, without any system call.
     * 2. Otherwise, when is_time(), try to open the file again; when that succeeds,
     *    the new mapping replaces the old one.
     * 3. Dead is a heartbeat that is mapped and not alive.  No file at all is not
     *    dead. */
    (void)f;
    (void)now_ms;
    (void)is_time;
    return false;
    /* end fallback_agent_is_dead */
}

static void load(struct fallback *f, uint64_t now_ms)
{
    /* begin load */
    /* 1. Unless is_time(), and when stat() fails: keep the present rows.
     * 2. The same modification time, to the nanosecond: nothing to do.
     * 3. Read the file.  After a failure keep the present rows; otherwise replace them
     *    and remember the time. */
    (void)f;
    (void)now_ms;
    /* end load */
}

int fallback_route(struct fallback *f, const struct module_id *m, struct msg_host *out,
                   size_t max, size_t *n, uint64_t now_ms)
{
    /* begin fallback_route */
    /* Load, then copy the nodes of the module to <out>, at most <max>. */
    (void)f;
    (void)m;
    (void)out;
    (void)max;
    (void)n;
    (void)now_ms;
    return -ENOSYS;
    /* end fallback_route */
}

int fallback_pick(struct fallback *f, const struct module_id *m, struct msg_host *out,
                  uint64_t now_ms)
{
    /* begin fallback_pick */
    /* Load, then take the nodes of the module in turn: f->turn counts the picks. */
    (void)f;
    (void)m;
    (void)out;
    (void)now_ms;
    (void)load;
    return -ENOSYS;
    /* end fallback_pick */
}
