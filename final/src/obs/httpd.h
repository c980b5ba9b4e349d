/* httpd -- the HTTP port of a daemon, served by libmicrohttpd from the daemon's own event
 * loop, without a thread of its own and for a few connections at once.
 *     GET /metrics     the values that <collect> writes, and the process's own
 *     GET /healthz     200 "ok", or 503 and the reason that <health> returns
 *     GET /log-level   "PROGRAM LEVEL", such as "lars-dnsd info"
 *     PUT /log-level   the body is error, warn, info or debug; answered like GET.  Only
 *                      from a loopback address and not through a proxy: 403 otherwise
 * A daemon writes two functions over one struct of borrowed parts (dns_metrics.c shows
 * the form); everything else is here.  A daemon with more pages, or with commands, gives
 * a table of routes (gateway_admin.c shows the form). */
#ifndef LARS_OBS_HTTPD_H
#define LARS_OBS_HTTPD_H

#include <stddef.h>

#include "net/evloop.h"
#include "obs/metrics.h"

struct httpd;

/* A request, as a handler sees it: borrowed within the call. */
struct httpd_request {
    const char *method, *path;
    const char *body;                 /* with a 0 byte behind it */
    size_t len;
    void *connection;                 /* for httpd_field() */
};

/* The value of the request's field <name>; NULL = it has none. */
const char *httpd_field(const struct httpd_request *q, const char *name);

struct httpd_answer {
    unsigned status;
    const char *type;                 /* static; preset: text/plain */
    struct buf body;                  /* the handler appends; freed by the caller */
};

/* A handler must not wait: it runs in the daemon's loop.  <arg>: of httpd_config. */
typedef void httpd_fn(const struct httpd_request *q, struct httpd_answer *out,
                      const void *arg);

struct httpd_route {
    const char *method, *path;        /* GET answers HEAD as well; NULL ends a table */
    size_t body_max;                  /* bytes; a longer body is answered with 413 */
    httpd_fn *fn;
};

struct httpd_config {
    void (*collect)(struct metrics *m, const void *arg);
    /* NULL: the program does its work.  Else the reason why it does not, one sentence of
     * static text without a line end. */
    const char *(*health)(const void *arg);
    const void *arg;                  /* passed to all: a copy of its <arg_size> bytes */
    size_t arg_size;
    const struct httpd_route *routes; /* besides those above; NULL = none; borrowed */
    const char *key;                  /* of the configuration, for messages; borrowed
                                       * within httpd_create(); NULL = "[http] listen" */
};

/* Listen at <where>, "ADDRESS:PORT"; "" = nowhere: *out is NULL, and that is a success.
 * Copies <cfg> and its argument; what the argument points to is borrowed until
 * httpd_destroy().  Returns 0; -EINVAL when <where> is no address; -EADDRINUSE ...;
 * -ENOMEM, -EIO.  A failure is logged.  Thread: loop, or init before it runs. */
int httpd_create(struct httpd **out, struct evloop *l, const char *where,
                 const struct httpd_config *cfg);
uint16_t httpd_port(const struct httpd *h);
void httpd_destroy(struct httpd *h);  /* NULL is fine */

#endif
