/* rates -- calls a second of each node, as the mean of the last seconds.  Thread: one. */
#ifndef LARS_WEB_RATES_H
#define LARS_WEB_RATES_H

#include <stdint.h>

#include "db/sqldb.h"

#define RATES_SECONDS 5               /* the mean is over so many */
#define RATES_LATE_S 3                /* rows of a second come until so much later */

struct rates;

int rates_create(struct rates **out); /* 0 or -ENOMEM */
void rates_destroy(struct rates *r);  /* NULL is fine */

/* Read the seconds that are complete now and were not read yet.  Returns 0, -ENOMEM or as
 * sqldb_run(). */
int rates_read(struct rates *r, struct sqldb *db, uint64_t now_s);

/* The last second that is read. */
uint64_t rates_until_s(const struct rates *r);

/* Call <fn> with the rates of each node that had calls in the last minute. */
typedef void rates_fn(uint32_t modid, uint32_t cmdid, uint32_t ip, uint32_t port,
                      float calls, float failed, void *arg);
void rates_each(const struct rates *r, rates_fn *fn, void *arg);

void rates_of(const struct rates *r, uint32_t modid, uint32_t cmdid, uint32_t ip,
              uint32_t port, float *calls, float *failed);

#endif
