/* shared_file -- files of fixed size in a folder that are mapped shared.  Names are
 * relative to the descriptor <dir>; symbolic links are refused.  Thread: any. */
#ifndef LARS_SHMEM_SHARED_FILE_H
#define LARS_SHMEM_SHARED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Create <name>, or set the mode and the size of the file that exists.  The file is
 * sparse: no page is allocated.  Returns 0 or -errno. */
int shared_file_make(int dir, const char *name, mode_t mode, size_t len);

/* Map the <len> bytes of <name>.  <fd> receives its descriptor, which the caller closes;
 * NULL when it is not wanted.  Returns 0; -EBADMSG when it is no regular file or has
 * another size; -errno. */
int shared_file_map(int dir, const char *name, bool writable, size_t len, void **out,
                    int *fd);

/* Allocate the pages behind <len> bytes at <p>, where <fd> is mapped at <base>.  Without
 * this, the first store to a page of a full file system is a SIGBUS.  Returns 0; -ENOSPC;
 * -errno. */
int shared_file_reserve(int fd, const void *base, const void *p, size_t len);

/* The same for a mapped file that has lost its name, so that no descriptor of it can be
 * opened.  Returns 0; -ENOSPC; -EINVAL on Linux before 5.14. */
int shared_file_populate(const void *p, size_t len);

#endif
