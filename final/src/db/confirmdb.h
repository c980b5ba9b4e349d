/* confirmdb -- was the newest change of a module confirmed by who made it?  Asked only
 * for what would be held.  Connects when asked.  Thread: one at a time. */
#ifndef LARS_DB_CONFIRMDB_H
#define LARS_DB_CONFIRMDB_H

#include <stdint.h>

#include "db/myconn.h"

struct confirmdb;

/* Copies <cfg>.  Returns 0 or -ENOMEM. */
int confirmdb_create(struct confirmdb **out, const struct myconn_config *cfg);
void confirmdb_close(void *confirmdb); /* in the thread that used it; NULL is fine */

/* 1, 0, or -ENOTCONN, -ENOENT, -EIO.  A holds_confirmed_fn. */
int confirmdb_ask(void *confirmdb, uint32_t modid, uint32_t cmdid);

#endif
