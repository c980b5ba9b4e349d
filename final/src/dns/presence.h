/* presence -- a thread that writes to the database, each second, that this DNSService
 * works, which version of the routes it serves and which modules it holds: tables Service
 * and RouteHold, from which alarms are evaluated. */
#ifndef LARS_DNS_PRESENCE_H
#define LARS_DNS_PRESENCE_H

#include "db/db.h"
#include "db/service_db.h"
#include "dns/dnspoll.h"

struct presence;

struct presence_config {
    const char *name, *address;       /* of this process, as process_name_of(); copied */
    const char *zone;                 /* at most 32 bytes, or NULL; copied */
    const struct dnspoll *poll;       /* borrowed, as the next one */
    const struct db *guard;           /* a removal_guard, or NULL */
};

/* Takes <db>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int presence_start(struct presence **out, struct service_db *db,
                   const struct presence_config *cfg);

/* Call it before dnspoll_stop().  Takes at most the database's time-out.  NULL is fine.
 * Thread: init. */
void presence_stop(struct presence *p);

#endif
