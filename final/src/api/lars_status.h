/* lars_status.h -- which way a client's calls take, why they take no better one, how many
 * there were; and hooks for the program's own log and metrics.
 *
 *     struct lars_status s = {.size = sizeof(s)};
 *
 *     if (lars_status(c, &s) == 0 && s.shm_error != 0)
 *         printf("%s\n", s.shm_why); */
#ifndef LARS_API_LARS_STATUS_H
#define LARS_API_LARS_STATUS_H

#include "lars.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the node of a call came from. */
enum lars_path {
    LARS_PATH_NONE,                   /* there was no node: a result below zero */
    LARS_PATH_SHM,                    /* shared memory */
    LARS_PATH_UDP,                    /* the agent, by UDP */
    LARS_PATH_FILE,                   /* the file of routes, because the agent is silent
                                       * */
    LARS_PATHS
};

#define LARS_BUCKETS 32

/* Of one client in this process.  The counters begin with lars_open(), only grow, and
 * are those of all threads; a child of fork() has those of its parent and its own. */
struct lars_status {
    uint32_t size;                    /* in: sizeof(struct lars_status) */
    uint32_t path;                    /* enum lars_path that a call of this thread takes
                                       * now */
    int32_t shm_error;                /* why it is not shared memory, as a result below
                                       * zero: -EACCES no right, -ENOENT no agent with
                                       * shared memory, -EUSERS all call logs are taken,
                                       * ...; 0 = it is */
    int32_t agent_alive;              /* its heartbeat: 1, 0, or -1 when there is none */
    char shm_file[256];               /* the file or folder that <shm_error> is about; ""
                                       * = none; a longer name is cut */
    char shm_why[256];                /* a sentence about both and what mends it; "" */
    uint64_t begun[LARS_PATHS];       /* nodes asked for, by where they came from */
    uint64_t ended[LARS_OUTCOMES];    /* calls, by outcome */
    uint64_t took[LARS_BUCKETS];      /* calls that ended well or failed, by duration:
                                       * [0] less than 1 us, [i] from 2^(i-1) to less than
                                       * 2^i us, the last one all longer ones */
};

/* Looks at shared memory again, whatever the last attempt has shown, and makes a few
 * system calls when it cannot be used.  Writes as much of the struct as <out>->size says.
 * Returns 0; -EINVAL when <c> is NULL or closed, or <out> is NULL or has no size. */
int lars_status(struct lars_client *c, struct lars_status *out);

/* "shm", "udp", "file" or "none". */
const char *lars_path_name(enum lars_path path);

/* --- hooks -------------------------------------------------------------------------- */

/* A call has ended. */
struct lars_ended {
    const struct lars_host *host;     /* valid during the hook */
    uint64_t took_us;                 /* since lars_get_host() */
    enum lars_outcome outcome;
    enum lars_path path;              /* SHM or UDP.  A node of the file is UDP here */
};

enum lars_level { LARS_LEVEL_INFO, LARS_LEVEL_WARNING };

/* The library calls the hooks in the thread that called it, without a lock.  <log> and
 * <ended> must not use the client.  One that is NULL is not called. */
struct lars_hooks {
    uint32_t size;                    /* sizeof(struct lars_hooks) */
    uint32_t zero;
    void *arg;                        /* the first argument of each */
    /* The way of the calls has changed, at most one line a second: a sentence in English,
     * without a newline. */
    void (*log)(void *arg, enum lars_level level, const char *text);
    /* After each end of a call that was counted. */
    void (*ended)(void *arg, const struct lars_ended *e);
    /* A signal handler ran while a function of this client waited.  0 = the wait
     * continues, and ends when it would have ended; another value = the function returns
     * -EINTR.  It may use the client, but not close it.  For languages whose own handlers
     * run after the handler of C. */
    int (*interrupted)(void *arg);
};

#ifdef __cplusplus
}
#endif

#endif
