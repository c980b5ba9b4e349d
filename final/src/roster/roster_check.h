/* roster_check -- the rules that a fleet has to keep so that the loss of one zone, or of
 * one host, ends nothing:
 *   host    a zone, an address and roles; no address and no port twice; an agent where
 *           something calls services
 *   roles   db, dnsd, reportd, gateway, console, autoscaler, and nodes (slots or site) in
 *           two zones; one database for each zone
 *   quorum  arbiter: one, in a zone without a database, and no zone has half of the
 *           votes; weight: no arbiter, and heavy_zone has a database
 * Thread: any. */
#ifndef LARS_ROSTER_ROSTER_CHECK_H
#define LARS_ROSTER_ROSTER_CHECK_H

#include "roster/roster.h"

/* What the configurations hold: server_list.h, gateway_list.h. */
#define ROSTER_SERVERS_MAX 8
#define ROSTER_GATEWAYS_MAX 32

/* Add a fault for each rule that <r> breaks.  Rules between hosts are left out when a
 * value of a host was refused. */
void roster_check_all(const struct roster *r, struct roster_faults *faults);

#endif
