/* dnscli -- the agent's client of DNSService.  It keeps the routes of the modules that
 * are wanted: asks for each when it is new, after each new connection and every
 * refresh_ms, and passes changes on.  It writes all routes to a file now and then and
 * reads them back at its start, so an agent can start while DNSService is down.
 * Thread: loop, unless said otherwise. */
#ifndef LARS_AGENT_DNSCLI_H
#define LARS_AGENT_DNSCLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tcpcli.h"
#include "net/tls_conn.h"
#include "proto/msg.h"
#include "route/route.h"

struct dnscli;

/* A module's route: its nodes, and the version of the route table with which they
 * arrived; 0 = not known, because they came from the file or a legacy DNSService. */
struct dnscli_nodes {
    const struct route_node *node;    /* borrowed for the call; NULL when n is 0 */
    size_t n;                         /* 0: the module has none, or does not exist */
    uint64_t version;
};

/* A module's route is new or has changed. */
typedef void dnscli_fn(const struct module_id *m, const struct dnscli_nodes *r,
                       void *arg);

struct dnscli_config {
    struct net_addr server[TCPCLI_MAX_ADDRS]; /* tried in turn */
    size_t n_server;                  /* 1 and more */
    struct tls_link *tls;             /* borrowed; NULL = plain */
    uint32_t refresh_ms;              /* between two questions for the same module */
    const char *file;                 /* copied; its format is route/routefile.h's */
    uint32_t file_ms;                 /* least time between two writes of it */
    dnscli_fn *fn;
    /* The nodes that <fn> got last are the same, but their version, which was not known,
     * is known now.  May be NULL. */
    dnscli_fn *on_version;
    /* An extension of the protocol on the same connection; both may be NULL.  <more> adds
     * its handlers to <d> while the dnscli is made; below 0 fails dnscli_create().
     * <on_up> is called on each new connection, before anything is asked. */
    int (*more)(struct dispatch *d, struct dnscli *c, void *more_arg);
    void (*on_up)(struct tcpcli *c, void *more_arg);
    void *more_arg;                   /* borrowed */
    void *arg;                        /* borrowed; for <fn> and <on_version> */
};

/* Reads the file and calls <fn> for each route in it, before it returns.  Borrows <l>;
 * copies <cfg>.  A file that cannot be read is logged and is no error.  Returns 0;
 * -ENOMEM; as tcpcli_create() and <more>.  Thread: init. */
int dnscli_create(struct dnscli **out, struct evloop *l, const struct dnscli_config *cfg);
/* Writes the file when a route has changed.  NULL is fine.  Thread: init. */
void dnscli_destroy(struct dnscli *c);

/* Wants this module from now on: asks for its route, and calls <fn> at once when the
 * route is known.  For a module that is wanted already it does the same again. */
void dnscli_want(struct dnscli *c, const struct module_id *m);
/* Does not want this module any more; drops its route. */
void dnscli_forget(struct dnscli *c, const struct module_id *m);

/* A module's route has arrived, by whatever message.  Copies <r>.  The route of a module
 * that is not wanted is ignored. */
void dnscli_take(struct dnscli *c, const struct module_id *m,
                 const struct dnscli_nodes *r);

/* The nodes of a module; borrowed until the next call of a function of this header.
 * Returns 0; -ENOENT when the module is not wanted or no route has arrived. */
int dnscli_route(const struct dnscli *c, const struct module_id *m,
                 const struct route_node **node, size_t *n);
bool dnscli_wants(const struct dnscli *c, const struct module_id *m);

/* Asks for a module's route now.  Returns 0; -ENOENT when it is not wanted; as
 * tcpcli_send(): -ENOTCONN. */
int dnscli_ask(struct dnscli *c, const struct module_id *m);

/* Asks for any one wanted module, to see whether the server answers.  Returns 0; -ENOENT
 * when no module is wanted; as tcpcli_send(): -ENOTCONN. */
int dnscli_ask_one(struct dnscli *c);

/* Its connection, borrowed: valid until dnscli_destroy().  Thread: init. */
struct tcpcli *dnscli_client(struct dnscli *c);

#endif
