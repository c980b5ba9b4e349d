/* udp_client -- asks the agent of this host by UDP.  The agent serves modules on three
 * consecutive ports, one for each of its threads.
 * Thread: one at a time; udp_client_report(): any. */
#ifndef LARS_API_UDP_CLIENT_H
#define LARS_API_UDP_CLIENT_H

#include <stdbool.h>

#include "base/net_addr.h"
#include "proto/msg_host.h"

#define UDP_CLIENT_PORTS 3

struct udp_client;

struct udp_wait {                     /* how long a question may take */
    uint64_t end_ms;                  /* monotonic; in the past = do not wait */
    bool eintr;                       /* -EINTR when a signal handler ran; otherwise the
                                       * wait continues to its end */
};

/* <agent>: its first port.  Copies it.  Returns 0; -ENOMEM; -errno of socket(2) and
 * connect(2). */
int udp_client_create(struct udp_client **out, const struct net_addr *agent);
void udp_client_destroy(struct udp_client *c); /* NULL is fine */

/* In a child after fork(): open sockets of its own.  When that fails, the functions below
 * return -EBADF. */
void udp_client_after_fork(struct udp_client *c);

/* Ask for a node of <m>.  Returns 0 and the agent's reply, which may be a refusal;
 * -ETIMEDOUT when none came; -ECONNREFUSED when no agent runs; -EINTR; -EBADF. */
int udp_client_get_host(struct udp_client *c, const struct module_id *m,
                        const struct udp_wait *w, struct msg_host_reply *out);

/* Ask for all nodes of <m>.  <out> has room for MSG_MAX_HOSTS.  Returns as above. */
int udp_client_get_route(struct udp_client *c, const struct module_id *m,
                         const struct udp_wait *w, struct msg_host *out, size_t *n);

/* Report a call, without waiting.  Returns 0 when it was sent, which the agent does not
 * confirm; -ENOBUFS when the agent does not read and the socket is full; -errno. */
int udp_client_report(struct udp_client *c, const struct msg_call *call);

#endif
