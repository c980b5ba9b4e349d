/* msg_host -- the bodies of messages 4, 5 and 6, between the API and the agent.
 * Thread: any. */
#ifndef LARS_PROTO_MSG_HOST_H
#define LARS_PROTO_MSG_HOST_H

#include "proto/msg.h"

enum msg_ret {                        /* retcode of message 5 */
               MSG_RET_OK = 0,
               MSG_RET_OVERLOAD = 1,  /* all nodes are overloaded: do not call */
               MSG_RET_SYSTEM = 2,    /* internal error of the agent */
               MSG_RET_NONE = 3,      /* no such module, or not known yet */
};

#define MSG_HOST_ROOM 80              /* bytes; none of the three bodies is longer */

struct msg_get_host {                 /* 4 */
    uint32_t seq;
    struct module_id mod;
};

struct msg_host_reply {               /* 5 */
    uint32_t seq;
    struct module_id mod;
    int32_t retcode;
    struct msg_host host;             /* only with MSG_RET_OK; else port 0 */
};

struct msg_call {                     /* 6 */
    struct module_id mod;
    struct msg_host host;
    int32_t retcode;                  /* 0 = the call succeeded */
    uint32_t cost_us;                 /* its duration; 0 = unknown */
};

/* Pack a message into <body>, which has <room> bytes.  Return the length; -ENOBUFS
 * when <room> is less than MSG_HOST_ROOM: the message is not measured first, because
 * that would cost as much as packing it. */
ssize_t msg_host_pack_get(const struct msg_get_host *m, void *body, size_t room);
ssize_t msg_host_pack_reply(const struct msg_host_reply *m, void *body, size_t room);
ssize_t msg_host_pack_call(const struct msg_call *m, void *body, size_t room);

/* Unpack a message.  Return 0; -EBADMSG when <body> is no such message, or when memory
 * ran out; -EINVAL for module 0/0, for a missing host or a port that is not 1 to
 * 65535, and for a retcode of message 5 that is not in enum msg_ret.  After an error
 * the fields of <m> are undefined, except that msg_host_unpack_get() has set <seq> when
 * it returns -EINVAL. */
int msg_host_unpack_get(struct msg_get_host *m, const void *body, size_t len);
int msg_host_unpack_reply(struct msg_host_reply *m, const void *body, size_t len);
int msg_host_unpack_call(struct msg_call *m, const void *body, size_t len);

#endif
