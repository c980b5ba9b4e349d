/* cmd_plane -- the command that looks into the shared memory of this host.  Ends with a
 * NULL noun. */
#ifndef LARS_CTL_CMD_PLANE_H
#define LARS_CTL_CMD_PLANE_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_plane[];

#endif
