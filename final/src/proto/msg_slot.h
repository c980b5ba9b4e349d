/* msg_slot -- packs and unpacks messages 40 to 43: the orders of a host with slots, what
 * runs in its slots, hello of lars-slotd, and the acknowledgement of a state, which has
 * the shape of message 35.  Thread: any. */
#ifndef LARS_PROTO_MSG_SLOT_H
#define LARS_PROTO_MSG_SLOT_H

#include "proto/msg_batch.h"

enum msg_slot_id {
    MSG_SLOT_ORDERS = 40, /* DNSService -> lars-slotd */
    MSG_SLOT_STATE = 41, /* lars-slotd -> Report Service */
    MSG_SLOT_HELLO = 42, /* lars-slotd -> DNSService */
    MSG_SLOT_STATE_ACK = 43, /* Report Service -> lars-slotd;
                                       * msg_batch_pack_ack() */
};

#define MSG_SLOT_MAX 256 /* slots of a host */
#define MSG_SLOT_HOST 64 /* bytes with the final 0, as the next ones */
#define MSG_SLOT_ZONE 33
#define MSG_SLOT_ADDRESS 16 /* 255.255.255.255 */
#define MSG_SLOT_CLASS 33
#define MSG_SLOT_NOTE 128
#define MSG_SLOT_BUILD 33

struct msg_slot_host { /* who a lars-slotd works for */
    char host[MSG_SLOT_HOST]; /* process_name_is_valid() */
    char zone[MSG_SLOT_ZONE]; /* "" = in none */
    char address[MSG_SLOT_ADDRESS]; /* IPv4 of its nodes */
    char class[MSG_SLOT_CLASS];
    uint32_t slots; /* 1 to MSG_SLOT_MAX */
};

struct msg_slot_order {
    uint32_t slot; /* 1 to MSG_SLOT_MAX */
    struct module_id mod;
    uint64_t fence; /* at most that of the list */
};

struct msg_slot_orders {
    char host[MSG_SLOT_HOST];
    uint64_t fence;
    size_t n; /* at most MSG_SLOT_MAX */
    struct msg_slot_order order[MSG_SLOT_MAX]; /* each slot once, sorted */
};

enum msg_slot_node_state {
    MSG_SLOT_STARTING = 1,
    MSG_SLOT_READY = 2,
    MSG_SLOT_SICK = 3,
    MSG_SLOT_FAILED = 4,
    MSG_SLOT_STOPPING = 5,
};

struct msg_slot_node { /* what runs in a slot */
    uint32_t slot; /* 1 to slots of the host */
    struct module_id mod;
    uint32_t port; /* 1 to 65535 */
    uint32_t pid; /* 0 = there is no process */
    uint32_t state; /* enum msg_slot_node_state */
    uint32_t starts;
    uint64_t since_ms; /* how long it has been in this state */
    char note[MSG_SLOT_NOTE];
    char build[MSG_SLOT_BUILD]; /* of its program: hexadecimal digits, a to f small;
                                       * "" = not known, as from an earlier lars-slotd */
};

struct msg_slot_state {
    struct msg_slot_host of;
    uint8_t stream[MSG_STREAM];
    uint64_t seq; /* not 0 */
    uint64_t fence; /* the highest one of the orders so far; 0 = not told */
    size_t n; /* at most MSG_SLOT_MAX */
    struct msg_slot_node node[MSG_SLOT_MAX]; /* each slot once, sorted */
};

/* Write a body of at most <room> bytes.  Return its length; -ENOBUFS when <room> is too
 * small; -E2BIG for more than MSG_SLOT_MAX slots. */
ssize_t msg_slot_pack_orders(const struct msg_slot_orders *o, void *body, size_t room);
ssize_t msg_slot_pack_state(const struct msg_slot_state *s, void *body, size_t room);
ssize_t msg_slot_pack_hello(const struct msg_slot_host *h, void *body, size_t room);

/* Return 0; -EBADMSG when it is no such message; -E2BIG for too many slots; -EINVAL for a
 * value outside the bounds above, module 0/0, a text that is too long or has control
 * characters, a build with other characters than hexadecimal digits, slots that are not
 * sorted or occur twice.  <out> is undefined after a
 * failure. */
int msg_slot_unpack_orders(struct msg_slot_orders *out, const void *body, size_t len);
int msg_slot_unpack_state(struct msg_slot_state *out, const void *body, size_t len);
int msg_slot_unpack_hello(struct msg_slot_host *out, const void *body, size_t len);

/* Its address in host order; one that is not valid gives 255.255.255.255, no host's. */
uint32_t msg_slot_ip(const struct msg_slot_host *h);

/* The word of ScaleSlot.state: "starting" and so on; "unknown" for a number that is not
 * in enum msg_slot_node_state.  A static string. */
const char *msg_slot_state_name(uint32_t state);

#endif
