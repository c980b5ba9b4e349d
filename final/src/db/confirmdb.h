/* confirmdb -- asks which removals of nodes were confirmed by their authors.  Only a
 * change that would be held is asked for, so it has a connection of its own, made when it
 * is first needed.  Thread: one at a time. */
#ifndef LARS_DB_CONFIRMDB_H
#define LARS_DB_CONFIRMDB_H

#include <stdint.h>

#include "db/myconn.h"
#include "route/route.h"

struct confirmdb;

/* Copies <cfg>.  Returns 0 or -ENOMEM. */
int confirmdb_create(struct confirmdb **out, const struct myconn_config *cfg);
void confirmdb_close(void *confirmdb); /* in the thread that used it; NULL is fine */

/* A holds_confirmed_fn: how many of the <n> nodes in <gone>, sorted by address and port,
 * were removed without confirmation; or -ENOTCONN, -ENOENT, -EIO, -ENOMEM. */
int confirmdb_ask(void *confirmdb, uint32_t modid, uint32_t cmdid,
                  const struct route_node *gone, uint32_t n);

#endif
