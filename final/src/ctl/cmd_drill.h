/* cmd_drill -- larsctl drill: rehearsals of a busy day.  Thread: one. */
#ifndef LARS_CTL_CMD_DRILL_H
#define LARS_CTL_CMD_DRILL_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_drill[]; /* ends with a NULL noun */

#endif
