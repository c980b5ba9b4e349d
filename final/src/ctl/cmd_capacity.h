/* cmd_capacity -- the commands about what a node of a module can do: measured, listed,
 * set, checked.  Ends with a NULL noun. */
#ifndef LARS_CTL_CMD_CAPACITY_H
#define LARS_CTL_CMD_CAPACITY_H

#include "ctl/ctl.h"
#include "ops/capacity_change.h"

extern const struct ctl_cmd cmd_capacity[];

/* Write <row> and let the policy follow; then list the module's rows.  argv[0] and [1]
 * are its numbers.  Returns an exit code. */
int cmd_capacity_write(struct ctl *c, const struct capacity_change *row, char **argv);

#endif
