/* fastdir.h -- chooses where a test creates its folder: in memory when there is room,
 * because a database that waits for a disk takes longer than the test itself. */
#ifndef LARS_TEST_FASTDIR_H
#define LARS_TEST_FASTDIR_H

#include <stdint.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FASTDIR_ROOM ((uint64_t)2 << 30) /* bytes that must be free: several tests run */

/* "/dev/shm", or "/tmp" when that is missing, not writable or too small (containers often
 * give it 64 MB).  Static string. */
static inline const char *fastdir(void)
{
    struct statvfs v;

    if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &v) == 0 &&
        (uint64_t)v.f_bavail * v.f_frsize >= FASTDIR_ROOM)
        return "/dev/shm";
    return "/tmp";
}

#endif
