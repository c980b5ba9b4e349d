/* msg -- converts message bodies between C structs and protobuf.  The memory that
 * unpacking may use is limited (proto/budget.h), and every value is checked before it is
 * returned.  Thread: any. */
#ifndef LARS_PROTO_MSG_H
#define LARS_PROTO_MSG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/module_id.h"

enum msg_id {
    MSG_GET_ROUTE = 1,                /* agent -> DNSService; subscribes */
    MSG_ROUTE = 2,                    /* DNSService -> agent; reply and push */
    MSG_REPORT_STATUS = 3,            /* agent -> Report Service: msg_report.h */
    MSG_GET_HOST = 4,                 /* 4 to 8: API and agent, by UDP; msg_host.h */
    MSG_HOST = 5,
    MSG_REPORT = 6,
    MSG_API_GET_ROUTE = 7,            /* has the body of MSG_GET_ROUTE */
    MSG_API_ROUTE = 8,                /* has the body of MSG_ROUTE */
};

#define MSG_MAX_HOSTS 3850            /* fit one frame: each takes at most 17 bytes */

struct msg_host {
    uint32_t ip;                      /* IPv4, host byte order */
    uint32_t port;                    /* 1 to 65535 */
    uint32_t weight, zone;            /* as struct route_node; messages 1, 2: always 0 */
};

/* Unpack a GetRouteRequest.  Returns 0; -EBADMSG when <body> is none, or when memory ran
 * out; -EINVAL for module 0/0, which does not exist. */
int msg_unpack_get_route(struct module_id *out, const void *body, size_t len);

/* Pack a GetRouteRequest into <body>, which has <room> bytes.  Returns its length;
 * -ENOBUFS when it does not fit. */
ssize_t msg_pack_get_route(const struct module_id *m, void *body, size_t room);

/* Pack a GetRouteResponse into <body>, which has <room> bytes; FRAME_MAX_BODY is enough
 * for MSG_MAX_HOSTS hosts.  Returns its length; -E2BIG for more than MSG_MAX_HOSTS;
 * -ENOBUFS when it does not fit; -ENOMEM. */
ssize_t msg_pack_route(const struct module_id *m, const struct msg_host *host, size_t n,
                       void *body, size_t room);

/* Unpack a GetRouteResponse: at most <max> hosts go to <host>, their number to <n>.
 * Returns 0; -EBADMSG when <body> is none, or when memory ran out; -E2BIG when there are
 * more than <max> hosts; -EINVAL when a port is not 1 to 65535 or the module is 0/0. */
int msg_unpack_route(struct module_id *m, struct msg_host *host, size_t max, size_t *n,
                     const void *body, size_t len);

#endif
