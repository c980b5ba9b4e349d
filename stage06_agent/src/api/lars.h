/* lars.h -- the API for business code: get a node for a call, and report the result.
 *
 *     struct lars_client *c;
 *     struct lars_host h;
 *
 *     lars_open(&c, NULL);
 *     if (lars_get_host(c, 1, 1, &h) >= 0)
 *         lars_report(c, &h, call(&h) == OK ? 0 : 1);
 *     lars_close(c);
 *
 * The library asks the agent of this host by UDP.  When the agent does not answer, nodes
 * come from the file that it has written.  Each call ends within the time-out; nothing
 * here prints, exits or aborts.  Results below zero are -errno.
 * Thread: any.  Calls on one client wait for each other, so a client for each thread is
 * faster.  After fork() the child opens a client of its own. */
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
    struct lars_addr addr;            /* the address to call */
    uint32_t modid, cmdid;
    uint64_t start_us;                /* monotonic; start of the call */
};

struct lars_options {
    const char *address;              /* of the agent; NULL = 127.0.0.1 */
    uint16_t port;                    /* its first port, UDP; 0 = 8888 */
    const char *dir;                  /* folder of its files; NULL = build/run */
    uint32_t timeout_ms;              /* limit of every call; 0 = 200 */
};

/* Open a client.  <opt> may be NULL, and its fields NULL or 0: then the environment
 * variables LARS_ADDRESS, LARS_PORT and LARS_DIR count, or else the defaults above.
 * Copies <opt>.  The agent need not be running.  Returns 0; -EINVAL for a bad address
 * or port; -ENOMEM, -EMFILE or another -errno. */
int lars_open(struct lars_client **out, const struct lars_options *opt);
void lars_close(struct lars_client *c); /* NULL is fine */

/* Get a node of the module for one call.  Returns
 *   0           the node is in <out>
 *   1           the node is in <out>; it comes from the file, the agent does not answer
 *   -EAGAIN     all nodes are overloaded: do not call now
 *   -ENOENT     the module does not exist, or its route has not arrived yet: try again
 *   -EIO        internal error of the agent
 *   -ETIMEDOUT  the agent does not answer, and the file does not have the module
 *   -EINVAL     module 0/0, or <c> is NULL */
int lars_get_host(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                  struct lars_host *out);

/* Report the result of a call: <retcode> 0 = success.  The time since lars_get_host()
 * is reported as its duration.  There is no reply.  Returns 0; -EINVAL when <c> or <h>
 * is NULL or the module is 0/0; -EAFNOSUPPORT for an IPv6 address; -errno when sending
 * failed. */
int lars_report(struct lars_client *c, const struct lars_host *h, int retcode);

/* Get all nodes of the module.  Returns their number in <out>; -E2BIG when there are more
 * than <max>; -ENOENT, -ETIMEDOUT and -EINVAL as above; -ENOMEM. */
int lars_get_route(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                   struct lars_addr *out, unsigned max);

/* Let the agent fetch the route of the module before the first call.  Waits for the
 * route, at most one second.  Returns 0; -ENOENT when there are no nodes; otherwise as
 * lars_get_route(). */
int lars_register(struct lars_client *c, uint32_t modid, uint32_t cmdid);

#ifdef __cplusplus
}
#endif

#endif
