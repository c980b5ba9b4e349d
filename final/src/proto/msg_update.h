/* msg_update -- message 36: a module's nodes for an agent that has said hello, whole, in
 * pages, or as what changed.  Thread: any. */
#ifndef LARS_PROTO_MSG_UPDATE_H
#define LARS_PROTO_MSG_UPDATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/msg.h"

#define MSG_ROUTE_UPDATE 36
#define MSG_UPDATE_HOSTS 2200         /* of one page, added and gone together: 29 bytes
                                       * each at worst */
#define MSG_UPDATE_PAGES 1000

struct msg_update {
    struct module_id mod;
    uint64_t version;                 /* of the routes that it belongs to */
    uint64_t sum;                     /* of all nodes after it, see route/routedelta.h */
    uint64_t base;                    /* 0 = whole; else the sum of what it changes */
    uint32_t page, pages;             /* 1 to pages; a delta has one */
    size_t n_add, n_gone;             /* whole: n_add nodes of this page, none gone */
};

/* Write into <room> bytes.  Returns the length; -ENOBUFS, -E2BIG, -ENOMEM. */
ssize_t msg_update_pack(const struct msg_update *m, const struct msg_host *add,
                        const struct msg_host *gone, void *body, size_t room);

/* <add> and <gone> have room for MSG_UPDATE_HOSTS each.  Returns 0; -EBADMSG when it is
 * no such message; -EINVAL for module 0/0, a bad port, page or sum; -E2BIG. */
int msg_update_unpack(struct msg_update *out, struct msg_host *add, struct msg_host *gone,
                      const void *body, size_t len);

#endif
