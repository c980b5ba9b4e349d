/* zone_db -- how the database of this zone and that of the other one stand to each other,
 * from the wsrep variables of the server that is connected: information_schema answers
 * also while the server refuses every table (error 1047).  A server without Galera is one
 * database.  Thread: the connection's; zone_db_take() and zone_db_judge() are pure. */
#ifndef LARS_DB_ZONE_DB_H
#define LARS_DB_ZONE_DB_H

#include <stdbool.h>

#include "db/sqldb.h"

#define ZONE_DB_TEXT 65 /* bytes of a name or address with its 0 */
#define ZONE_DB_PEERS 512 /* of the addresses of all members */

enum zone_db_case {
    ZONE_DB_UNKNOWN, /* it could not be asked */
    ZONE_DB_ONE, /* no Galera: one database */
    ZONE_DB_ARBITER, /* two or more databases and a vote elsewhere */
    ZONE_DB_WEIGHT, /* two rooms without an arbiter: the larger pc.weight decides */
    ZONE_DB_NO_ARBITER, /* the databases take part, the arbiter does not: it has an
                         * address in <peers>, or none of two outweighs the other */
    ZONE_DB_ALONE, /* this database is the only one that takes part */
    ZONE_DB_ISOLATED, /* it is not of the primary component: it takes no writes */
};

struct zone_db_view { /* zeroed before the first zone_db_take() */
    enum zone_db_case is;
    char node[ZONE_DB_TEXT]; /* wsrep_node_name */
    char address[ZONE_DB_TEXT]; /* wsrep_node_address; may have a port */
    char peers[ZONE_DB_PEERS]; /* "A:P,B:P" of wsrep_cluster_address */
    char state[ZONE_DB_TEXT]; /* wsrep_local_state_comment */
    uint32_t members; /* that take part, arbiters included */
    uint32_t data; /* of these, those with data */
    uint32_t configured; /* addresses in <peers> */
    uint32_t weight, own_weight; /* pc.weight, of the component and of this node */
    bool is_on, is_ready, is_primary;
};

/* A variable of the server, by its name; others are ignored. */
void zone_db_take(struct zone_db_view *v, const char *name, const char *value);
/* Set <is> from what was taken. */
void zone_db_judge(struct zone_db_view *v);

/* A connection to the first server of <cfg>, that of the own zone, and to no other; it
 * waits for a second at most.  Copies <cfg>.  Returns 0 or -ENOMEM. */
int zone_db_open(struct sqldb **out, const struct myconn_config *cfg);

/* Ask the server.  Returns 0 or as sqldb_run(), with <is> ZONE_DB_UNKNOWN. */
int zone_db_read(struct sqldb *db, struct zone_db_view *out);

/* "unknown", "one", "arbiter", "weight", "no_arbiter", "alone", "isolated": static. */
const char *zone_db_case_name(enum zone_db_case c);
/* What <is> and the weights mean, as a sentence for an operator: static. */
const char *zone_db_text(const struct zone_db_view *v);

#endif
