/* A mapped file works on after it was deleted, so the process itself feels nothing:
 * only others do not find it any more.  Hence the name is looked up, and device and inode
 * are compared.
 *
 * Rejected: inotify.  It does not see the removal of a mount or of a parent folder, and
 * its events are lost when its queue is full, so the lookup would be needed all the
 * same. */
#include "agent/folder_watch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

int folder_watch_init(struct folder_watch *w, const char *dir, const char *file)
{
    struct folder_watch to = {0};
    struct stat st;
    int n;

    *w = to;
    if (!dir[0])
        return 0;
    n = snprintf(to.path, sizeof(to.path), "%s/%s", dir, file);
    if (n >= (int)sizeof(to.path))
        return -ENAMETOOLONG;
    if (stat(to.path, &st) == -1)
        return -errno;
    to.device = st.st_dev;
    to.inode = st.st_ino;
    *w = to;
    return 0;
}

bool folder_watch_is_lost(const struct folder_watch *w)
{
    struct stat st;

    if (!w->path[0])
        return false;
    if (stat(w->path, &st) == -1)
        return errno == ENOENT || errno == ENOTDIR;
    return st.st_dev != w->device || st.st_ino != w->inode;
}
