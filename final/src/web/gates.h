/* gates -- what is checked of a request before its handler runs.  Each returns false
 * after a refusal in the reply, gates_host() without one.  Thread: gates_header(),
 * gates_page() and gates_token() the loop's; the others any. */
#ifndef LARS_WEB_GATES_H
#define LARS_WEB_GATES_H

#include "web/request.h"

const char *gates_header(struct request *q, const char *name); /* "" = none */

/* Is the host of the header Host one of the names in <hosts>, with blanks between? */
bool gates_host(const char *hosts, const char *host);

/* Does a request that changes something come from a page of ours? */
bool gates_page(struct request *q);

void gates_token(struct request *q); /* from the cookie */

/* Is there a session, and is its role enough for the route? */
bool gates_role(struct request *q);

#endif
