/* in_force -- on which agents a change of routes is in force.  Each agent reports the
 * checksum of the nodes that it uses for each module (message 38), and the Report
 * Services write it into AgentRoute; the change is in force on an agent when that is the
 * checksum of the rows in RouteData.  Thread: the connection's. */
#ifndef LARS_OPS_IN_FORCE_H
#define LARS_OPS_IN_FORCE_H

#include <stdbool.h>

#include "db/sqldb.h"
#include "ops/audit.h"

#define IN_FORCE_SILENT_S 6 /* an agent reports every 2 s */
#define IN_FORCE_MODULES 64 /* of one change; further ones are only counted */
#define IN_FORCE_NAMES 100 /* agents without the change whose names are kept */

enum in_force_state {
    IN_FORCE_YES, /* it uses the nodes of the database */
    IN_FORCE_BEHIND, /* it uses others */
    IN_FORCE_SILENT, /* what it uses is not known: it stopped reporting */
    IN_FORCE_NOT_KNOWN, /* a caller that has never reported what it uses */
};

struct in_force_agent { /* that has used a module within a day */
    size_t module; /* the number of its module in struct in_force */
    char name[65]; /* of a caller: its address */
    enum in_force_state state;
    uint32_t silent_s; /* since its last report */
    uint64_t version; /* of the routes that it uses; 0 = not reported */
};

struct in_force_module {
    uint32_t modid, cmdid;
    uint64_t sum; /* of the nodes that are wanted */
    uint32_t n, yes, silent; /* agents that use it; n - yes - silent are behind */
    uint32_t not_known; /* callers, after in_force_find_callers() */
};

struct in_force { /* zeroed before the first in_force_add() */
    struct in_force_module module[IN_FORCE_MODULES]; /* in the order of in_force_add() */
    size_t n_module, n_more; /* watched; added, but too many to be watched */
    uint32_t n_agent; /* that report, whatever modules they use */
    uint64_t version; /* of the routes that are wanted */
    bool is_read; /* <version> and the sums are set */
    struct in_force_agent missing[IN_FORCE_NAMES]; /* those without the change */
    size_t n_missing; /* of the array; by module, then by name */
};

/* Watch a module, too; one that is watched already stays once. */
void in_force_add(struct in_force *f, uint32_t modid, uint32_t cmdid);

/* Look once at all modules.  <fn> may be NULL; it is called for each agent, by module and
 * name.  Returns 0, what <fn> returned, or as sqldb_run(). */
typedef int in_force_fn(const struct in_force_agent *agent, void *arg);
int in_force_look(struct sqldb *db, struct in_force *f, in_force_fn *fn, void *arg);

/* After a look: each agent has the change or is silent. */
bool in_force_is_settled(const struct in_force *f);

/* Look until each agent has the change or is silent, or until mono_ms() is <until_ms>.
 * Returns as sqldb_run(). */
int in_force_wait(struct sqldb *db, struct in_force *f, uint64_t until_ms);

/* Add to <missing> the callers of the last hour that no agent's reports are about.
 * Returns as sqldb_run(). */
int in_force_find_callers(struct sqldb *db, struct in_force *f);

/* "in_force", "behind", "silent", "not_known": static. */
const char *in_force_state_name(enum in_force_state state);

/* Add a row to Audit with the result <ms> milliseconds after the COMMIT: action "in
 * force"; result "done", "behind" or "silent" (the worst of all agents), or "no_agents".
 * The detail is {"ms", "modules": [{"module": "1/1", "agents", "in_force", "silent",
 * "not_known"}], "missing": [{"module", "agent", "state", "silent_s"}], "more"}; "more" =
 * modules that were not watched.  <of_id> is the row of the change.  Returns as
 * audit_add(). */
int in_force_record(struct sqldb *db, const struct audit_actor *who,
                    const struct in_force *f, const char *subject, uint64_t of_id,
                    uint64_t ms);

#endif
