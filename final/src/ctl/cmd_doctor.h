/* cmd_doctor -- the command that checks every part of the system. */
#ifndef LARS_CTL_CMD_DOCTOR_H
#define LARS_CTL_CMD_DOCTOR_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_doctor[]; /* ends with a NULL noun */

#endif
