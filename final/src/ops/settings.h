/* settings -- what a module has besides its nodes and an operator can change: its names
 * (ModIDConfig, CmdIDConfig) and its policy (ModulePolicy).  Thread: the connection's. */
#ifndef LARS_OPS_SETTINGS_H
#define LARS_OPS_SETTINGS_H

#include "db/sqldb.h"
#include "ops/change.h"

/* One value of one module that a change replaces. */
struct settings_row {
    uint32_t modid, cmdid;
    const char *key;                  /* "module", "command", "rule" ...; static */
    char old[CHANGE_NAME_CHARACTERS * 4 + 1], fresh[CHANGE_NAME_CHARACTERS * 4 + 1];
};

struct settings {                     /* zeroed = none */
    struct settings_row *at;          /* owned */
    size_t n, cap;
};

/* Append what operation <op> changes, with the values of the database; values that stay
 * are left out.  <lock>: the rows stay locked until the transaction ends.  Operations on
 * nodes change none.  Returns 0, -ENOMEM or as sqldb_run(). */
int settings_read(struct sqldb *db, const struct change_op *op, bool lock,
                  struct settings *out);

/* Write what operation <op> changes, in the open transaction; <who> is the operator. */
int settings_write(struct sqldb *db, const struct change_op *op, const char *who);

void settings_free(struct settings *s);

#endif
