/* cmd_db -- schema, files of routes, doctor.  Ends with a NULL noun. */
#ifndef LARS_CTL_CMD_DB_H
#define LARS_CTL_CMD_DB_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_db[];

#endif
