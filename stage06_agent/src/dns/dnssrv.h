/* dnssrv -- the server of DNSService: answers each GetRouteRequest, which also subscribes
 * its connection to the module, and pushes the route of a module to all subscribers when
 * it changes.  Each thread has a reference to the current table and its own subscribers;
 * a new table reaches the threads as tasks, so there is no lock. */
#ifndef LARS_DNS_DNSSRV_H
#define LARS_DNS_DNSSRV_H

#include <stddef.h>
#include <stdint.h>

#include "net/mtsrv.h"
#include "route/route.h"

struct dnssrv;

struct dnssrv_config {
    unsigned n_threads;               /* 1 to LOOPPOOL_MAX */
    unsigned max_conns;               /* connections; 0 = limited by descriptors only */
    size_t max_subs;                  /* modules that one connection may ask for */
};

/* Start serving on the listening socket <lfd>.  Takes <lfd>, on failure as well; borrows
 * <main_loop>.  Questions that arrive before the first dnssrv_publish() are answered when
 * it comes.  Returns 0 or -errno.  Thread: the one that runs <main_loop>. */
int dnssrv_create(struct dnssrv **out, struct evloop *main_loop, int lfd,
                  const struct dnssrv_config *cfg);

/* Close all connections and stop the threads.  dnssrv_publish() must not be called any
 * more.  NULL is fine.  Thread: as dnssrv_create(). */
void dnssrv_destroy(struct dnssrv *s);

/* Answer from <t> from now on, and push the routes that differ from those of the previous
 * table.  Makes its own references; the caller keeps its own.  Thread: any. */
void dnssrv_publish(struct dnssrv *s, struct route_table *t);

struct mtsrv *dnssrv_server(struct dnssrv *s); /* borrowed */

struct dnssrv_stat {
    uint64_t n_query, n_bad_query;    /* GetRouteRequests: accepted, refused */
    uint64_t n_push;                  /* routes sent because of a change */
    uint64_t n_cut;                   /* routes cut down to MSG_MAX_HOSTS nodes */
};

/* Totals of all threads since the start.  The counters are read one after the other, not
 * as a snapshot.  Thread: any. */
void dnssrv_stat(const struct dnssrv *s, struct dnssrv_stat *out);

#endif
