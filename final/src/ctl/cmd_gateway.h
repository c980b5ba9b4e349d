/* cmd_gateway -- gateway list, drain, undrain, why. */
#ifndef LARS_CTL_CMD_GATEWAY_H
#define LARS_CTL_CMD_GATEWAY_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_gateway[];

#endif
