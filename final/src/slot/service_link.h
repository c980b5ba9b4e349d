/* service_link -- a client's connection to one of the services of a kind, kept as well as
 * it can be: it is made again after each loss, with back-off.  A server is left for the
 * next one when it does not answer, and also when it answers but does not do its work for
 * SERVICE_LINK_USELESS_MS, because its database is away.  The first server is gone back
 * to when it answers again; after it was left because it did not do its work, only after
 * SERVICE_LINK_AVOID_MS.
 * Thread: the loop, unless said otherwise. */
#ifndef LARS_SLOT_SERVICE_LINK_H
#define LARS_SLOT_SERVICE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tcpcli.h"
#include "net/tls_conn.h"
#include "proto/msg_batch.h"

#define SERVICE_LINK_USELESS_MS 10000
#define SERVICE_LINK_AVOID_MS 60000

struct service_link;

struct service_link_config {
    enum msg_service kind; /* DNSService or Report Service */
    const struct net_addr *to; /* copied */
    size_t n_to; /* 1 to TCPCLI_MAX_ADDRS */
    struct tls_link *tls; /* borrowed; NULL = plain */
    int32_t msgid; /* the message that the service sends, and */
    dispatch_fn *fn; /* its handler */
    /* A server of the right kind has answered hello on a new connection. */
    void (*on_ready)(void *arg);
    void *arg; /* borrowed; for both */
};

/* Borrows <l>; copies <cfg>.  Returns 0; -EINVAL for a wrong n_to; -ENOMEM, -EMFILE.
 * Thread: init. */
int service_link_create(struct service_link **out, struct evloop *l,
                        const struct service_link_config *cfg);
void service_link_destroy(struct service_link *s); /* NULL is fine.  Thread: init */

/* Returns as tcpcli_send(). */
int service_link_send(struct service_link *s, int32_t msgid, const void *body,
                      size_t len);

/* The server has done its work just now, or there is none that it should do. */
void service_link_is_useful(struct service_link *s);

bool service_link_is_up(const struct service_link *s); /* it has answered hello */
bool service_link_is_first(const struct service_link *s); /* as tcpcli_is_first() */

#endif
