/* msg_state -- packs and unpacks messages 38 and 39: what an agent has in force, and the
 * acknowledgement, which has the shape of message 35.  Thread: any. */
#ifndef LARS_PROTO_MSG_STATE_H
#define LARS_PROTO_MSG_STATE_H

#include "proto/msg_batch.h"

enum msg_state_id {
    MSG_AGENT_STATE = 38,             /* agent -> Report Service */
    MSG_AGENT_STATE_ACK = 39,         /* Report Service -> agent; msg_batch_pack_ack() */
};

#define MSG_STATE_MODULES 500 /* of one message; with the nodes they fit a frame */
#define MSG_STATE_NODES 500
#define MSG_STATE_NAME 64             /* bytes with the final 0 */
#define MSG_STATE_ZONE 129
#define MSG_STATE_PROGRAM 16

struct msg_state_module {
    struct module_id mod;
    uint64_t version, sum, policy;    /* as message ModuleInForce */
};

enum msg_node_state { MSG_NODE_DOWN = 1, MSG_NODE_EJECTED = 2, MSG_NODE_TRIAL = 3 };

struct msg_state_node {
    struct module_id mod;
    uint32_t ip, port;
    uint32_t state;                   /* enum msg_node_state */
};

struct msg_state {
    char name[MSG_STATE_NAME], zone[MSG_STATE_ZONE], program[MSG_STATE_PROGRAM];
    uint32_t caller;
    uint8_t stream[MSG_STREAM];
    uint64_t seq;
    bool has_report;                  /* an agent of 1.1.0 does not send <report> */
    uint8_t report[MSG_STREAM];       /* report stream of its first outbox */
    size_t n_module, n_node;
    struct msg_state_module module[MSG_STATE_MODULES];
    struct msg_state_node node[MSG_STATE_NODES];
};

/* Write a body of at most <room> bytes.  Returns its length; -ENOBUFS; -E2BIG for too
 * many modules or nodes; -ENOMEM. */
ssize_t msg_state_pack(const struct msg_state *s, void *body, size_t room);

/* Returns 0; -EBADMSG when it is no such message; -EINVAL for a name or program that
 * process_name_is_valid() refuses, a zone that is too long, a stream that is not 16 bytes
 * (the report stream may be missing), seq 0, module 0/0, a port outside 1 to 65535 or a
 * state that is not in enum msg_node_state; -E2BIG. */
int msg_state_unpack(struct msg_state *out, const void *body, size_t len);

#endif
