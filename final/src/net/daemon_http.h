/* daemon_http -- one request to the HTTP port of a daemon.  Thread: one. */
#ifndef LARS_NET_DAEMON_HTTP_H
#define LARS_NET_DAEMON_HTTP_H

#include <stddef.h>

#include "base/net_addr.h"

#define DAEMON_HTTP_MAX 2000 /* bytes of an answer with its headers */

struct daemon_answer {
    int status; /* of HTTP */
    char text[DAEMON_HTTP_MAX];
    const char *body; /* in <text> */
};

/* <method> "GET", "PUT" or "POST", with <body> ("" = none).  A connect and each read wait
 * for a second at most.  Returns 0; -EPROTO when the answer is not HTTP; -EMSGSIZE when
 * it is too long; -ETIMEDOUT; -ECONNREFUSED or another -errno. */
int daemon_http_ask(const struct net_addr *at, const char *method, const char *path,
                    const char *body, struct daemon_answer *out);

#endif
