/* process -- processes of this host, from /proc: which one a pid file names, with what it
 * was started, and how to start it again.  A pid together with the time of its start
 * names a process for ever, while the kernel uses a pid again.  Thread: any. */
#ifndef LARS_DRILL_PROCESS_H
#define LARS_DRILL_PROCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When <pid> was started, in ticks since the host was; 0 when there is no such process or
 * it has ended and its parent has not asked for the result. */
uint64_t process_ticks(pid_t pid);

/* The pid in <file>.  Returns 0; -ENOENT, -EACCES ...; -EINVAL: the file holds no pid. */
int process_read_pid(const char *file, pid_t *out);

/* {"argv": [...], "cwd": "/...", "log": "/..."} of a running process; "log" is its
 * standard output when that is a file, otherwise "/dev/null".  NULL: it cannot be
 * read. */
json_t *process_describe(pid_t pid);

/* Wait until <pid> with <ticks> has ended, at most <ms>.  Returns whether it has. */
bool process_wait_end(pid_t pid, uint64_t ticks, uint32_t ms);

/* Start argv[0], found as execvp(3) does, in the folder <cwd> and a session of its own,
 * with its output at the end of <log> and the signals of a new program.  Returns its pid;
 * or -errno, also when it cannot be executed. */
pid_t process_start(char *const argv[], const char *cwd, const char *log);

/* Wait for a child, at most <ms>; then end it and its group.  Returns its exit code;
 * 128 + signal; -ETIMEDOUT. */
int process_wait(pid_t pid, uint32_t ms);

#endif
