/* web -- what the parts of the console share.  Made by console.c, borrowed by
 * handlers. */
#ifndef LARS_WEB_WEB_H
#define LARS_WEB_WEB_H

#include "web/gateways.h"
#include "web/reader.h"
#include "web/session.h"
#include "web/throttle.h"

struct web {
    struct session_cache *sessions;   /* thread: any */
    struct throttle *throttle;        /* thread: that of ROUTE_HASH */
    struct reader *reader;            /* thread: any */
    struct gateways *gateways;        /* thread: any */
    struct fleet_keys *gateway_keys;  /* of commands; NULL = none; thread: any */
};

#endif
