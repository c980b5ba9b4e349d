/* measure_rows -- the table ScaleMeasure, as the autoscaler reads and writes it.  Each
 * call is part of a transaction of scale_db.  Returns 0, -ENOMEM, or as myconn_query().
 * Thread: one at a time. */
#ifndef LARS_SCALE_MEASURE_ROWS_H
#define LARS_SCALE_MEASURE_ROWS_H

#include "db/myconn.h"
#include "scale/measures.h"

/* Appends to out->measure; the hosts are read before. */
int measure_rows_read(struct myconn *con, struct snapshot *out);

/* A row that larsctl has ended or renewed since the snapshot is looked at again in the
 * next round. */
int measure_rows_write(struct myconn *con, const struct snapshot *s,
                       const struct measures_changes *c, uint64_t fence);

#endif
