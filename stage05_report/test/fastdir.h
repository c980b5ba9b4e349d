/* fastdir.h -- chooses where a test creates its folder: in memory when there is room,
 * because a database that waits for a disk takes longer than the test itself. */
#ifndef LARS_TEST_FASTDIR_H
#define LARS_TEST_FASTDIR_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FASTDIR_ROOM ((uint64_t)2 << 30) /* bytes that must be free: several tests run */

/* "/dev/shm", or "/tmp" when that is missing, not writable or too small (containers often
 * give it 64 MB).  Under test/run it is a folder below, which test/run deletes after the
 * test, also when it was killed.  Static string. */
static inline const char *fastdir(void)
{
    static char own[40];
    const char *base = "/tmp", *id = getenv("LARS_TEST_ID");
    struct statvfs v;

    if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &v) == 0 &&
        (uint64_t)v.f_bavail * v.f_frsize >= FASTDIR_ROOM)
        base = "/dev/shm";
    if (!id || snprintf(own, sizeof(own), "%s/%s", base, id) >= (int)sizeof(own))
        return base;
    mkdir(own, 0700);                 /* it may exist already */
    return access(own, W_OK) == 0 ? own : base;
}

#endif
