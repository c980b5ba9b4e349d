/* cmd_files -- the commands that write routes to a file and read them from one. */
#ifndef LARS_CTL_CMD_FILES_H
#define LARS_CTL_CMD_FILES_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_files[]; /* ends with a NULL noun */

#endif
