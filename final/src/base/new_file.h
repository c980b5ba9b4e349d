/* new_file -- the new content of a file that is replaced as a whole.  It is written under
 * the name PATH.new beside the old file and renamed to PATH: a crash at any moment leaves
 * the old file or the new one.  Between the two steps it can be read and checked.
 * Thread: any; two at the same path at once disturb each other. */
#ifndef LARS_BASE_NEW_FILE_H
#define LARS_BASE_NEW_FILE_H

#include <limits.h>
#include <stddef.h>

struct new_file_part {
    const void *bytes; /* borrowed */
    size_t len;
};

/* Write the <n> parts one after another to <path>.new, whose name is in <beside>
 * afterwards, and flush them to the disk.  What stood under this name is removed first.
 * <mode>: of the file, as for open(2).  Returns 0; -ENAMETOOLONG; or -errno, such as
 * -ENOSPC, and then there is no <path>.new. */
int new_file_write(char beside[PATH_MAX], const char *path, unsigned mode,
                   const struct new_file_part *part, size_t n);

/* Rename <beside> to <path>, and flush the folder to the disk.  Returns 0; or -errno, and
 * then the old file is as it was and <beside> is removed. */
int new_file_use(const char *beside, const char *path);

#endif
