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

/* The agents that use the module, and whether they use the nodes with the checksum <sum>;
 * null when the database cannot be asked. */
json_t *api_module_agents(struct sqldb *db, uint32_t modid, uint32_t cmdid, uint64_t sum);

#endif
