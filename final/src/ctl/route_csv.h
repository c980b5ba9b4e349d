/* route_csv -- reads routes from a file in the form that export writes: CSV as RFC 4180
 * has it, in UTF-8.  Values that only SQL can write, such as port 0, are read as well.
 * Messages go to standard error.  Thread: one. */
#ifndef LARS_CTL_ROUTE_CSV_H
#define LARS_CTL_ROUTE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One node of one module: a line of the file, or a row of the database.  The texts have
 * room for all characters of their columns. */
struct route_csv_row {
    uint32_t modid, cmdid, ip, port, weight;
    unsigned number; /* of the line; or the id of the row */
    char zone[32 * 4 + 1], state[16 * 4 + 1];
};

struct route_csv {
    struct route_csv_row *at;
    size_t n, cap;
};

/* Append a copy of <r>.  Returns 0 or -ENOMEM. */
int route_csv_add(struct route_csv *rows, const struct route_csv_row *r);
void route_csv_free(struct route_csv *rows);

/* By module, then by node: below, equal or above 0. */
int route_csv_cmp(const struct route_csv_row *a, const struct route_csv_row *b);

/* Read the file, "-" = standard input, into <rows>, sorted; two lines of one node are
 * refused, and a file without a route is unless <may_be_empty>.  Returns an exit code of
 * larsctl after a line on standard error; the caller frees <rows> in any case. */
int route_csv_read(const char *path, struct route_csv *rows, bool may_be_empty);

#endif
