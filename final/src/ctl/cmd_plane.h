/* cmd_plane -- the command that looks into the shared memory of this host.  Ends with a
 * NULL noun. */
#ifndef LARS_CTL_CMD_PLANE_H
#define LARS_CTL_CMD_PLANE_H

#include "ctl/ctl.h"

extern const struct ctl_cmd cmd_plane[];

/* Say how the callers of this host would choose now, in a line or two; nothing where
 * there is no shared memory.  <dir>: the agent's folder; NULL: /run/lars. */
void cmd_plane_say(const char *dir, uint32_t modid, uint32_t cmdid);

#endif
