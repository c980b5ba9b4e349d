/* cmd_policy -- the commands about how to choose among a module's nodes, and why one is
 * chosen.  Ends with a NULL noun. */
#ifndef LARS_CTL_CMD_POLICY_H
#define LARS_CTL_CMD_POLICY_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_policy[];

#endif
