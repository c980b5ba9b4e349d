/* udp_client -- asks the agent of this host by UDP.  The agent serves modules on three
 * consecutive ports, one for each of its threads.
 * Thread: one at a time; udp_client_report(): any. */
#ifndef LARS_API_UDP_CLIENT_H
#define LARS_API_UDP_CLIENT_H

#include "base/net_addr.h"
#include "proto/msg_host.h"

#define UDP_CLIENT_PORTS 3

struct udp_client;

/* <agent>: its first port.  <timeout_ms>: the bound of each question.  Copies <agent>.
 * Returns 0; -ENOMEM; -errno of socket(2) and connect(2). */
int udp_client_create(struct udp_client **out, const struct net_addr *agent,
                      uint32_t timeout_ms);
void udp_client_destroy(struct udp_client *c); /* NULL is fine */

/* In a child after fork(): open sockets of its own.  When that fails, the functions below
 * return -EBADF. */
void udp_client_after_fork(struct udp_client *c);

/* Ask for a node of <m>.  Returns 0 and the agent's reply, which may be a refusal;
 * -ETIMEDOUT when none came; -ECONNREFUSED when no agent runs; -EBADF. */
int udp_client_get_host(struct udp_client *c, const struct module_id *m,
                        struct msg_host_reply *out);

/* Ask for all nodes of <m>.  <out> has room for MSG_MAX_HOSTS.  Returns as above. */
int udp_client_get_route(struct udp_client *c, const struct module_id *m,
                         struct msg_host *out, size_t *n);

/* Report a call.  Returns 0 when it was sent; the agent does not confirm it; -errno. */
int udp_client_report(struct udp_client *c, const struct msg_call *call);

#endif
