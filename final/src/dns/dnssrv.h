/* dnssrv -- DNSService: answers GetRouteRequest, and pushes a module's route to everybody
 * who asked for it whenever it changes.
 * Each thread has the current table and its own subscribers; a new table is a task for
 * every thread.  Nobody locks, nobody waits. */
#ifndef LARS_DNS_DNSSRV_H
#define LARS_DNS_DNSSRV_H

#include <stddef.h>
#include <stdint.h>

#include "net/mtsrv.h"
#include "route/module_meta_table.h"
#include "route/route.h"

struct dnssrv;

struct dnssrv_config {
    unsigned n_threads;               /* 1 to LOOPPOOL_MAX */
    unsigned max_conns;               /* 0 = no limit but the fds */
    size_t max_subs;                  /* modules one connection may ask for */
};

/* Takes <lfd>, on failure as well; borrows <main_loop>.  Listens at once; questions that
 * come before the first dnssrv_publish() are answered by it.  Returns 0 or -errno.
 * Thread: the one that runs <main_loop>. */
int dnssrv_create(struct dnssrv **out, struct evloop *main_loop, int lfd,
                  const struct dnssrv_config *cfg);

/* Closes every connection.  Nobody publishes any more.  NULL is fine. */
void dnssrv_destroy(struct dnssrv *s);

/* From now on answer from <t>, and push what differs from the table before.  Takes a
 * reference of its own.  Thread: any. */
void dnssrv_publish(struct dnssrv *s, struct route_table *t);

/* From now on this is known besides, to agents that said hello.  Thread: any. */
void dnssrv_publish_info(struct dnssrv *s, struct module_meta_table *t);

struct mtsrv *dnssrv_server(struct dnssrv *s); /* to count connections */

struct dnssrv_stat {
    uint64_t n_query, n_bad_query;    /* GetRouteRequests: good, refused */
    uint64_t n_push;                  /* routes sent without being asked again */
    uint64_t n_cut;                   /* replies with more than MSG_MAX_HOSTS nodes */
};

/* Sums over the threads, at some moment of the recent past.  Thread: any. */
void dnssrv_stat(const struct dnssrv *s, struct dnssrv_stat *out);

#endif
