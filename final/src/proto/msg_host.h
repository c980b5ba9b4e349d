/* msg_host -- the bodies of messages 4, 5 and 6, between the API and its agent.
 * Thread: any. */
#ifndef LARS_PROTO_MSG_HOST_H
#define LARS_PROTO_MSG_HOST_H

#include "proto/msg.h"

enum msg_ret {                        /* retcode of message 5 */
               MSG_RET_OK = 0,
               MSG_RET_OVERLOAD = 1,  /* every node is overloaded: do not call */
               MSG_RET_SYSTEM = 2,
               MSG_RET_NONE = 3,      /* no such module, or not known yet */
};

#define MSG_HOST_ROOM 80              /* bytes: none of the three is longer */

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
    uint32_t cost_us;                 /* its duration; 0 = not said */
};

/* Write into <room> bytes.  Return the length; -ENOBUFS when it is less than
 * MSG_HOST_ROOM: to measure the message first would cost as much as to write it. */
ssize_t msg_host_pack_get(const struct msg_get_host *m, void *body, size_t room);
ssize_t msg_host_pack_reply(const struct msg_host_reply *m, void *body, size_t room);
ssize_t msg_host_pack_call(const struct msg_call *m, void *body, size_t room);

/* Return 0; -EBADMSG when it is no such message; -EINVAL for module 0/0, a port that is
 * not 1 to 65535 where a host belongs, a retcode that is none of the four (5). */
int msg_host_unpack_get(struct msg_get_host *m, const void *body, size_t len);
int msg_host_unpack_reply(struct msg_host_reply *m, const void *body, size_t len);
int msg_host_unpack_call(struct msg_call *m, const void *body, size_t len);

#endif
