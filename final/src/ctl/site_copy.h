/* site_copy -- the commands about the copies of the site that gateways keep.
 * Thread: one. */
#ifndef LARS_CTL_SITE_COPY_H
#define LARS_CTL_SITE_COPY_H

#include "ctl/ctl.h"

/* Have each gateway make a new copy, wait for the end, and print a row for each.  The
 * wait lasts SITE_COPY_MS at most; CTL_FAILED when a gateway has no new copy. */
#define SITE_COPY_MS 330000u /* a gateway gives up after 300 s */
ctl_fn site_copy_snapshot;

ctl_fn site_copy_switch; /* on or off */
ctl_fn site_copy_status;

#endif
