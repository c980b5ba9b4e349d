/* cmd_demo -- larsctl demo: what the system does when a zone is lost, on the machine of
 * the operator.  Thread: one. */
#ifndef LARS_CTL_CMD_DEMO_H
#define LARS_CTL_CMD_DEMO_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_demo[]; /* ends with a NULL noun */

#endif
