/* slot_link -- the connections of lars-slotd: it gets the orders of this host from
 * DNSService (message 40) and tells the Report Service what runs in the slots (message
 * 41).  Both connections are kept by service_link.h.
 *
 * While there is no DNSService, or it cannot read the database, no orders arrive, and the
 * slots keep what they have.
 * Thread: the loop, unless said otherwise. */
#ifndef LARS_SLOT_SLOT_LINK_H
#define LARS_SLOT_SLOT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/evloop.h"
#include "net/tcpcli.h"
#include "net/tls_link.h"
#include "slot/slot_state.h"

struct slot_link;

/* The slot is to run a node of this module. */
struct slot_order {
    uint32_t slot; /* 1 to slot_link_config.slots */
    uint32_t modid, cmdid; /* not 0/0 */
};

/* All orders of this host, sorted by slot, each slot at most once; a slot that is not
 * named is to be empty.  They arrive on each change and every 2 s.  <fence> is the
 * highest of the orders and of the lease 'scale': orders with a lower fence than the
 * highest one that was seen come from a leader that is no longer one, and the receiver
 * refuses them.  <o> is borrowed for the call; it is NULL when <n> is 0. */
typedef void slot_link_orders_fn(uint64_t fence, const struct slot_order *o, size_t n,
                                 void *arg);

struct slot_link_config {
    const char *host; /* process_name_is_valid(), at most 63 bytes */
    const char *zone; /* at most 32 bytes; "" = in none */
    const char *address; /* IPv4 of its nodes, such as 10.0.0.1 */
    const char *class; /* at most 32 bytes; hosts of it are equally fast */
    uint32_t slots; /* 1 to SLOT_MAX */
    struct net_addr dns[TCPCLI_MAX_ADDRS]; /* DNSServices, tried in turn */
    size_t n_dns; /* 1 and more */
    struct net_addr report[TCPCLI_MAX_ADDRS]; /* Report Services, tried in turn */
    size_t n_report; /* 1 and more */
    struct tls_link *tls; /* borrowed until slot_link_destroy(); NULL = plain */
};

/* Borrows <l> and <arg>; copies <cfg> and its texts.  The connections are made in the
 * next turns of the loop.  Returns 0; -EINVAL for a value outside the bounds above;
 * -ENOMEM, -EMFILE.  Thread: init. */
int slot_link_create(struct slot_link **out, struct evloop *l,
                     const struct slot_link_config *cfg, slot_link_orders_fn *on_orders,
                     void *arg);

/* Closes both connections.  Not from <on_orders>.  NULL is fine.  Thread: init. */
void slot_link_destroy(struct slot_link *k);

/* What runs in all slots that are not empty.  It is sent at once when it differs from
 * the call before, and again each second; the last value wins.  Copies <s>.  Returns
 * 0, also while there is no connection; -EINVAL, and then nothing changes: more than
 * SLOT_MAX, a slot outside 1 to slots or named twice, module 0/0, a port outside 1 to
 * 65535, SLOT_EMPTY or an unknown state. */
int slot_link_tell(struct slot_link *k, const struct slot_status *s, size_t n);

/* The highest fence of orders that were obeyed, which the next states tell. */
void slot_link_set_fence(struct slot_link *k, uint64_t fence);

struct slot_link_stat {
    bool dns_up, report_up; /* there is a connection, and it answered hello */
    bool dns_first, report_first; /* it is to the first server, or there is none */
    uint64_t n_orders; /* lists of orders that were delivered */
    uint64_t n_bad; /* messages 40 that were refused */
    uint64_t orders_ms, acked_ms; /* mono_ms() of the last orders and of the last
                                       * state that is in the database; 0 = never */
};

void slot_link_stat(const struct slot_link *k, struct slot_link_stat *out);

#endif
