/* msg -- the bodies of the messages, between C structs and protobuf. Everything that
 * comes in is bounded before it is unpacked: 64 KiB of hostile protobuf can unpack to 68
 * times as much.  Thread: any. */
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
};

#define MSG_MAX_HOSTS 3850            /* 17 bytes each at worst: what one frame holds */

struct msg_host {
    uint32_t ip;                      /* IPv4, host byte order */
    uint32_t port;                    /* 1 to 65535 */
    uint32_t weight, zone;            /* as struct route_node; not in base messages */
};

/* A GetRouteRequest.  Returns 0; -EBADMSG when it is not one; -EINVAL for module 0/0,
 * which does not exist; -ENOMEM. */
int msg_unpack_get_route(struct module_id *out, const void *body, size_t len);

/* Writes a GetRouteRequest into <room> bytes.  Returns its length; -ENOBUFS. */
ssize_t msg_pack_get_route(const struct module_id *m, void *body, size_t room);

/* Writes a GetRouteResponse into <room> bytes (FRAME_MAX_BODY is enough for every legal
 * one).  Returns its length; -E2BIG for more than MSG_MAX_HOSTS; -ENOBUFS; -ENOMEM. */
ssize_t msg_pack_route(const struct module_id *m, const struct msg_host *host, size_t n,
                       void *body, size_t room);

/* A GetRouteResponse.  Writes at most <max> hosts; <n> takes how many.  Returns 0;
 * -EBADMSG; -E2BIG when there are more than <max>; -EINVAL when a port is not 1 to 65535
 * or the module is 0/0; -ENOMEM. */
int msg_unpack_route(struct module_id *m, struct msg_host *host, size_t max, size_t *n,
                     const void *body, size_t len);

#endif
