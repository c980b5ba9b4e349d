/* cmd_scale -- the commands about scaling: modules, plans, hosts with slots. */
#ifndef LARS_CTL_CMD_SCALE_H
#define LARS_CTL_CMD_SCALE_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_scale[]; /* ends with a NULL noun */

#endif
