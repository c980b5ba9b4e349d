/* cmd_route -- the commands that read and change routes.  Ends with a NULL noun. */
#ifndef LARS_CTL_CMD_ROUTE_H
#define LARS_CTL_CMD_ROUTE_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_route[];

#endif
