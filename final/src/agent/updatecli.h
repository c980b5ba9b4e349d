/* updatecli -- the agent's side of route updates: says hello to DNSService, puts pages
 * together, applies what changed to what it has, and asks again when in doubt.  It lives
 * inside a dnscli.  Thread: loop. */
#ifndef LARS_AGENT_UPDATECLI_H
#define LARS_AGENT_UPDATECLI_H

#include "agent/dnscli.h"
#include "proto/msg_info.h"

struct updatecli;

/* What there is to know of a module besides its nodes. */
typedef void updatecli_info_fn(const struct msg_info *m, void *arg);

int updatecli_create(struct updatecli **out, updatecli_info_fn *fn,
                     void *arg);      /* 0 or -ENOMEM */
void updatecli_destroy(struct updatecli *u); /* after the dnscli.  NULL is fine */

/* For dnscli_config: more, on_up; <arg> is the updatecli. */
int updatecli_more(struct dispatch *d, struct dnscli *c, void *arg);
void updatecli_on_up(struct tcpcli *c, void *arg);

#endif
