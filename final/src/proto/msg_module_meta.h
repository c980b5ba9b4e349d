/* msg_module_meta -- message 37: what there is to know of a module besides its nodes:
 * how to choose among them, how many calls each zone makes, which nodes others have
 * taken out. Thread: any. */
#ifndef LARS_PROTO_MSG_MODULE_META_H
#define LARS_PROTO_MSG_MODULE_META_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/msg.h"

#define MSG_MODULE_META 37
#define MSG_MODULE_META_RULE 16              /* bytes of a rule's name, with its end */
#define MSG_MODULE_META_PROBE 64             /* of a path, with its end */
#define MSG_MODULE_META_ZONES 8
#define MSG_MODULE_META_SUSPECTS 32
#define MSG_MODULE_META_ROOM 2048            /* enough for any */

struct msg_zone_calls {
    uint32_t zone;                    /* CRC-32 of its name */
    uint32_t per_s, failed_per_s;
};

struct msg_module_meta {                     /* zeroed = nobody said anything */
    struct module_id mod;
    char rule[MSG_MODULE_META_RULE];         /* "" = the agent's own */
    char probe[MSG_MODULE_META_PROBE];       /* "/path": by HTTP; "" = by TCP */
    uint32_t timeout_ms, slow_ms;     /* 0 = the agent's own */
    uint32_t node_rps;                /* of a node of weight 100; 0 = not known */
    uint32_t n_zone, n_suspect;
    struct msg_zone_calls zone[MSG_MODULE_META_ZONES];
    struct msg_host suspect[MSG_MODULE_META_SUSPECTS]; /* weight and zone 0 */
};

/* Is it a path that may be sent in a line of HTTP: "/", then printable ASCII? */
bool msg_module_meta_is_path(const char *text);

/* Write into <room> bytes.  Returns the length; -ENOBUFS. */
ssize_t msg_module_meta_pack(const struct msg_module_meta *m, void *body, size_t room);

/* Returns 0; -EBADMSG; -EINVAL: module 0/0, a name that is too long, a probe that is no
 * path, a bad port; -E2BIG: too many zones or nodes. */
int msg_module_meta_unpack(struct msg_module_meta *out, const void *body, size_t len);

#endif
