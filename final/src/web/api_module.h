/* api_module -- parts of the answer about a module that other answers have as well.
 * Thread: the connection's. */
#ifndef LARS_WEB_API_MODULE_H
#define LARS_WEB_API_MODULE_H

#include <jansson.h>

#include "db/sqldb.h"

/* The agents that use the module, and whether they use the nodes with the checksum <sum>;
 * null when the database cannot be asked. */
json_t *api_module_agents(struct sqldb *db, uint32_t modid, uint32_t cmdid, uint64_t sum);

#endif
