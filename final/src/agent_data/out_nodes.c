/* The one place that turns what the ejector has into the states of message 38. */
#include "agent_data/out_nodes.h"

#include "base/ipv4.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"

struct list {
    const struct segment *s;
    struct msg_state_node *out;
    size_t n, max;
};

static void add_node(uint32_t mid, uint32_t nid, enum node_status status, void *arg)
{
    uint32_t state = status == NODE_STATUS_DOWN    ? MSG_NODE_DOWN
                     : status == NODE_STATUS_TRIAL ? MSG_NODE_TRIAL
                                                   : MSG_NODE_EJECTED;
    struct list *l = arg;
    struct net_addr a;

    node_table_addr(l->s, nid, &a);
    if (l->n == l->max || a.family == 0 || a.port == 0)
        return;
    l->out[l->n++] = (struct msg_state_node){module_table_id(l->s, mid), ipv4_of(&a),
                                             a.port, state};
}

size_t out_nodes_list(struct ejector *e, const struct segment *s,
                      struct msg_state_node *out, size_t max)
{
    struct list l = {s, out, 0, max};

    ejector_each_out(e, add_node, &l);
    return l.n;
}
