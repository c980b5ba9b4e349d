/* api_module -- parts of the answer about a module that other answers have as well.
 * Thread: the connection's. */
#ifndef LARS_WEB_API_MODULE_H
#define LARS_WEB_API_MODULE_H

#include <jansson.h>

#include "db/sqldb.h"
#include "web/snap.h"
#include "web/web.h"

/* The module with its nodes, as the snapshot has it; NULL: it has no nodes. */
json_t *api_module_json(const struct snap *s, struct web *web, uint32_t modid,
                        uint32_t cmdid);

struct in_force;

/* Look at the modules of <f>: append to <lists> for each the list of the agents that use
 * it, with their states.  Returns as in_force_look(). */
int api_module_agents(struct sqldb *db, struct in_force *f, json_t *lists);

#endif
