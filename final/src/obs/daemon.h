/* daemon -- the life of a service after its configuration is read: listen, say where, run
 * an event loop until SIGINT or SIGTERM, stop in order. */
#ifndef LARS_OBS_DAEMON_H
#define LARS_OBS_DAEMON_H

#include "base/net_addr.h"
#include "net/evloop.h"

struct daemon_config {
    const char *name;                 /* of the program, in messages: "lars-dnsd" */
    const char *stop_event;           /* logged when a signal comes: "dnsd.stop" */
    const struct net_addr *at;        /* TCP address to listen on; port 0 = any */
    /* Start everything on <l>.  Takes <lfd>, a listening socket, on failure as well.
     * Returns 0 or -errno. */
    int (*start)(struct evloop *l, int lfd, void *arg);
    /* End everything that runs: what came in is finished first.  Also called after a
     * failed start, so it takes what was never started. */
    void (*stop)(void *arg);
    void *arg;                        /* borrowed */
};

/* Prints "listening on ADDR:PORT" on standard output once clients can connect, and a
 * reason on standard error when the service cannot start.  Returns the exit status of the
 * program.  Thread: init; it becomes the loop's. */
int daemon_run(const struct daemon_config *cfg);

#endif
