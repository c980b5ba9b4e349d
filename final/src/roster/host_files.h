/* host_files -- the files that one host gets, in memory until all of them are complete:
 * a render that fails has changed none.  Thread: one. */
#ifndef LARS_ROSTER_HOST_FILES_H
#define LARS_ROSTER_HOST_FILES_H

#include <limits.h>
#include <stddef.h>

#define HOST_FILES_MAX 64
#define HOST_FILES_PATH 160

struct host_file {
    char from[HOST_FILES_PATH]; /* below the folder of the host */
    char to[HOST_FILES_PATH]; /* on the host; "" = it is not copied */
    unsigned mode; /* on the host */
    char owner[16], group[16];
    char *text; /* owned */
};

struct host_files {
    size_t n;
    struct host_file at[HOST_FILES_MAX];
};

/* Takes <text>, in every case; NULL = out of memory.  Returns 0; -ENOMEM; -E2BIG. */
int host_files_add(struct host_files *f, const char *from, const char *to, unsigned mode,
                   const char *owner, const char *group, char *text);

void host_files_free(struct host_files *f);

/* Add "files", the list of all files that are copied.  The last one to be added.
 * Returns as host_files_add(). */
int host_files_add_list(struct host_files *f);

/* Write all into <dir>, and remove the files that the list there names and <f> does not
 * have.  *changed grows by the files that were written or removed.  Returns 0; -errno,
 * and <path> names the file. */
int host_files_write(const struct host_files *f, const char *dir, unsigned *changed,
                     char path[PATH_MAX]);

/* Remove the files that the list in <dir> names, and <dir>.  Returns as
 * host_files_write(); -ENOTEMPTY when it has others. */
int host_files_remove(const char *dir, unsigned *changed, char path[PATH_MAX]);

#endif
