/* status -- which way the calls of a client take, and why: for lars_status() and for the
 * log hook.  Thread: any. */
#ifndef LARS_API_STATUS_H
#define LARS_API_STATUS_H

#include "api/client.h"

/* lars_status(), of an open client. */
void status_read(struct lars_client *c, struct lars_status *out);

/* A call takes <path>, which is not the one that the log hook received last: calls the
 * hook, unless it was called within the last second.  The client has a log hook. */
void status_log_path(struct lars_client *c, enum lars_path path);

#endif
