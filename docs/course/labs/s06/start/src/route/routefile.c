/* The new content is written to PATH.new and synced, then renamed to PATH, and the folder
 * is synced.
 *
 * Invariant: at any moment, also after a crash, PATH has either the complete old content
 * or the complete new content.  The checksum detects damage by the disk or an editor, and
 * a damaged file is refused completely.
 * Rejected: overwriting the file in place, because a crash would leave a part of it; a
 * binary format, because an operator may want to read the file. */
#include "route/routefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_LEN 80
#define SUM_START 2166136261u         /* FNV-1a, offset basis and prime */
#define SUM_PRIME 16777619u

static uint32_t sum_of(uint32_t sum, const char *line)
{
    for (; *line; line++)
        sum = (sum ^ (unsigned char)*line) * SUM_PRIME;
    return sum;
}

static uint32_t print_row(FILE *f, const struct route_row *r, uint32_t sum)
{
    /* begin print_row */
    /* Print "MODID CMDID A.B.C.D:PORT" and, unless weight and zone are both 0, "
     * WEIGHT ZONE", then the end of the line.  Return the checksum, continued over
     * this line. */
    (void)f;
    (void)r;
    return sum;
    /* end print_row */
}

static int print_rows(FILE *f, const struct route_row *row, size_t n, uint64_t version)
{
    /* begin print_rows */
    /* 1. The first line: lars-routes 2, the number of rows, the version.
     * 2. The rows; the checksum starts with SUM_START and covers all lines so far.
     * 3. The last line: end and the checksum, eight hexadecimal digits.
     * 4. stdio keeps bytes back and reports errors late: fflush() and ferror() tell
     *    whether all was written.  Return 0 or -errno. */
    (void)f;
    (void)row;
    (void)n;
    (void)version;
    (void)sum_of;
    (void)print_row;
    return -ENOSYS;
    /* end print_rows */
}

/* Sync the folder: a rename changes the folder, not the file. */
static void sync_folder(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd;

    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path + 1) : 1,
             slash ? path : ".");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return;
    fsync(fd);
    close(fd);
}

int routefile_write(const char *path, const struct route_row *row, size_t n,
                    uint64_t version)
{
    /* begin routefile_write */
    /* The file is replaced as a whole, so <path> itself is never opened.
     * 1. The name of the second file is PATH.new; -ENAMETOOLONG when it does not fit.
     * 2. Remove what a crash may have left there, then create it ("we": write, close
     *    on exec).
     * 3. Print the rows; fsync() the file, because a rename may reach the disk before
     *    the data; close it.  Each of the three can fail, and the first error counts.
     * 4. Only when all went well: rename() it to <path>, then sync_folder().
     * 5. After a failure remove the second file; <path> still has the old content. */
    (void)path;
    (void)row;
    (void)n;
    (void)version;
    (void)print_rows;
    (void)sync_folder;
    return -ENOSYS;
    /* end routefile_write */
}

static bool parse_row(const char *line, struct route_row *r)
{
    /* begin parse_row */
    /* The reverse of print_row(), for a line that may be hostile: sscanf() with a
     * width for each number, %n to see where it stopped, and nothing but the end of
     * the line after that.  Refuse a byte of the address above 255, a port that is not
     * 1 to 65535, a weight above 65535 and module 0/0.  <r> is written only on
     * success. */
    (void)line;
    (void)r;
    return false;
    /* end parse_row */
}

/* Parse the first line.  Returns 0 or -EBADMSG. */
static int parse_head(const char *line, size_t *n, uint64_t *version)
{
    /* begin parse_head */
    /* The number of rows has at most seven digits and is at most ROUTEFILE_MAX_ROWS:
     * it will size an allocation.  The line must end after the version. */
    (void)line;
    (void)n;
    (void)version;
    return -EBADMSG;
    /* end parse_head */
}

static bool is_end(FILE *f, uint32_t sum)
{
    /* begin is_end */
    /* The next line must be exactly "end CHECKSUM", and the file must end after it. */
    (void)f;
    (void)sum;
    return false;
    /* end is_end */
}

static int read_rows(FILE *f, struct route_row **row, size_t *n, uint64_t *version)
{
    /* begin read_rows */
    /* 1. Read and parse the first line.
     * 2. Allocate room for the rows; calloc() of 0 rows may return NULL, which is no
     *    error.
     * 3. Read and parse each row, and continue the checksum.
     * 4. Check the last line.  After any failure free the rows, return -EBADMSG and
     *    write nothing to <row> and <n>. */
    (void)f;
    (void)row;
    (void)n;
    (void)version;
    (void)parse_head;
    (void)parse_row;
    (void)is_end;
    return -ENOSYS;
    /* end read_rows */
}

/* O_NONBLOCK: opening a FIFO without it waits for a writer. */
static int open_file(const char *path, FILE **out)
{
    /* begin open_file */
    /* Open it with O_NONBLOCK | O_CLOEXEC; what is not a regular file (fstat) is
     * -EBADMSG. fdopen() makes a FILE of the descriptor; when it fails, the descriptor
     * is still open. */
    (void)path;
    (void)out;
    return -ENOSYS;
    /* end open_file */
}

int routefile_read(const char *path, struct route_row **row, size_t *n, uint64_t *version)
{
    /* begin routefile_read */
    /* Open the file, read its rows, close it.  <version> may be NULL. */
    (void)path;
    (void)row;
    (void)n;
    (void)version;
    (void)open_file;
    (void)read_rows;
    return -ENOSYS;
    /* end routefile_read */
}
