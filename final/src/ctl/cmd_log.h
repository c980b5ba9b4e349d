/* cmd_log -- the command that shows and sets the log level of running daemons. */
#ifndef LARS_CTL_CMD_LOG_H
#define LARS_CTL_CMD_LOG_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_log[]; /* ends with a NULL noun */

#endif
