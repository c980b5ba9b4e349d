/* confirmdb -- asks whether the newest change of a module was confirmed by its author.
 * Only a change that would be held is asked for, so it has a connection of its own, made
 * when it is first needed.  Thread: one at a time. */
#ifndef LARS_DB_CONFIRMDB_H
#define LARS_DB_CONFIRMDB_H

#include <stdint.h>

#include "db/myconn.h"

struct confirmdb;

/* Copies <cfg>.  Returns 0 or -ENOMEM. */
int confirmdb_create(struct confirmdb **out, const struct myconn_config *cfg);
void confirmdb_close(void *confirmdb); /* in the thread that used it; NULL is fine */

/* A holds_confirmed_fn: returns 1, 0, or -ENOTCONN, -ENOENT, -EIO. */
int confirmdb_ask(void *confirmdb, uint32_t modid, uint32_t cmdid);

#endif
