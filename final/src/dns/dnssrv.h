/* dnssrv -- DNSService: answers requests for routes, and pushes a module's route to every
 * agent that asked for it whenever it changes. */
#ifndef LARS_DNS_DNSSRV_H
#define LARS_DNS_DNSSRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/slot_order_table.h"
#include "net/admission.h"
#include "net/mtsrv.h"
#include "net/tls_conn.h"
#include "route/module_meta_table.h"
#include "route/route.h"

struct dnssrv;

struct dnssrv_config {
    unsigned n_threads; /* 1 to LOOPPOOL_MAX */
    unsigned max_conns; /* 0 = no limit but the fds */
    size_t max_subs; /* modules one connection may ask for */
    uint32_t first_frame_ms; /* admission.h; 0 = its default */
    struct tls_server *tls; /* borrowed until dnssrv_destroy(); NULL = plain */
};

/* Takes <lfd>, on failure as well; borrows <main_loop>.  Accepts at once; requests that
 * come before the first dnssrv_publish() are answered by it.  Returns 0 or -errno.
 * Thread: the one that runs <main_loop>. */
int dnssrv_create(struct dnssrv **out, struct evloop *main_loop, int lfd,
                  const struct dnssrv_config *cfg);

/* Closes every connection.  The callers of dnssrv_publish() have ended before.  NULL is
 * fine. */
void dnssrv_destroy(struct dnssrv *s);

/* From now on answer from <t>, and push what differs from the table before.  Takes a
 * reference of its own.  Thread: any. */
void dnssrv_publish(struct dnssrv *s, struct route_table *t);

/* From now on this is the module meta; push what differs to agents that have said hello.
 * Takes a reference of its own.  Thread: any. */
void dnssrv_publish_meta(struct dnssrv *s, struct module_meta_table *t);

/* These are the orders of all slots that the database has now: send each lars-slotd those
 * of its host when they differ from what it got, or 2 s after it got them.  Takes a
 * reference of its own.  Thread: any. */
void dnssrv_publish_orders(struct dnssrv *s, struct slot_order_table *t);

/* Is a lars-slotd connected?  Thread: any. */
bool dnssrv_has_slotd(const struct dnssrv *s);

struct mtsrv *dnssrv_server(struct dnssrv *s); /* to count connections */
struct admission *dnssrv_admission(struct dnssrv *s); /* the same */

struct dnssrv_stat {
    uint64_t n_query, n_bad_query; /* GetRouteRequests: good, refused */
    uint64_t n_push; /* routes sent because they changed */
    uint64_t n_cut; /* replies with more than MSG_MAX_HOSTS nodes */
    uint64_t n_slotd; /* lars-slotd that are connected now */
    uint64_t n_orders; /* lists of orders sent to them */
    uint64_t n_ended[CONN_WHY_COUNT]; /* connections that ended, by reason */
};

/* Sums over the threads, at some moment of the recent past.  Thread: any. */
void dnssrv_stat(const struct dnssrv *s, struct dnssrv_stat *out);

#endif
