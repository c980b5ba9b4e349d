/* folder -- the folder that a daemon keeps its files in.  Thread: init. */
#ifndef LARS_BASE_FOLDER_H
#define LARS_BASE_FOLDER_H

/* Creates <dir>, mode 0755, unless it exists, and logs that: a name that was mistyped
 * shows there.  The folder above it must exist.  Returns 0, or -errno of mkdir(2). */
int folder_make(const char *dir);

/* Locks <dir> for this process, by a file `lock` in it, until the returned descriptor is
 * closed or the process ends.  Returns the descriptor; -EBUSY when another process has
 * the lock; -errno of open(2). */
int folder_lock(const char *dir);

#endif
