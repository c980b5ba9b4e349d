/* cmd_audit -- the commands that show what operators and SQL prompts changed. */
#ifndef LARS_CTL_CMD_AUDIT_H
#define LARS_CTL_CMD_AUDIT_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_audit[]; /* ends with a NULL noun */

#endif
