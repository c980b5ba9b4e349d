/* cmd_zone_db -- the commands about zones that change how their databases stand. */
#ifndef LARS_CTL_CMD_ZONE_DB_H
#define LARS_CTL_CMD_ZONE_DB_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_zone_db[]; /* ends with a NULL noun */

/* Print what the host of the database of a zone that was fenced has to do. */
void cmd_zone_db_print_start(const char *zone);

#endif
