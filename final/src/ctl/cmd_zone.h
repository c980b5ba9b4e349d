/* cmd_zone -- the commands about zones: which are in service, drain and return. */
#ifndef LARS_CTL_CMD_ZONE_H
#define LARS_CTL_CMD_ZONE_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_zone[]; /* ends with a NULL noun */

/* zone drain, as a part of another command.  Returns an exit code. */
int cmd_zone_drain(struct ctl *c, int argc, char **argv);

#endif
