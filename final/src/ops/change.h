/* change -- what an operator wants: a list of operations on nodes, hosts, zones, names
 * and policies.  Operations on nodes are applied to rows in memory, so that the effect is
 * known before anything is written.  Pure.  Thread: any. */
#ifndef LARS_OPS_CHANGE_H
#define LARS_OPS_CHANGE_H

#include "ops/node_row.h"
#include "proto/msg_module_meta.h"

#define CHANGE_OPS_MAX 500
#define CHANGE_WHY 200 /* bytes of a sentence, with the final 0 */
#define CHANGE_NAME_CHARACTERS 255 /* of a name of a module or a command */

enum change_verb {
    CHANGE_ADD, /* a node */
    CHANGE_SET, /* fields of a node */
    CHANGE_REMOVE, /* a node */
    CHANGE_REMOVE_MODULE, /* all nodes of a module */
    CHANGE_HOST, /* the state of every node with this address */
    CHANGE_ZONE, /* a zone is drained, or returns (state up): ops/zone_change.h */
    CHANGE_NAME, /* the names of a module */
    CHANGE_POLICY, /* keys of the policy of a module */
    CHANGE_NO_POLICY, /* remove the policy of a module */
    CHANGE_CONFIRM, /* the removal of nodes that DNSService holds */
};

enum { /* which fields an operation sets */
       CHANGE_F_WEIGHT = 1,
       CHANGE_F_ZONE = 2,
       CHANGE_F_STATE = 4,
       CHANGE_F_RULE = 8,
       CHANGE_F_PROBE = 16,
       CHANGE_F_TIMEOUT_MS = 32,
       CHANGE_F_SLOW_MS = 64,
       CHANGE_F_NODE_RPS = 128,
       CHANGE_F_NODE_INFLIGHT = 256,
       CHANGE_F_TARGET_MS = 512,
};

struct change_policy { /* as the table ModulePolicy */
    char rule[MSG_MODULE_META_RULE], probe[MSG_MODULE_META_PROBE];
    uint32_t timeout_ms, slow_ms, node_rps, node_inflight, target_ms;
};

struct change_op {
    enum change_verb verb;
    unsigned fields; /* CHANGE_F_..., of <node> or <policy> */
    struct node_row node; /* what <verb> names: module, address, zone */
    struct change_policy policy;
    const char *name, *command; /* CHANGE_NAME; borrowed; NULL = stays */
};

/* Set a field of an operation from its name and value: zone, weight and state of a node;
 * rule, probe, timeout_ms, slow_ms, node_rps, node_inflight and target_ms of a policy.
 * Texts are UTF-8.  Returns 0, or -EINVAL with a sentence in <why>. */
int change_set_field(struct change_op *op, const char *key, const char *value,
                     char why[CHANGE_WHY]);

/* Set the names of an operation; one that is NULL stays.  As change_set_field(). */
int change_set_names(struct change_op *op, const char *name, const char *command,
                     char why[CHANGE_WHY]);

/* Apply the operations to the sorted rows, in their order.  <rows> holds every row of
 * every module that they name, and of every module with nodes of the hosts and zones.
 * Returns 0; -ENOMEM; -EINVAL: operation *<bad> cannot be applied, <why> has the reason,
 * and <rows> is to be freed. */
int change_apply(const struct change_op *op, size_t n, struct node_rows *rows,
                 char why[CHANGE_WHY], size_t *bad);

#endif
