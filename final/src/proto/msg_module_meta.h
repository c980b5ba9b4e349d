/* msg_module_meta -- packs and unpacks message 37, the module meta: what an agent gets of
 * a module besides its nodes, which is its policy, its probe, the load of each zone, and
 * the suspects.  Thread: any. */
#ifndef LARS_PROTO_MSG_MODULE_META_H
#define LARS_PROTO_MSG_MODULE_META_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/msg.h"

#define MSG_MODULE_META 37
#define MSG_MODULE_META_RULE 16       /* bytes of a policy's name, with the final 0 */
#define MSG_MODULE_META_PROBE 64      /* bytes of a path, with the final 0 */
#define MSG_MODULE_META_ZONES 8
#define MSG_MODULE_META_SUSPECTS 32
#define MSG_MODULE_META_ROOM 2048     /* bytes; the largest body fits */

struct msg_zone_calls {
    uint32_t zone;                    /* CRC-32 of its name */
    uint32_t per_s, failed_per_s;     /* calls per second; of these, failed */
};

struct msg_module_meta {              /* zeroed = the database has nothing for it */
    struct module_id mod;
    char rule[MSG_MODULE_META_RULE];  /* the policy; "" = the agent's configuration */
    char probe[MSG_MODULE_META_PROBE]; /* "/path": by HTTP; "echo"; "" = TCP */
    uint32_t timeout_ms;              /* of a call; 0 = the agent's configuration */
    uint32_t slow_ms;                 /* of slow start; 0 = the agent's preset */
    uint32_t node_rps;                /* calls per second that a node of weight 100 can
                                       * take; 0 = not known */
    uint32_t node_inflight;           /* calls that it can have in progress at once; 0 =
                                       * not known */
    uint32_t target_ms;               /* within which its responses have to begin; 0 = not
                                       * known */
    uint32_t n_zone, n_suspect;
    struct msg_zone_calls zone[MSG_MODULE_META_ZONES];
    struct msg_host suspect[MSG_MODULE_META_SUSPECTS]; /* weight and zone 0 */
};

/* A checksum of the policy: rule, probe and the numbers, and not what changes with the
 * load (zones, suspects).  A policy without node_inflight and target_ms has the sum that
 * versions without these fields compute.  FNV-1a, 64 bits; never 0. */
uint64_t msg_module_meta_policy_sum(const struct msg_module_meta *m);

/* A rate as zones have it: <per_s> rounded to two digits, at most UINT32_MAX. */
uint32_t msg_module_meta_rate(uint64_t per_s);

/* Can <text> be a probe: "" (TCP), the path in an HTTP request line ("/", then printable
 * ASCII), or "echo" (message 100, answered by 101)? */
bool msg_module_meta_is_probe(const char *text);

/* Write a body of at most <room> bytes.  Returns its length or -ENOBUFS. */
ssize_t msg_module_meta_pack(const struct msg_module_meta *m, void *body, size_t room);

/* Returns 0; -EBADMSG when it is no such message; -EINVAL for module 0/0, a name that is
 * too long, a probe of no known kind or a port outside 1 to 65535; -E2BIG for too many
 * zones or suspects. */
int msg_module_meta_unpack(struct msg_module_meta *out, const void *body, size_t len);

#endif
