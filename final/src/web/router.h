/* router -- the one table of what the console answers: method, path, least role, where
 * its handler runs.  What is not in the table is not answered.  Constant.  Thread: any.
 * */
#ifndef LARS_WEB_ROUTER_H
#define LARS_WEB_ROUTER_H

#include <stddef.h>

#include "web/request.h"

enum route_place {                    /* where the handler runs */
    ROUTE_SNAP,                       /* the loop or a job: it reads the snapshot only */
    ROUTE_DB,                         /* a job with a connection to the database */
    ROUTE_HASH,                       /* the job that hashes passwords */
    ROUTE_STREAM,                     /* live.c; the answer has no end */
};

typedef void route_fn(struct request *q, const struct request_env *env);

/* A path is compared byte for byte: only names are decoded.  {m} and {c} are numbers of a
 * module, {id} is a number, {name*} is all of the path up to what the pattern has after
 * it, with slashes, and with %XX for any byte. */
struct route {
    const char *method, *path;
    enum session_role role;           /* SESSION_NONE: without a session */
    enum route_place place;
    route_fn *fn;                     /* NULL for ROUTE_STREAM */
};

/* The route, with the values of its path in <q>; or NULL after a 404 or 405 in the
 * reply. */
const struct route *router_find(struct request *q);

const struct route *router_at(size_t i); /* NULL after the last */

#endif
