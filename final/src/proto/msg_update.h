/* msg_update -- packs and unpacks message 36: the nodes of a module for an agent that has
 * said hello, either all of them in pages or the difference to a former set.  Thread:
 * any. */
#ifndef LARS_PROTO_MSG_UPDATE_H
#define LARS_PROTO_MSG_UPDATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/msg.h"

#define MSG_ROUTE_UPDATE 36
#define MSG_UPDATE_HOSTS 2200         /* in one page, added and gone together: at 29 bytes
                                       * each at most, they fit a frame */
#define MSG_UPDATE_PAGES 1000

struct msg_update {
    struct module_id mod;
    uint64_t version;                 /* of the route table */
    uint64_t sum;                     /* of all nodes after it (route/routedelta.h) */
    uint64_t base;                    /* of the nodes that it changes; 0 = not a delta */
    uint32_t page, pages;             /* 1 to pages; a delta has one */
    size_t n_add, n_gone;             /* not a delta: n_gone is 0 */
};

/* Write a body of at most <room> bytes.  Returns its length; -ENOBUFS when <room> is too
 * small; -E2BIG for more than MSG_UPDATE_HOSTS; -ENOMEM. */
ssize_t msg_update_pack(const struct msg_update *m, const struct msg_host *add,
                        const struct msg_host *gone, void *body, size_t room);

/* <add> and <gone> have room for MSG_UPDATE_HOSTS each.  Returns 0; -EBADMSG when it is
 * no such message; -EINVAL for module 0/0, a port,
 * page or sum that is not allowed; -E2BIG for too many nodes. */
int msg_update_unpack(struct msg_update *out, struct msg_host *add, struct msg_host *gone,
                      const void *body, size_t len);

#endif
