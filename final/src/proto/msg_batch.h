/* msg_batch -- packs and unpacks messages 32 to 35: hello, and reports that are
 * acknowledged.  Thread: any. */
#ifndef LARS_PROTO_MSG_BATCH_H
#define LARS_PROTO_MSG_BATCH_H

#include <stdbool.h>

#include "proto/msg.h"

enum msg_batch_id {
    MSG_HELLO = 32,
    MSG_HELLO_REPLY = 33,
    MSG_REPORT_BATCH = 34,            /* agent -> Report Service */
    MSG_REPORT_ACK = 35,              /* Report Service -> agent */
};

/* The kind of a service, in hello.  Versions up to 1.1 do not tell theirs. */
enum msg_service {
    MSG_SERVICE_NOT_TOLD = 0,
    MSG_SERVICE_DNS = 1,
    MSG_SERVICE_REPORT = 2
};

#define MSG_VERSION 1
#define MSG_STREAM 16                 /* bytes of a stream's name */
/* A row with this ip counts durations instead of a node's calls: its port is a bucket of
 * base/latency.h, its succ the number of the module's calls that fell into it. */
#define MSG_LATENCY_IP 0u
#define MSG_BATCH_ROWS 900            /* in one batch; 68 bytes each fit a frame */

struct msg_count {                    /* calls of a node since the batch before */
    struct module_id mod;
    uint32_t ip, port;
    uint64_t succ, err;
    bool overload;
};

struct msg_batch {
    uint8_t stream[MSG_STREAM];
    uint64_t seq;                     /* 1, 2, 3 ... within the stream */
    uint32_t caller, ts;
    uint32_t zone;                    /* the agent's: CRC-32 of its name; 0 = none */
    size_t n;
    struct msg_count row[];
};

struct msg_ack {
    uint8_t stream[MSG_STREAM];
    uint64_t seq;
};

/* Write a body of at most <room> bytes.  Return its length; -ENOBUFS when <room> is too
 * small; msg_batch_pack() also -E2BIG for more than MSG_BATCH_ROWS, -ENOMEM. */
/* 32 and 33.  <service>: in 32 the one that the sender wants, in 33 the one that
 * answers. */
ssize_t msg_batch_pack_hello(enum msg_service service, void *body, size_t room);
ssize_t msg_batch_pack(const struct msg_batch *b, void *body, size_t room);
ssize_t msg_batch_pack_ack(const struct msg_ack *a, void *body, size_t room);

/* Return 0; -EBADMSG when it is no such message; -EINVAL for a version or seq of 0, a
 * stream that is not 16 bytes, module 0/0 or a port outside 1 to 65535; -E2BIG for too
 * many rows; -ENOMEM. */
int msg_batch_unpack_hello(uint32_t *version, enum msg_service *service, const void *body,
                           size_t len); /* *service: as enum msg_service has it */
int msg_batch_unpack(struct msg_batch **out, const void *body, size_t len); /* free() */
int msg_batch_unpack_ack(struct msg_ack *a, const void *body, size_t len);

#endif
