/* cmd_fleet_run -- larsctl fleet install, status, upgrade and so on: what is done at the
 * hosts of an installation, over ssh.  The work is running other programs, so it is a
 * shell program, deploy/fleet/lars-fleet, which takes the place of larsctl.  Thread: one.
 */
#ifndef LARS_CTL_CMD_FLEET_RUN_H
#define LARS_CTL_CMD_FLEET_RUN_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_fleet_run[]; /* ends with a NULL noun */

#endif
