/* hook_run -- one program that was started, until it has ended: what it printed and what
 * its exit status means.  Nothing here waits.  Thread: one at a time for each run. */
#ifndef LARS_SCALE_HOOK_RUN_H
#define LARS_SCALE_HOOK_RUN_H

#include <stdint.h>

#define HOOK_OUTPUT_MAX 65536 /* bytes; a program that prints more is killed */
#define HOOK_ERROR_MAX 400 /* bytes of standard error that are kept */
#define HOOK_KILL_MS 5000 /* between SIGTERM and SIGKILL */

enum hook_result {
    HOOK_RUNS,
    HOOK_ACCEPTED, /* exit status 0 */
    HOOK_LATER, /* 75: ask again */
    HOOK_MISCONFIGURED, /* 78 */
    HOOK_FAILED, /* any other end */
};

const char *hook_run_result_name(enum hook_result r); /* "runs", "accepted" ...: static */

struct hook_run;

/* Start argv[0] without a shell, with PATH alone in its environment and in a process
 * group of its own.  It gets SIGTERM at now_ms + timeout_ms.  Times are monotonic.
 * Returns 0; -errno: it cannot be started. */
int hook_run_start(struct hook_run **out, char *const argv[], uint64_t now_ms,
                   uint32_t timeout_ms);

/* Read what it has printed, see whether it has ended, send the signals that are due.
 * After an end its whole process group is killed. */
enum hook_result hook_run_look(struct hook_run *r, uint64_t now_ms);

const char *hook_run_output(const struct hook_run *r);
const char *hook_run_error(const struct hook_run *r); /* printable */
const char *hook_run_why(const struct hook_run *r); /* how it ended */

void hook_run_destroy(struct hook_run *r); /* kills what runs; NULL is fine */

#endif
