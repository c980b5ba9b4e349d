/* dnscli -- the client of DNSService in the agent.  It asks for the routes of all wanted
 * modules, again after each reconnect and every refresh_ms, and keeps the answers.  It
 * writes them to a file, which it reads at its start.
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

/* Receives the nodes of a module; n = 0 when it has none or does not exist.  Borrows
 * <node> for the call. */
typedef void dnscli_fn(const struct module_id *m, const struct route_node *node,
                       size_t n, void *arg);

struct dnscli_config {
    struct net_addr server[TCPCLI_MAX_ADDRS]; /* servers, tried in turn */
    size_t n_server;                  /* 1 to TCPCLI_MAX_ADDRS */
    uint32_t refresh_ms;              /* time between two questions for a module */
    const char *file;                 /* copied; see route/routefile.h */
    uint32_t file_ms;                 /* least time between two writes of the file */
    dnscli_fn *fn;                    /* called when a route is new or has changed */
    /* Hooks with which a program adds messages.  Each may be NULL. */
    int (*more)(struct dispatch *d, struct dnscli *c, void *more_arg); /* adds handlers */
    void (*on_up)(struct tcpcli *c, void *more_arg); /* connected, nothing asked yet */
    void *more_arg;                   /* borrowed */
    void *arg;                        /* borrowed */
};

/* Read the file and call <fn> for each module in it, before this returns.  Copies <cfg>.
 * Returns 0 or -errno; a file that cannot be read is logged and is no error.
 * Thread: init. */
int dnscli_create(struct dnscli **out, struct evloop *l, const struct dnscli_config *cfg);
void dnscli_destroy(struct dnscli *c); /* writes the file if changed; NULL is fine */

/* Ask for this module now and keep its route up to date until dnscli_forget().  May be
 * called again for the same module; then <fn> is called at once with the known route. */
void dnscli_want(struct dnscli *c, const struct module_id *m);
void dnscli_forget(struct dnscli *c, const struct module_id *m);

/* Set the nodes of a module, from any source; calls <fn> when they are new.  A module
 * that is not wanted is ignored.  Copies <node>. */
void dnscli_take(struct dnscli *c, const struct module_id *m,
                 const struct route_node *node, size_t n);

/* The known route of a module, borrowed until the next call.  Returns 0; -ENOENT. */
int dnscli_route(const struct dnscli *c, const struct module_id *m,
                 const struct route_node **node, size_t *n);
bool dnscli_wants(const struct dnscli *c, const struct module_id *m);

/* Ask for a wanted module again.  Returns 0; -ENOENT when it is not wanted; -ENOTCONN. */
int dnscli_ask(struct dnscli *c, const struct module_id *m);

/* Ask again for any wanted module, to test whether the server answers.  Returns 0;
 * -ENOENT when no module is wanted; -ENOTCONN. */
int dnscli_ask_one(struct dnscli *c);

struct tcpcli *dnscli_client(struct dnscli *c); /* its connection, borrowed */

#endif
