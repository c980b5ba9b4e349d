/* Each message is filled with values of the length that a fleet of this shape has, packed
 * by the encoder of production, and measured.  Nothing is a constant of this file that
 * the protocol decides: a change of the encoders changes the sizes.
 *
 * Numbers in protobuf are longer the larger they are, so values matter: addresses are in
 * 10.0.0.0/8, module ids have four digits, versions and numbers of messages are those of
 * a system that has run for months.
 *
 * Rejected: a table of sizes.  It would be right on the day on which it is typed. */
#include "sim/fleet_sizes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "net/frame.h"
#include "proto/msg_module_meta.h"
#include "proto/msg_update.h"
#include "route/routedelta.h"

#define FIRST_IP 0x0a010000u
#define FIRST_PORT 8001
#define HOST_SLOTS 100 /* nodes of a host, each with a port */
#define VERSION 2000000u /* of the routes */
#define SEQ 5000000u /* of a stream */
#define NOW_S 1790000000u

static struct module_id module_at(uint32_t i)
{
    return (struct module_id){1000 + i / 100, 1 + i % 100};
}

static struct route_node node_at(const struct fleet_shape *shape, uint32_t module,
                                 uint32_t i)
{
    uint64_t at = (uint64_t)module * shape->nodes_each + i;
    char zone[16];

    snprintf(zone, sizeof(zone), "zone-%u", i % shape->zones + 1);
    return (struct route_node){FIRST_IP + (uint32_t)(at / HOST_SLOTS),
                               (uint16_t)(FIRST_PORT + at % HOST_SLOTS), 0,
                               crc32_of(zone)};
}

/* Text and stream have their full length, and differ from agent to agent. */
static void fill_stream(uint8_t *stream, uint32_t agent)
{
    memset(stream, 0x5a, MSG_STREAM);
    memcpy(stream, &agent, sizeof(agent));
}

void fleet_sizes_batch(struct msg_batch *b, const struct fleet_shape *shape, size_t n)
{
    uint32_t each = shape->nodes_each / shape->zones + 1;
    size_t i;

    fill_stream(b->stream, 1);
    b->seq = SEQ;
    b->caller = FIRST_IP;
    b->ts = NOW_S;
    b->zone = crc32_of("zone-1");
    b->n = n;
    for (i = 0; i < n; i++) {
        uint32_t m = (uint32_t)(i / each) % shape->used;
        struct route_node node = node_at(shape, m, (uint32_t)(i % each));

        b->row[i] = (struct msg_count){module_at(m), node.ip, node.port, 1, 0, false};
    }
}

void fleet_sizes_state(struct msg_state *s, const struct fleet_shape *shape,
                       uint32_t agent, uint32_t modules)
{
    uint32_t i;

    memset(s, 0, sizeof(*s));
    snprintf(s->name, sizeof(s->name), "host-%05u/10.1.%u.%u:8888", agent, agent / 250,
             agent % 250);
    snprintf(s->zone, sizeof(s->zone), "zone-%u", agent % shape->zones + 1);
    snprintf(s->program, sizeof(s->program), "1.2.0");
    s->caller = FIRST_IP + agent;
    fill_stream(s->stream, agent);
    fill_stream(s->report, ~agent);
    s->has_report = true;
    s->seq = SEQ;
    s->n_module = modules;
    for (i = 0; i < modules; i++) {
        struct route_node node = node_at(shape, i, 0);

        s->module[i] =
            (struct msg_state_module){module_at(i), VERSION, routedelta_sum(&node, 1),
                                      routedelta_sum(&node, 1)};
    }
}

/* --- sizes -------------------------------------------------------------------------- */

struct room {
    char body[FRAME_MAX_BODY];
    struct msg_host add[MSG_UPDATE_HOSTS], gone[1];
    struct msg_state state;
    struct msg_batch *batch; /* with MSG_BATCH_ROWS rows; owned */
};

/* Adds the frame of a body of <n> bytes to <size>.  Returns 0, or <n> when it is an
 * error. */
static int add_frame(uint32_t *size, ssize_t n)
{
    if (n >= 0)
        *size += FRAME_HEAD + (uint32_t)n;
    return n < 0 ? (int)n : 0;
}

static struct msg_host host_at(const struct fleet_shape *shape, uint32_t i)
{
    struct route_node node = node_at(shape, 0, i);

    return (struct msg_host){node.ip, node.port, node.weight, node.zone};
}

static int add_route(struct fleet_sizes *out, const struct fleet_shape *shape,
                     struct room *r)
{
    struct route_node node = node_at(shape, 0, 0);
    struct msg_update head = {.mod = module_at(0),
                              .version = VERSION,
                              .sum = routedelta_sum(&node, 1)};
    uint32_t n = shape->nodes_each, at = 0, i;
    int rc = 0;

    out->pages = (n + MSG_UPDATE_HOSTS - 1) / MSG_UPDATE_HOSTS;
    if (out->pages > MSG_UPDATE_PAGES)
        return -E2BIG;
    head.pages = out->pages;
    for (head.page = 1; rc == 0 && head.page <= head.pages; head.page++) {
        head.n_add = n - at < MSG_UPDATE_HOSTS ? n - at : MSG_UPDATE_HOSTS;
        for (i = 0; i < head.n_add; i++)
            r->add[i] = host_at(shape, at + i);
        at += (uint32_t)head.n_add;
        rc = add_frame(&out->route,
                       msg_update_pack(&head, r->add, NULL, r->body, sizeof(r->body)));
    }
    return rc;
}

static int add_delta(struct fleet_sizes *out, const struct fleet_shape *shape,
                     struct room *r)
{
    struct route_node node = node_at(shape, 0, 0);
    struct msg_update head = {.mod = module_at(0),
                              .version = VERSION,
                              .sum = routedelta_sum(&node, 1),
                              .base = routedelta_sum(&node, 1),
                              .page = 1,
                              .pages = 1,
                              .n_add = 1,
                              .n_gone = 1};

    r->add[0] = r->gone[0] = host_at(shape, 0);
    return add_frame(&out->delta,
                     msg_update_pack(&head, r->add, r->gone, r->body, sizeof(r->body)));
}

/* A module whose capacity was measured, with the load of each zone and no suspect. */
static int add_meta(struct fleet_sizes *out, const struct fleet_shape *shape,
                    struct room *r)
{
    struct msg_module_meta m = {.mod = module_at(0),
                                .node_rps = 150,
                                .node_inflight = 8,
                                .target_ms = 200,
                                .n_zone = shape->zone_rps > 0 ? shape->zones : 0};
    uint32_t i;
    char zone[16];

    for (i = 0; i < m.n_zone; i++) {
        snprintf(zone, sizeof(zone), "zone-%u", i + 1);
        m.zone[i] = (struct msg_zone_calls){crc32_of(zone),
                                            msg_module_meta_rate(shape->zone_rps), 0};
    }
    return add_frame(&out->meta, msg_module_meta_pack(&m, r->body, sizeof(r->body)));
}

static int add_batches(struct fleet_sizes *out, const struct fleet_shape *shape,
                       struct room *r)
{
    size_t n;
    int rc = 0;

    for (n = 1; n <= MSG_BATCH_ROWS && rc == 0; n++) {
        fleet_sizes_batch(r->batch, shape, n);
        rc =
            add_frame(&out->batch[n], msg_batch_pack(r->batch, r->body, sizeof(r->body)));
    }
    return rc;
}

static int add_states(struct fleet_sizes *out, const struct fleet_shape *shape,
                      struct room *r)
{
    int rc;

    fleet_sizes_state(&r->state, shape, 1, 0);
    rc = add_frame(&out->state, msg_state_pack(&r->state, r->body, sizeof(r->body)));
    fleet_sizes_state(&r->state, shape, 1, 1);
    if (rc == 0)
        rc = add_frame(&out->state_one,
                       msg_state_pack(&r->state, r->body, sizeof(r->body)));
    fleet_sizes_state(&r->state, shape, 1, shape->used);
    return rc < 0 ? rc
                  : add_frame(&out->state_all,
                              msg_state_pack(&r->state, r->body, sizeof(r->body)));
}

/* Those that do not depend on the shape. */
static int add_small(struct fleet_sizes *out, struct room *r)
{
    struct module_id m = module_at(0);
    struct msg_ack ack = {.seq = SEQ};
    ssize_t n;
    int rc;

    fill_stream(ack.stream, 1);
    n = msg_batch_pack_hello(MSG_SERVICE_DNS, r->body, sizeof(r->body));
    rc = add_frame(&out->hello, n);
    if (rc == 0)
        rc = add_frame(&out->hello_reply, n); /* of the same shape */
    if (rc == 0)
        rc = add_frame(&out->ask, msg_pack_get_route(&m, r->body, sizeof(r->body)));
    n = msg_batch_pack_ack(&ack, r->body, sizeof(r->body));
    if (rc == 0)
        rc = add_frame(&out->ack, n);
    return rc < 0 ? rc : add_frame(&out->state_ack, n); /* likewise */
}

static int add_all(struct fleet_sizes *out, const struct fleet_shape *shape,
                   struct room *r)
{
    int rc = add_small(out, r);

    if (rc == 0)
        rc = add_route(out, shape, r);
    if (rc == 0)
        rc = add_delta(out, shape, r);
    if (rc == 0)
        rc = add_meta(out, shape, r);
    if (rc == 0)
        rc = add_batches(out, shape, r);
    return rc < 0 ? rc : add_states(out, shape, r);
}

int fleet_sizes_compute(struct fleet_sizes *out, const struct fleet_shape *shape)
{
    struct room *r;
    int rc = -ENOMEM;

    if (shape->modules == 0 || shape->nodes_each == 0 || shape->used == 0 ||
        shape->used > MSG_STATE_MODULES || shape->used > shape->modules ||
        shape->zones == 0 || shape->zones > FLEET_ZONES)
        return -EINVAL;
    memset(out, 0, sizeof(*out));
    r = malloc(sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->batch = malloc(sizeof(*r->batch) + MSG_BATCH_ROWS * sizeof(r->batch->row[0]));
    if (r->batch)
        rc = add_all(out, shape, r);
    free(r->batch);
    free(r);
    return rc;
}
