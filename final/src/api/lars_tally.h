/* lars_tally.h -- the ended calls of a client by node, for the metrics of a program.
 *
 *     struct lars_tally *t = lars_tally_new(100);
 *     struct lars_hooks hooks = {.size = sizeof(hooks), .arg = t,
 *                                .ended = lars_tally_ended};
 *     struct lars_options opt = {.size = sizeof(opt), .hooks = &hooks};
 *
 * lars_open() with these options; then lars_tally_read() at any time.  A program that
 * does not use it pays nothing for it. */
#ifndef LARS_API_LARS_TALLY_H
#define LARS_API_LARS_TALLY_H

#include "lars_status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lars_tally;

/* The calls of one node of one module.  The numbers only grow. */
struct lars_tally_node {
    struct lars_addr addr;            /* family 0: all nodes that found no room */
    uint32_t modid, cmdid;            /* 0/0 there */
    uint64_t ended[LARS_OUTCOMES];    /* calls, by outcome; the sum is the picks */
    uint64_t took_us;                 /* of calls that ended well or failed */
};

#define LARS_TALLY_MAX 65536

/* Room for <max_nodes> nodes, from 1 to LARS_TALLY_MAX; calls of further ones are
 * counted together.  Returns NULL when <max_nodes> is out of range or memory is short. */
struct lars_tally *lars_tally_new(unsigned max_nodes);

/* The hook <ended>, with a tally as its argument; several clients may have the same.  It
 * takes no lock and makes no system call. */
void lars_tally_ended(void *tally, const struct lars_ended *e);

/* Writes at most <max> nodes to <out>, in no order, and returns how many it wrote; one
 * more than <max_nodes> is always enough.  Any thread, at any time; calls that end
 * meanwhile may be in one number and not in another.  Returns 0 for a NULL pointer. */
unsigned lars_tally_read(const struct lars_tally *t, struct lars_tally_node *out,
                         unsigned max);

/* Free the tally, after each client that has it is closed.  NULL is fine. */
void lars_tally_free(struct lars_tally *t);

#ifdef __cplusplus
}
#endif

#endif
