/* http_link -- a connection of a client to an HTTP server: it sends one request at a time
 * and reads its response to the end.  It waits at most its time-out, for the connection
 * and the response together.  Thread: loop. */
#ifndef LARS_LOAD_HTTP_LINK_H
#define LARS_LOAD_HTTP_LINK_H

#include "http/http_head.h"
#include "net/evloop.h"
#include "base/net_addr.h"

struct http_link;

enum http_link_result {
    HTTP_LINK_DONE,                       /* the whole response has come */
    HTTP_LINK_CONNECT,                    /* no connection */
    HTTP_LINK_RESET,                      /* it ended before the response did */
    HTTP_LINK_STALE,                      /* as RESET, but before a byte of the response
                                           * and after an earlier one: the server closed
                                           * while the request was on its way */
    HTTP_LINK_BAD,                        /* what came is no response */
    HTTP_LINK_TIMEOUT,
    HTTP_LINK_IDLE                        /* there was no request: the server closed */
};

struct http_link_owner {
    /* The head of the response; borrowed until it returns. */
    void (*on_head)(struct http_link *l, const struct http_head *h, void *arg);
    /* <open>: it can carry the next request, at once; otherwise it has been closed and
     * must not be used. */
    void (*on_done)(struct http_link *l, enum http_link_result r, bool open, void *arg);
};

/* Begin to connect.  Borrows <owner> and <arg>.  Returns 0; -EMFILE, -ENETUNREACH,
 * -ENOMEM ... */
int http_link_open(struct http_link **out, struct evloop *loop, const struct net_addr *to,
                   uint32_t timeout_ms, const struct http_link_owner *owner, void *arg);

/* Send the request for a GET with these bytes, which are copied.  Returns 0; -errno: it
 * has been closed. */
int http_link_send(struct http_link *l, const char *request, size_t len);

/* At once and without a callback. */
void http_link_close(struct http_link *l);

#endif
