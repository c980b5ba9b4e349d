/* process_name -- the name under which a process appears in the tables and in alarms:
 * HOST/ADDRESS:PORT, such as web1/127.0.0.1:8888.  The host makes it unique among hosts
 * whose processes listen on the same address.  Thread: any. */
#ifndef LARS_BASE_PROCESS_NAME_H
#define LARS_BASE_PROCESS_NAME_H

#include "base/net_addr.h"

#define PROCESS_NAME_MAX 64 /* with the final 0 */

/* The name of the process that listens on <at>.  A host name is cut after 15 characters;
 * characters that host names cannot have become '_'.  Returns <out>. */
const char *process_name_of(char out[PROCESS_NAME_MAX], const struct net_addr *at);

/* Whether <name> could come from process_name_of(): 1 to 63 letters, digits and
 * .-_/:[] */
int process_name_is_valid(const char *name);

#endif
