/* dnscli -- the agent's side of DNSService: wants routes, keeps what it was told, asks
 * again after a reconnect and every refresh_ms, and writes all of it to a file now and
 * then, which it reads back at its start.
 * Thread: loop. */
#ifndef LARS_AGENT_DNSCLI_H
#define LARS_AGENT_DNSCLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tcpcli.h"
#include "proto/msg.h"
#include "route/route.h"

struct dnscli;

/* A module's nodes; none = it has none, or does not exist.  Borrows <node>. */
typedef void dnscli_fn(const struct module_id *m, const struct route_node *node,
                       size_t n, void *arg);

struct dnscli_config {
    struct net_addr server[TCPCLI_MAX_ADDRS]; /* tried in turn */
    size_t n_server;                  /* 1 and more */
    uint32_t refresh_ms;              /* each module is asked again after so long */
    const char *file;                 /* copied; see route/routefile.h */
    uint32_t file_ms;                 /* written so often, when something has changed */
    dnscli_fn *fn;                    /* called when a route is new or has changed */
    /* For other messages than ours.  Each may be NULL. */
    int (*more)(struct dispatch *d, struct dnscli *c, void *more_arg); /* adds handlers */
    void (*on_up)(struct tcpcli *c, void *more_arg); /* before anything is asked */
    void *more_arg;                   /* borrowed */
    void *arg;                        /* borrowed */
};

/* Reads the file and calls <fn> for what is in it: in here, before the loop runs.  Copies
 * <cfg>.  Returns 0 or -errno; a file that cannot be read is logged.  Thread: init. */
int dnscli_create(struct dnscli **out, struct evloop *l, const struct dnscli_config *cfg);
void dnscli_destroy(struct dnscli *c); /* writes the file once more.  NULL is fine */

/* Ask for this module, and go on being interested.  Twice is fine. */
void dnscli_want(struct dnscli *c, const struct module_id *m);
void dnscli_forget(struct dnscli *c, const struct module_id *m);

/* A module's nodes came, whatever brought them.  Copies <node>. */
void dnscli_take(struct dnscli *c, const struct module_id *m,
                 const struct route_node *node, size_t n);

/* What it has: borrowed until the next call.  Returns 0; -ENOENT. */
int dnscli_route(const struct dnscli *c, const struct module_id *m,
                 const struct route_node **node, size_t *n);
bool dnscli_wants(const struct dnscli *c, const struct module_id *m);
int dnscli_ask(struct dnscli *c, const struct module_id *m); /* -ENOENT, -ENOTCONN */

/* Ask again for any module: an answer comes, if the server lives.  Returns 0; -ENOENT: no
 * module is wanted; -ENOTCONN. */
int dnscli_ask_one(struct dnscli *c);

struct tcpcli *dnscli_client(struct dnscli *c); /* its connection, borrowed */

#endif
