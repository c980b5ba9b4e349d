/* hook_list -- the nodes that `HOOK list` has printed.  Pure.  Thread: any. */
#ifndef LARS_SCALE_HOOK_LIST_H
#define LARS_SCALE_HOOK_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOK_NODES_MAX 256 /* of a module in a zone */
#define HOOK_LIST_WHY 160

enum hook_node_state { HOOK_NODE_STARTING, HOOK_NODE_READY, HOOK_NODE_STOPPING };

struct hook_node {
    uint32_t ip, port; /* host byte order; 0 0 while it starts and has none */
    enum hook_node_state state;
};

struct hook_list {
    size_t n;
    struct hook_node at[HOOK_NODES_MAX];
    unsigned n_in[HOOK_NODE_STOPPING + 1]; /* of them, in each state */
};

/* <text> is lines of `ID ADDRESS PORT STATE`, one for each node, the address IPv4, the
 * state starting, ready or stopping; one that starts may have - - as address and port.
 * Returns 0; -EINVAL with the reason in <why> when one line is anything else, names an ID
 * or an address a second time or is one too many, or the last line has no end: the list
 * is not believed in part. */
int hook_list_parse(const char *text, struct hook_list *out, char why[HOOK_LIST_WHY]);

/* The node at the address, or NULL. */
const struct hook_node *hook_list_find(const struct hook_list *l, uint32_t ip,
                                       uint32_t port);

#endif
