/* A file keeps its inode when it is renamed, and when the process that writes it is
 * replaced; a copy has another one.  The number that is compared has 32 bits, because
 * that is the room that the layout of the outbox leaves: with a larger head, an agent of
 * a new release could not continue the file of its predecessor.
 *
 * Rejected: an extended attribute on the file.  `cp -a` copies it, and tmpfs may lack
 * it. */
#include "agent_report/file_identity.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_ID 36                    /* characters */

void file_identity_boot(char boot[FILE_IDENTITY_BOOT])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    memset(boot, 0, FILE_IDENTITY_BOOT);
    if (fd == -1)
        return;
    if (read(fd, boot, BOOT_ID) != BOOT_ID)
        memset(boot, 0, FILE_IDENTITY_BOOT);
    close(fd);
}

uint32_t file_identity_mark(int fd)
{
    struct stat st = {0};             /* fstat(2) does not fail on an open file */
    uint64_t mix;

    fstat(fd, &st);
    mix = ((uint64_t)st.st_dev * 0x9E3779B97F4A7C15u + (uint64_t)st.st_ino) *
          0xD6E8FEB86659FD93u;
    return (uint32_t)(mix >> 32) | (mix >> 32 == 0);
}
