/* shortage_rows -- the table ScaleShortage, from which the alarm scale_stuck follows.  It
 * outlives its writer, so the next leader keeps the beginning of each row.  Thread: one
 * at a time. */
#ifndef LARS_SCALE_SHORTAGE_ROWS_H
#define LARS_SCALE_SHORTAGE_ROWS_H

#include "db/myconn.h"
#include "scale/shortage.h"

#define SHORTAGE_ROWS_MS 5000 /* rows are to be written again after so long */

/* Write a row for each shortage; those of other modules and zones go when <x> is whole,
 * else when they have not been written for a minute.  A row begins again when it was not
 * written for ALARM_SCALE_AGE, and, before it is an alarm, when more nodes are up than at
 * any time since it began.  Part of a transaction of scale_db.  Returns 0, -ENOMEM, or as
 * myconn_query(). */
int shortage_rows_write(struct myconn *con, const struct shortages *x);

#endif
