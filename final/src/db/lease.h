/* lease -- a named right in the table Lease that one process has at a time.  It ends
 * by the server's clock when it is not renewed.  Its fence grows with each process that
 * takes it from another one, or after another one: what was ordered under a lower fence
 * is out of date.  Thread: the connection's. */
#ifndef LARS_DB_LEASE_H
#define LARS_DB_LEASE_H

#include <stdint.h>

#include "db/myconn.h"

/* How long a lease is to last.  It is renewed each second, and must outlive the time in
 * which no node of a cluster takes writes because one was lost: 3.5 s, and 6.4 s with
 * Galera's own settings. */
#define LEASE_S 10

/* Take the lease <name> (a word of letters, at most 32), or keep it, for <ttl_s> seconds
 * from now.  All processes give the same <ttl_s>: a lease that ends later than that from
 * now is free.  Returns 1: <holder> has it; 0: another holder has it; as myconn_query().
 */
int lease_take(struct myconn *con, const char *name, uint64_t holder, uint32_t ttl_s);

/* The same, and *<fence> is that of the present holder, at least 1. */
int lease_take_fenced(struct myconn *con, const char *name, uint64_t holder,
                      uint32_t ttl_s, uint64_t *fence);

/* The first statements of a transaction, which the caller has begun on this connection:
 * keep the lease for <ttl_s> seconds from now, and lock its row until the transaction
 * ends.  Returns 1: <holder> has had it under <fence> without a break.  0: it has not;
 * the caller rolls the transaction back.  As myconn_query(). */
int lease_hold(struct myconn *con, const char *name, uint64_t holder, uint64_t fence,
               uint32_t ttl_s);

/* Give it back, so that another process can take it at once. */
int lease_release(struct myconn *con, const char *name, uint64_t holder);

#endif
