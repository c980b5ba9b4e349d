/* The figures of a line are those on which the decision rests, so that a reader of the
 * log can check it: calls and failures of the last seconds, failures in a row and their
 * limit, mean duration, back-off, how often the node was out lately, and how much of its
 * module is out now.
 *
 * Rejected: log lines in lb/, which is pure and also runs in the simulator. */
#include "agent_data/node_log.h"

#include <stdio.h>

#include "base/log.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"

#define LOG_GAP_MS 60000

static const struct health_node *health_of(const struct node_log *l)
{
    return &l->c->node[l->nid];
}

/* Writes "modid=1 cmdid=2 node=10.0.0.1:80" into <buf>. */
static const char *name_of(const struct node_log *l, char *buf, size_t size)
{
    struct module_id m = module_table_id(l->s, l->mid);
    struct net_addr addr;
    char text[NET_ADDR_STRLEN];

    node_table_addr(l->s, l->nid, &addr);
    snprintf(buf, size, "modid=%u cmdid=%u node=%s", m.modid, m.cmdid,
             net_addr_str(&addr, text));
    return buf;
}

void node_log_out(const struct node_log *l, bool was_up)
{
    const struct health_node *h = health_of(l);
    const struct node_state *n = &h->state;
    uint32_t cost = node_state_cost(n);
    char name[100];

    LOG_INFO(was_up ? "node.out" : "node.moved",
             "%s state=\"%s\" why=\"%s\" calls=%.0f failed=%.0f in_a_row=%u limit=%u "
             "mean_us=%.0f backoff_ms=%llu times=%u out_of_module=%u/%u down=%u",
             name_of(l, name, sizeof(name)), node_state_str(cost),
             node_state_reason(cost),
             h->n, h->n_err, h->streak, l->c->eject_after, h->mean_us,
             (unsigned long long)(n->backoff_until_ms - n->changed_ms), n->n_out,
             l->c->n_out, l->c->view.n, l->c->n_down);
}

void node_log_back(const struct node_log *l, enum node_event event)
{
    char name[100];

    LOG_INFO("node.back", "%s why=\"%s\" times=%u out_of_module=%u/%u down=%u",
             name_of(l, name, sizeof(name)),
             event == NODE_EVENT_UP ? "it works again"
                                    : "no calls go to its zone, so it is not checked",
             health_of(l)->state.n_out, l->c->n_out, l->c->view.n, l->c->n_down);
}

void node_log_check(const struct node_log *l, bool ok)
{
    char name[100];

    LOG_DEBUG("node.check", "%s state=\"%s\" ok=%s", name_of(l, name, sizeof(name)),
              node_state_str(node_state_cost(&health_of(l)->state)), ok ? "yes" : "no");
}

void node_log_veto(const struct segment *s, uint32_t mid, const struct controller *c)
{
    struct module_id id = module_table_id(s, mid);

    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_DEBUG, "eject.vetoed",
              "modid=%u cmdid=%u: half of its nodes that are not down are ejected; "
              "out=%u down=%u nodes=%u",
              id.modid, id.cmdid, c->n_out, c->n_down, c->view.n);
}
