/* fd_watch -- logs when a daemon has used up nine tenths of the descriptors that it may
 * have, and when it has enough again.  Thread: that of its event loop. */
#ifndef LARS_OBS_FD_WATCH_H
#define LARS_OBS_FD_WATCH_H

#include "net/evloop.h"

#define FD_WATCH_MS 5000              /* between two looks */

struct fd_watch;

/* Borrows <loop>.  Returns 0; -ENOMEM. */
int fd_watch_create(struct fd_watch **out, struct evloop *loop);
void fd_watch_destroy(struct fd_watch *w); /* NULL is fine */

#endif
