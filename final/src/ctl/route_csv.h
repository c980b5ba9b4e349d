/* route_csv -- reads routes from a file in the form that export writes: CSV as RFC 4180
 * has it, in UTF-8.  Values that only SQL can write, such as port 0, are read as well.
 * Messages go to standard error.  Thread: one. */
#ifndef LARS_CTL_ROUTE_CSV_H
#define LARS_CTL_ROUTE_CSV_H

#include <stdbool.h>

#include "ops/node_row.h"

/* Read the file, "-" = standard input, into <rows>, sorted; two lines of one node are
 * refused, and a file without a route is unless <may_be_empty>.  Returns an exit code of
 * larsctl after a line on standard error; the caller frees <rows> in any case. */
int route_csv_read(const char *path, struct node_rows *rows, bool may_be_empty);

#endif
