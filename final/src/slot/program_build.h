/* program_build -- which program a process runs: the first digits of the SHA-256 of the
 * file that it executes.  Two nodes with the same build run the same bytes, and a program
 * that was replaced has another build.
 *
 * The file is that of /proc/PID/exe.  So the build is right after a symbolic link was
 * moved, after the file was replaced while the process runs, and for a script that ends
 * with exec.  A node that is a script has the build of its interpreter.
 *
 * A file is read once, in small parts between other events of the loop, and its build is
 * kept as long as device, inode, size, mtime and ctime of the file stay the same.  The
 * ctime is among them because builds that set all files to one mtime make that useless,
 * and inodes are used again.
 * Thread: loop. */
#ifndef LARS_SLOT_PROGRAM_BUILD_H
#define LARS_SLOT_PROGRAM_BUILD_H

#include <sys/types.h>

#include "net/evloop.h"

#define PROGRAM_BUILD 17 /* bytes with the final 0: 16 digits, a to f small */
#define PROGRAM_BUILD_FILES 256 /* whose builds are kept */
#define PROGRAM_BUILD_SIZE_MAX (1ull << 30) /* bytes of a file */

struct program_build;

/* <fn>: a file was read, with or without success: ask again for those that had to wait.
 * Borrows <l> and <arg>.  Returns 0 or -ENOMEM. */
int program_build_create(struct program_build **out, struct evloop *l, evloop_fn *fn,
                         void *arg);
void program_build_destroy(struct program_build *b); /* NULL is fine */

/* The build of what <pid> executes now; the caller knows that it is a process that runs.
 * Returns 0; -EAGAIN: a file is being read, and <fn> will be called; -EFBIG: the file has
 * more than PROGRAM_BUILD_SIZE_MAX bytes; -ESTALE: it changed while it was read; -EACCES
 * when the process runs as another user or its file may not be read; -ENOENT or -ESRCH
 * when it has ended; another -errno of open(2) and read(2).  <out> is "" unless it is
 * 0.  The failure of a file is kept like its build. */
int program_build_of(struct program_build *b, pid_t pid, char out[PROGRAM_BUILD]);

/* How many files were read to the end so far. */
unsigned long long program_build_n_read(const struct program_build *b);

#endif
