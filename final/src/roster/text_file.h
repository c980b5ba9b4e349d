/* text_file -- whole small files as texts.  Thread: any; one writer for each path. */
#ifndef LARS_ROSTER_TEXT_FILE_H
#define LARS_ROSTER_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_FILE_MAX (4u << 20) /* bytes */

/* Read <path>; the caller frees *out, which ends with a 0 byte.  Returns 0; -ENOENT ...;
 * -EFBIG; -EINVAL: it has a byte 0; -ENOMEM. */
int text_file_read(const char *path, char **out);

/* Write <text> to <path>, mode 0600, unless it has this content and mode already, and
 * replace the file as a whole (base/new_file.h).  Returns 1: written; 0: it was the same;
 * -errno. */
int text_file_write(const char *path, const char *text);

/* Make the folder <path>, mode 0700, and those above it.  Returns 0; -errno. */
int text_file_folder(const char *path);

#endif
