/* lars.h -- the API for business code: which node to call, and how the call went.
 *
 *     struct lars_client *c;
 *     struct lars_host h;
 *
 *     lars_open(&c, NULL);
 *     if (lars_get_host(c, 1, 1, &h) >= 0)
 *         lars_report(c, &h, call(&h) == OK ? 0 : 1);
 *     lars_close(c);
 *
 * Speaks to the agent of this host by UDP; when the agent is dead, nodes come from the
 * file that it left.  Every call ends within its time; nothing here prints, exits or
 * aborts.  Results below zero are -errno.
 * Thread: any; calls on one client wait for each other, a client for each thread is
 * faster.  After fork() open a new one. */
#ifndef LARS_API_LARS_H
#define LARS_API_LARS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lars_client;

struct lars_addr {
    uint16_t family;                  /* AF_INET or AF_INET6 */
    uint16_t port;                    /* host byte order */
    uint8_t ip[16];                   /* network byte order; IPv4: the first 4 */
};

struct lars_host {
    struct lars_addr addr;            /* call this */
    uint32_t modid, cmdid;
    uint64_t start_us;                /* monotonic; lars_report() measures from here */
};

struct lars_options {
    const char *address;              /* of the agent; NULL = 127.0.0.1 */
    uint16_t port;                    /* its first port; 0 = 8888 */
    const char *dir;                  /* where it keeps its files; NULL = build/run */
    uint32_t timeout_ms;              /* bound of every call; 0 = 200 */
};

/* <opt> NULL: what the environment says (LARS_ADDRESS, LARS_PORT, LARS_DIR), else the
 * values above.  Copies it.  The agent need not be there.  Returns 0; -EINVAL; -ENOMEM,
 * -EMFILE. */
int lars_open(struct lars_client **out, const struct lars_options *opt);
void lars_close(struct lars_client *c); /* NULL is fine */

/* A node of the module for one call.  Returns
 *   0           it is in <out>
 *   1           it is in <out>, from the file: the agent does not answer
 *   -EAGAIN     every node is overloaded: do not call now
 *   -ENOENT     no such module; or not known yet, then it is by the next try
 *   -EIO        the agent has a trouble of its own
 *   -ETIMEDOUT  the agent does not answer, and the file does not know the module
 *   -EINVAL     module 0/0, or no client */
int lars_get_host(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                  struct lars_host *out);

/* How the call went: <retcode> 0 = well.  The time since lars_get_host() goes with it.
 * Nobody answers it.  Returns 0; -EINVAL: no host, no client; -errno when it could not be
 * sent. */
int lars_report(struct lars_client *c, const struct lars_host *h, int retcode);

/* All nodes of the module, at most <max>.  Returns how many there are in <out>; -ENOENT,
 * -ETIMEDOUT as above; -E2BIG when there are more than <max>. */
int lars_get_route(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                   struct lars_addr *out, unsigned max);

/* Make the agent know the module before it is needed.  Waits for its route, at most a
 * second.  Returns 0; -ENOENT: no nodes; -ETIMEDOUT. */
int lars_register(struct lars_client *c, uint32_t modid, uint32_t cmdid);

#ifdef __cplusplus
}
#endif

#endif
