/* The table of outcome.h as code.  An outcome follows from what happened alone and not
 * from the state of a request, so that the table can be tested line by line.
 * Rejected: to count 500 as a failure.  It is what one page makes of one request; a
 * visitor who asks for it again and again would eject every node. */
#include "gateway/outcome.h"

#include <errno.h>

#include "gateway/shortage.h"

enum lars_outcome outcome_of_attempt(enum gate_attempt why, bool not_its_time)
{
    switch (why) {
    case GATE_OWN:
        return LARS_CANCELLED;
    case GATE_REJECTED:
        return LARS_REJECTED;
    case GATE_CONNECT:
    case GATE_TIMEOUT:
        return not_its_time ? LARS_CANCELLED : LARS_FAILED;
    default:
        return LARS_FAILED;
    }
}

enum lars_outcome outcome_of_head(const struct http_head *h)
{
    if (h->status < 502 || h->status > 504)
        return LARS_WELL;
    return h->status == 503 && h->at[HTTP_LARS_LOAD] ? LARS_REJECTED : LARS_FAILED;
}

enum lars_outcome outcome_of_cancel(enum lars_outcome shown)
{
    return shown == LARS_WELL ? LARS_CANCELLED : shown;
}

enum gate_attempt outcome_why(int rc, enum gate_attempt why)
{
    bool no_port = rc == -EADDRNOTAVAIL || rc == -EAGAIN; /* both of connect(2) */

    return no_port || shortage_is_error(rc) ? GATE_OWN : why;
}
