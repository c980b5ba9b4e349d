/* service_db -- the tables that say which processes work and what they have in force:
 * Service, AgentRoute, AgentNode, RouteHold, StreamConflict.  Time is the server's.  Each
 * call is one transaction and returns 0, or as myconn_query(); service_db_error() then
 * has the server's words.  Thread: one at a time. */
#ifndef LARS_DB_SERVICE_DB_H
#define LARS_DB_SERVICE_DB_H

#include "db/myconn.h"
#include "proto/msg_state.h"

struct service_db;

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int service_db_create(struct service_db **out, const struct myconn_config *cfg);
void service_db_close(
    struct service_db *d);            /* in the thread that used it; NULL is fine */

#define SERVICE_DB_AGENTS 64          /* messages of one transaction */

/* What each of <n> agents says in <s>, unless a later message of its stream is there.
 * <n> is from 1 to SERVICE_DB_AGENTS, and the names differ not only in their case.  A
 * message of another stream than the last one replaces everything that the agent had.
 * After a failure none of them is written, except that a COMMIT whose answer was lost may
 * have succeeded: it is harmless to repeat the messages. */
int service_db_put_agents(struct service_db *d, const struct msg_state *s, size_t n);

#define SERVICE_DB_ZONE 33            /* bytes with the final 0 */

struct service_db_self {              /* this process; words of process_name_of() */
    const char *kind, *name, *address;
    const char *zone;  /* any text shorter than SERVICE_DB_ZONE bytes */
    const char *state; /* one word; "" = all is well */
    uint64_t revision;
};

/* This process works. */
int service_db_beat(struct service_db *d, const struct service_db_self *self);

struct service_db_hold {
    uint32_t modid, cmdid, had, gone;
};

/* The modules that DNSService <dnsd> holds now; others that it held are removed. */
int service_db_put_holds(struct service_db *d, const char *dnsd,
                         const struct service_db_hold *hold, size_t n);

struct service_db_conflict {          /* digits, letters, '.', ':', '[' and ']' */
    const char *stream, *owner, *other;
};

/* The report streams that two agents send to the Report Service <reportd> now; others of
 * it are removed. */
int service_db_put_conflicts(struct service_db *d, const char *reportd,
                             const struct service_db_conflict *conflict, size_t n);

const char *service_db_error(const struct service_db *d); /* of the last failure */

#endif
