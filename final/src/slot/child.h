/* child -- the process of the node in one slot.  It outlives lars-slotd: the next
 * lars-slotd finds it by the file N.lock in the folder of the slots and watches it again.
 *
 * The process holds a flock(2) of N.lock by a descriptor that it inherits, and N.lock has
 * one line: the module, the port, the process and the time at which it began.  A slot is
 * free when the lock is free and that process is gone; only then does it get another one.
 * So a node that closes the descriptor is found by its process, and one whose number was
 * not written in time is known by the lock.
 * Thread: loop.  The program must have one thread only, because it forks. */
#ifndef LARS_SLOT_CHILD_H
#define LARS_SLOT_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/module_id.h"
#include "net/evloop.h"

#define CHILD_LOG_MAX (4u << 20) /* bytes of N.log; then it becomes N.log.old */

struct child;

/* The process has ended; child_pid() is 0 then.  <how> is borrowed: "ended with exit
 * status 1", "ended by signal 9", ...  It may start another process. */
typedef void child_fn(const char *how, void *arg);

/* Borrows <l>, <dir> and <arg>.  Creates <dir>/<slot>.lock with all the room that it
 * needs, so that no later step fails because the disk is full; a file that is there
 * stays.  Returns 0; -ENOMEM; -ENOSPC, -EACCES or another -errno of that file. */
int child_create(struct child **out, struct evloop *l, const char *dir, uint32_t slot,
                 child_fn *fn, void *arg);

/* Closes what watches the process, which keeps running.  NULL is fine. */
void child_destroy(struct child *c);

enum child_found {
    CHILD_NONE, /* the slot is free */
    CHILD_FOUND, /* the process is watched from now on */
    CHILD_HELD, /* a process holds the lock, and which is unknown:
                                       * it has just begun, or belongs to a node that
                                       * ended; look again */
};

/* Looks for the process of an earlier lars-slotd.  child_pid() must be 0. */
enum child_found child_look(struct child *c);

struct child_start {
    struct module_id module;
    uint16_t port;
    char *const *argv; /* argv[0] is a path; NULL at the end */
};

/* Starts a process, in a session of its own, with / as its folder, nothing but PATH and
 * LANG in its environment, /dev/null as its input and <dir>/<slot>.log as its output.
 * child_pid() must be 0.  Returns 0; -EBUSY when the slot is not free; -EAGAIN, -ENOMEM
 * or another -errno of fork(2) and the files.  A program that cannot be executed is a
 * process that ends with the status 126; N.log has the reason. */
int child_start(struct child *c, const struct child_start *s);

pid_t child_pid(const struct child *c); /* 0 = there is no process */
struct module_id child_module(const struct child *c); /* of it, or of the last one */
uint16_t child_port(const struct child *c);

/* It has passed its check: the next lars-slotd knows that as well. */
void child_set_ready(struct child *c);
bool child_is_ready(const struct child *c);

/* Sends <signo> to the process and to those of its group. */
void child_kill(struct child *c, int signo);

/* For a system where the kernel has no pidfd_open(2): looks whether the process has
 * ended.  To be called now and then; bounds the log as well. */
void child_poll(struct child *c);

#endif
