/* own_fd -- a descriptor of a library, checked before each use: the program around the
 * library may have closed the number (os.closerange(), daemon(), a child after fork())
 * and may have opened a file of its own there.  Thread: any, one at a time for each. */
#ifndef LARS_BASE_OWN_FD_H
#define LARS_BASE_OWN_FD_H

#include <stdbool.h>
#include <stdint.h>

struct own_fd {
    int fd;                           /* -1 = none */
    uint64_t dev, ino;                /* of the file that was opened */
};

/* Takes <fd>; a negative number means none. */
struct own_fd own_fd_take(int fd);

/* Is the number still the same file?  One fstat(). */
bool own_fd_is_mine(const struct own_fd *f);

/* Closes the descriptor if it is still the same file, and sets it to none. */
void own_fd_close(struct own_fd *f);

#endif
