/* heartbeat -- a file of 16 bytes, mapped by several processes, in which a daemon writes
 * the time every HEARTBEAT_PERIOD_MS.  Other processes read it to see whether the daemon
 * is running, without sending a message.
 * The time is monotonic, because setting the wall clock would make a running daemon look
 * dead.  A time from before a reboot is too old or in the future; both count as dead. */
#ifndef LARS_BASE_HEARTBEAT_H
#define LARS_BASE_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#define HEARTBEAT_PERIOD_MS 1000
#define HEARTBEAT_DEAD_MS 2000        /* a heartbeat older than this is dead */

struct heartbeat;

/* For the daemon: create the file and lock it until heartbeat_close() or the end of the
 * process.  Returns 0; -EBUSY when another process has locked it; -EACCES, -ENOENT or
 * another -errno.  Thread: init. */
int heartbeat_create(struct heartbeat **out, const char *path);

/* Write a heartbeat.  <now_ms> is mono_ms().  Thread: one at a time. */
void heartbeat_beat(struct heartbeat *h, uint64_t now_ms);

/* For other processes: map the file.  Returns 0; -EBADMSG when it is not a heartbeat
 * file; -ENOENT, -EACCES or another -errno. */
int heartbeat_open(struct heartbeat **out, const char *path);

/* Whether the daemon wrote a heartbeat in the last HEARTBEAT_DEAD_MS.  Thread: any. */
bool heartbeat_is_alive(const struct heartbeat *h, uint64_t now_ms);

/* For both.  In the daemon it marks the file as dead.  NULL is fine. */
void heartbeat_close(struct heartbeat *h);

#endif
