/* The names of a segment's files have its number: R.<g>, C.<g>, L.<g>.<i>, A.<g>.<i>.  So
 * the folder is the list of the segments that exist, and a crash in the middle of an
 * unlink leaves names that the next start finds again.
 *
 * Rejected: a list of old segments in meta.  It would have to be kept equal to the
 * folder, by stores that a crash can separate from what they describe. */
#include "shmem/segment_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmem/segment_private.h"

/* The number of the segment that the file <name> belongs to; 0 = it is no such file. */
static uint32_t number_of(const char *name)
{
    if (!name[0] || !strchr("RCLA", name[0]) || name[1] != '.')
        return 0;
    return (uint32_t)strtoul(name + 2, NULL, 10);
}

static DIR *open_list(const struct segment *s)
{
    int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd == -1 ? NULL : fdopendir(fd);

    if (!d && fd != -1)
        close(fd);
    return d;
}

void segment_files_unlink(const struct segment *s, uint32_t number)
{
    DIR *d = open_list(s);
    struct dirent *e;

    if (!d)
        return;
    while ((e = readdir(d)))
        if (number_of(e->d_name) != 0 &&
            (number == SEGMENT_FILES_ALL || number_of(e->d_name) == number))
            unlinkat(s->dir, e->d_name, 0);
    closedir(d);
}

uint32_t segment_files_next(const struct segment *s, uint32_t after)
{
    DIR *d = open_list(s);
    uint32_t n, best = 0;
    struct dirent *e;

    if (!d)
        return 0;
    while ((e = readdir(d))) {
        n = number_of(e->d_name);
        if (n > after && n != s->number && (best == 0 || n < best))
            best = n;
    }
    closedir(d);
    return best;
}

uint32_t segment_files_new(const struct segment *s)
{
    uint32_t max = s->number, n = 0;

    while ((n = segment_files_next(s, n)) != 0)
        max = n > max ? n : max;
    return max + 1;
}

/* meta is the last file that an agent makes, and it is mapped, so that no other file has
 * its inode. */
bool segment_files_are_mine(const struct segment *s)
{
    struct stat st;

    return fstatat(s->dir, "meta", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (uint64_t)st.st_ino == s->inode;
}
