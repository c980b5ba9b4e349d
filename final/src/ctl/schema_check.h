/* schema_check -- what the database lacks of the schema of this version.  Thread: one. */
#ifndef LARS_CTL_SCHEMA_CHECK_H
#define LARS_CTL_SCHEMA_CHECK_H

#include <stdbool.h>

#include "ctl/ctl.h"

#define SCHEMA_COLLATION "utf8mb4_general_ci"

/* Compare columns, keys, collations and triggers with those of this version, and try a
 * change of each kind, which is rolled back.  A line on standard error names each fault,
 * and the last line how to mend them.  Returns 0, or an exit code. */
int schema_check_run(struct ctl *c);

/* Sets <out>: a change of routes fails because the DEFINER of a trigger is unknown.
 * Returns 0 or a negative error of sqldb. */
int schema_check_definer(struct ctl *c, bool *out);

/* Prints the error <rc> of the last statement and returns an exit code.  When a right is
 * missing, the line has the GRANT statement for the user of the connection; <rights> are
 * those that the whole command needs.  <where>: printed first, or "". */
int schema_check_failed(struct ctl *c, int rc, const char *where, const char *rights);

#endif
