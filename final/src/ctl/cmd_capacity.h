/* cmd_capacity -- the commands about what a node of a module can do: measured, listed,
 * set, checked.  Ends with a NULL noun. */
#ifndef LARS_CTL_CMD_CAPACITY_H
#define LARS_CTL_CMD_CAPACITY_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_capacity[];

#endif
