/* cmd_schema -- the commands that check and bring up to date the schema. */
#ifndef LARS_CTL_CMD_SCHEMA_H
#define LARS_CTL_CMD_SCHEMA_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_schema[]; /* ends with a NULL noun */

/* Are the columns and triggers there that this version uses?  Returns 0, or an exit code
 * after a line on standard error. */
int cmd_schema_check(struct ctl *c);

#endif
