/* client -- struct lars_client: what it owns, how it is opened and closed.  Thread: any,
 * unless a function names another. */
#ifndef LARS_API_CLIENT_H
#define LARS_API_CLIENT_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "api/lars_status.h"

struct lars_client {
    atomic_bool is_open;              /* false: only <next> is used */
    struct lars_client *next;         /* of the closed ones */
    struct shm_client *shm;           /* has locks of its own */
    pthread_mutex_t ask_lock;         /* guards questions of <udp>; a wait may hold it */
    struct udp_client *udp;
    pthread_mutex_t file_lock;        /* guards <fallback>; no wait holds it */
    struct fallback *fallback;
    uint32_t timeout_ms;
    struct lars_hooks hooks;
    _Atomic uint32_t path;            /* enum lars_path that the log hook received last */
    _Atomic uint64_t logged_ms;       /* when that was; monotonic */
    char dir[PATH_MAX];               /* the agent's folder */
};

/* lars_open(). */
int client_open(struct lars_client **out, const struct lars_options *opt);

/* lars_close(). */
void client_close(struct lars_client *c);

/* False for NULL and for a client that was closed. */
static inline bool client_is_open(const struct lars_client *c)
{
    return c && atomic_load_explicit(&c->is_open, memory_order_acquire);
}

/* In a child of fork(), before anything else: makes anew what it must not share with its
 * parent.  Thread: the only one that uses <c>. */
void client_renew_after_fork(struct lars_client *c);

#endif
