/* host_units -- what a host has beside configuration files: parts of systemd units, the
 * firewall, and the names of packages and services.  Thread: any. */
#ifndef LARS_ROSTER_HOST_UNITS_H
#define LARS_ROSTER_HOST_UNITS_H

#include "roster/host_files.h"
#include "roster/roster.h"

/* Add systemd/, firewall.nft, packages and services of <h>.  Returns 0; -ENOMEM;
 * -E2BIG. */
int host_units_add(struct host_files *f, const struct roster *r,
                   const struct roster_host *h);

#endif
