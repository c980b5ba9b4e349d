/* in_force -- which agents use the nodes that the database has.  Each agent reports the
 * checksum of the nodes that it uses for each module (message 38), and the Report
 * Services write it into AgentRoute.  Thread: the connection's. */
#ifndef LARS_OPS_IN_FORCE_H
#define LARS_OPS_IN_FORCE_H

#include "db/sqldb.h"
#include "ops/node_row.h"

#define IN_FORCE_SILENT_S 6           /* an agent reports every 2 s */

enum in_force_state {
    IN_FORCE_YES,                     /* it uses the nodes of the database */
    IN_FORCE_BEHIND,                  /* it uses others */
    IN_FORCE_SILENT,                  /* what it uses is not known */
};

/* One agent that has used the module within a day. */
typedef int in_force_fn(const char *agent, enum in_force_state state, uint32_t silent_s,
                        void *arg);

/* The checksum that agents report when they use rows <from> to <to> - 1. */
uint64_t in_force_sum(const struct node_rows *rows, size_t from, size_t to);

/* Look once: call <fn> for each agent, sorted by name.  Returns 0, what <fn> returned, or
 * as sqldb_run(). */
int in_force_look(struct sqldb *db, uint32_t modid, uint32_t cmdid, uint64_t sum,
                  in_force_fn *fn, void *arg);

#endif
