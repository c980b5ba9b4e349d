/* cmd_alarm -- the commands about alarms and about the processes that they watch. */
#ifndef LARS_CTL_CMD_ALARM_H
#define LARS_CTL_CMD_ALARM_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_alarm[]; /* ends with a NULL noun */

#endif
