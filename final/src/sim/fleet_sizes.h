/* fleet_sizes -- how many bytes the messages between agents and services have, as the
 * encoders of production pack them for a fleet of a given shape.  With the head of their
 * frame, without the heads of TCP and IP.  Thread: any. */
#ifndef LARS_SIM_FLEET_SIZES_H
#define LARS_SIM_FLEET_SIZES_H

#include <stdint.h>

#include "proto/msg_batch.h"
#include "proto/msg_state.h"

#define FLEET_ZONES 8 /* at most, as message 37 has */

struct fleet_shape {
    uint32_t modules; /* that exist, 1 and more */
    uint32_t nodes_each; /* of a module, 1 and more */
    uint32_t used; /* modules that an agent uses, 1 to MSG_STATE_MODULES */
    uint32_t zones; /* 1 to FLEET_ZONES */
    uint32_t zone_rps; /* calls a second of a module from each zone */
};

struct fleet_sizes {
    uint32_t hello, hello_reply;
    uint32_t ask; /* message 1 */
    uint32_t pages; /* messages 36 of a whole route */
    uint32_t route; /* all of them together */
    uint32_t delta; /* message 36 of one node that came and one that went */
    uint32_t meta; /* message 37 */
    uint32_t batch[MSG_BATCH_ROWS + 1]; /* message 34, by the number of its rows */
    uint32_t ack; /* message 35 */
    uint32_t state; /* message 38 when nothing has changed */
    uint32_t state_one; /* message 38 with one module that has changed */
    uint32_t state_all; /* message 38 with every module that the agent uses */
    uint32_t state_ack; /* message 39 */
};

/* Returns 0; -EINVAL for a shape outside the bounds above; -E2BIG when a route has too
 * many nodes; -ENOMEM. */
int fleet_sizes_compute(struct fleet_sizes *out, const struct fleet_shape *shape);

/* Message 34 with <n> rows, at most MSG_BATCH_ROWS, as the agents of the model send it.
 * <b> has room for them. */
void fleet_sizes_batch(struct msg_batch *b, const struct fleet_shape *shape, size_t n);
/* Message 38 of agent <agent>, with its first <modules> modules. */
void fleet_sizes_state(struct msg_state *s, const struct fleet_shape *shape,
                       uint32_t agent, uint32_t modules);

#endif
