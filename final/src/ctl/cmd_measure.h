/* cmd_measure -- the command larsctl capacity measure: loads a node until it is slow. */
#ifndef LARS_CTL_CMD_MEASURE_H
#define LARS_CTL_CMD_MEASURE_H

#include "ctl/ctl.h"

int cmd_measure_run(struct ctl *c, int argc, char **argv); /* a ctl_fn */

#endif
