/* local_peer -- is a request from this host?  For what only its operators may change.
 * Thread: that of the connection. */
#ifndef LARS_OBS_LOCAL_PEER_H
#define LARS_OBS_LOCAL_PEER_H

#include <microhttpd.h>
#include <stdbool.h>

/* The peer has a loopback address, and no proxy has passed the request on for a client
 * that is elsewhere. */
bool local_peer_is(struct MHD_Connection *c);

#endif
