/* cmd_front -- the commands about hosts that run gateways. */
#ifndef LARS_CTL_CMD_FRONT_H
#define LARS_CTL_CMD_FRONT_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_front[]; /* ends with a NULL noun */

#endif
