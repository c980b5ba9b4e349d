/* msg_report -- the body of message 3: the call results of one agent for the nodes of one
 * module.  Thread: any. */
#ifndef LARS_PROTO_MSG_REPORT_H
#define LARS_PROTO_MSG_REPORT_H

#include <stdbool.h>

#include "proto/msg.h"

#define MSG_MAX_RESULTS 3850          /* accepted; all nodes of the largest route */
#define MSG_REPORT_ROOM 2000          /* sent; fit one frame at 31 bytes each */

struct msg_result {
    uint32_t ip, port;                /* host byte order; 1 to 65535 */
    uint32_t succ, err;               /* totals since the caller started */
    bool overload;
};

struct msg_report {
    struct module_id mod;
    uint32_t caller;                  /* IPv4 of the agent, host byte order */
    uint32_t ts;                      /* seconds since 1970 */
};

/* Pack a ReportStatusRequest into <body>, which has <room> bytes; FRAME_MAX_BODY is
 * enough for MSG_REPORT_ROOM results.  Returns its length; -E2BIG for more than
 * MSG_REPORT_ROOM; -ENOBUFS when it does not fit; -ENOMEM. */
ssize_t msg_report_pack(const struct msg_report *r, const struct msg_result *res,
                        size_t n, void *body, size_t room);

/* Unpack a ReportStatusRequest: at most <max> results go to <res>, their number to <n>.
 * Returns 0; -EBADMSG when <body> is none, or when memory ran out; -E2BIG when there are
 * more than <max>; -EINVAL when a port is not 1 to 65535 or the module is 0/0. */
int msg_report_unpack(struct msg_report *r, struct msg_result *res, size_t max, size_t *n,
                      const void *body, size_t len);

#endif
