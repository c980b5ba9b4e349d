/* cmd_user -- the commands about users of the console and links of wall displays. */
#ifndef LARS_CTL_CMD_USER_H
#define LARS_CTL_CMD_USER_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_user[]; /* ends with a NULL noun */

#endif
