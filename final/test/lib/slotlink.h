/* slotlink.h -- a host with slots, as lars-slotd is one: slot_link in a loop of
 * the test, and up to two services of each kind.  Thread: that of the test. */
#ifndef LARS_TEST_LIB_SLOTLINK_H
#define LARS_TEST_LIB_SLOTLINK_H

#include "../loop.h"
#include "slot/slot_link.h"
#include "system.h"

struct slotlink {
    struct evloop *loop;
    struct slot_link *link; /* NULL: not open */
    struct proc dnsd2, reportd2; /* pid 0: not running */
    uint64_t fence; /* of the orders that were delivered last, and */
    size_t n, n_lists, n_empty; /* how many lists, and lists without orders, came */
    struct slot_order order[SLOT_MAX];
};

extern struct slotlink sl;

/* As system_setup(), with no orders and no states in the tables. */
int slotlink_setup(void **state);
int slotlink_teardown(void **state);

/* Opens sl.link for host web1 with 8 slots, to all services that run. */
void slotlink_open(void);
void slotlink_start(void); /* one service of each kind, then slotlink_open() */
void slotlink_start_second(void); /* the second services, before slotlink_open() */

struct slot_link_stat slotlink_stat(void);

/* A row of ScaleWanted. */
void slotlink_order(const char *host, unsigned slot, unsigned modid, unsigned fence);

/* Is the <i>th order of the last list this one? */
bool slotlink_has(size_t i, uint32_t slot, uint32_t modid);

/* A node of module 20/1 that passes its check. */
struct slot_status slotlink_ready(uint32_t slot);
void slotlink_tell(const struct slot_status *s, size_t n);

/* Add " AND ..." to it. */
#define SLOTLINK_SLOTS "SELECT COUNT(*) FROM ScaleSlot WHERE host = 'web1'"

#endif
