/* cmd_fleet -- larsctl fleet check and render: the hosts of an installation, from one
 * file.  Neither needs a database or a server.  Thread: one. */
#ifndef LARS_CTL_CMD_FLEET_H
#define LARS_CTL_CMD_FLEET_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_fleet[];

#endif
