/* folder_watch -- notices that a file which this process created in a folder is not there
 * any more: a cleaner emptied the folder, or it was removed or replaced.  Thread: one at
 * a time. */
#ifndef LARS_AGENT_FOLDER_WATCH_H
#define LARS_AGENT_FOLDER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct folder_watch {
    char path[256];                   /* "" = nothing is watched */
    uint64_t device, inode;
};

/* Watches <dir>/<file>, which exists now; an empty <dir> watches nothing.  Returns 0;
 * -ENAMETOOLONG; the errors of stat(2).  Then nothing is watched. */
int folder_watch_init(struct folder_watch *w, const char *dir, const char *file);

/* Is the name missing, or has it another file?  Costs a system call.  False when the
 * folder cannot be read for any other reason. */
bool folder_watch_is_lost(const struct folder_watch *w);

#endif
