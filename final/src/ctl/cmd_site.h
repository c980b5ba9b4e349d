/* cmd_site -- the commands about editions of the exhibition site. */
#ifndef LARS_CTL_CMD_SITE_H
#define LARS_CTL_CMD_SITE_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_site[]; /* ends with a NULL noun */

#endif
