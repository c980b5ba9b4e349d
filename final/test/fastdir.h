/* fastdir.h -- where a test makes its folder: in memory when there is room, because a
 * database that syncs to a disk and pages mapped from one cost more than the test itself. */
#ifndef LARS_TEST_FASTDIR_H
#define LARS_TEST_FASTDIR_H

#include <stdint.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FASTDIR_ROOM ((uint64_t)2 << 30) /* bytes, for a few tests side by side */

/* "/dev/shm", or "/tmp" when that is absent, not ours to write, or small (in a container it
 * often has 64 MB). */
static inline const char *fastdir(void)
{
    struct statvfs v;

    if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &v) == 0 &&
        (uint64_t)v.f_bavail * v.f_frsize >= FASTDIR_ROOM)
        return "/dev/shm";
    return "/tmp";
}

#endif
