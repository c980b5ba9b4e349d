/* cmd_status -- the commands that show what happens.  Ends with a NULL noun. */
#ifndef LARS_CTL_CMD_STATUS_H
#define LARS_CTL_CMD_STATUS_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_status[];

#endif
