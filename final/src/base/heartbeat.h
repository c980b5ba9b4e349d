/* heartbeat -- a file in which a daemon says, again and again, that it is alive, and
 * others see it without asking: 16 bytes of shared memory.
 * Monotonic time: with the wall clock a step of the clock would "kill" the daemon.  A
 * file from before a reboot is old or lies in the future: dead, both. */
#ifndef LARS_BASE_HEARTBEAT_H
#define LARS_BASE_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#define HEARTBEAT_PERIOD_MS 1000
#define HEARTBEAT_DEAD_MS 2000        /* older than this: dead */

struct heartbeat;

/* The daemon's side: make <path>, and keep others from doing so while we live.  Returns
 * 0; -EBUSY when another process has it; -EACCES, -ENOENT ...  Thread: init. */
int heartbeat_create(struct heartbeat **out, const char *path);
void heartbeat_beat(struct heartbeat *h, uint64_t now_ms); /* mono_ms().  Thread: one */

/* The others' side.  Returns 0; -ENOENT, -EACCES; -EBADMSG when it is no heartbeat. */
int heartbeat_open(struct heartbeat **out, const char *path);
bool heartbeat_is_alive(const struct heartbeat *h, uint64_t now_ms); /* Thread: any */

/* Both sides.  The daemon's says that it is dead from now on.  NULL is fine. */
void heartbeat_close(struct heartbeat *h);

#endif
