/* The kernel is asked, because descriptors are opened in many places: connections, files,
 * the database, libraries.  The limit is read each time, since an administrator may
 * change it with prlimit(1).
 *
 * Invariant: one line when nine tenths are reached, and no other before the number fell
 * below eight tenths.
 * Rejected: a counter at each open() and close(), which the libraries would not keep. */
#include "obs/fd_watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"

struct fd_watch {
    struct evloop *loop;
    struct evtimer timer;
    bool is_near;
};

/* When none of <max> is left, the folder cannot be opened either. */
static unsigned long long n_open(unsigned long long max)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned long long n = 0;

    if (!d)
        return errno == EMFILE ? max : 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n > 3 ? n - 3 : 0;         /* `.`, `..` and the one of opendir() */
}

static void look(void *arg)
{
    struct fd_watch *w = arg;
    unsigned long long n, max;
    struct rlimit r;

    evloop_set_timer(w->loop, &w->timer, FD_WATCH_MS, look, w);
    if (getrlimit(RLIMIT_NOFILE, &r) == -1)
        return;
    max = r.rlim_cur;
    n = n_open(max);
    if (!w->is_near && n >= max - max / 10) {
        w->is_near = true;
        LOG_WARN("fd.near",
                 "open=%llu limit=%llu: new connections will wait when none is left; "
                 "raise LimitNOFILE of the unit, or find out which peers connect",
                 n, max);
    } else if (w->is_near && n < max - max / 5) {
        w->is_near = false;
        LOG_INFO("fd.enough", "open=%llu limit=%llu", n, max);
    }
}

int fd_watch_create(struct fd_watch **out, struct evloop *loop)
{
    struct fd_watch *w = calloc(1, sizeof(*w));
    int rc = w ? evloop_set_timer(loop, &w->timer, FD_WATCH_MS, look, w) : -ENOMEM;

    if (rc < 0) {
        free(w);
        return rc;
    }
    w->loop = loop;
    *out = w;
    return 0;
}

void fd_watch_destroy(struct fd_watch *w)
{
    if (!w)
        return;
    evloop_clear_timer(w->loop, &w->timer);
    free(w);
}
