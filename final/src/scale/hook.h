/* hook -- the program of an operator that runs the nodes of a module where there is no
 * lars-slotd, for example in a cluster of containers:
 *     PROGRAM list MODID/CMDID ZONE             prints the nodes (hook_list.h)
 *     PROGRAM scale MODID/CMDID ZONE N FENCE    is to make them N; may be repeated
 * Exit status 0: accepted; 75: later; 78: configuration; else failed.  Only `list` is
 * believed.  For each module and zone one program runs at a time, in a thread that waits
 * for none of them.  Thread: one at a time, unless it says otherwise. */
#ifndef LARS_SCALE_HOOK_H
#define LARS_SCALE_HOOK_H

#include "base/module_id.h"
#include "scale/hook_list.h"

#define HOOK_PLACES_MAX 256 /* modules times zones; more are refused */
#define HOOK_ZONE 33 /* bytes of a zone's name */

struct hook;

struct hook_config { /* copied, but for <program> */
    const char *program; /* its path; borrowed until hook_stop() */
    uint32_t timeout_ms; /* a program gets SIGTERM then, and SIGKILL 5 s later */
    uint32_t list_ms; /* between two lists */
    uint32_t again_ms; /* from a `scale` to its repetition while another number runs */
    uint32_t order_ms; /* an order that is not renewed lapses */
};

/* Returns 0; -ENOMEM, -EAGAIN. */
int hook_start(struct hook **out, const struct hook_config *cfg);
void hook_stop(struct hook *h); /* kills what runs; NULL is fine */

struct hook_view {
    bool known; /* a list was believed */
    uint64_t age_ms; /* of the list: since it was asked for */
    struct hook_list list;
    bool refused; /* the last `scale` was not accepted */
};

/* What the last list says.  The first look makes the lists begin; 60 s after the last one
 * they end. */
void hook_look(struct hook *h, struct module_id id, const char *zone,
               struct hook_view *out);

/* So many nodes are wanted, by the leader of this fence, which says so in each round. */
void hook_order(struct hook *h, struct module_id id, const char *zone, unsigned n,
                uint64_t fence);

void hook_forget(struct hook *h); /* all orders: another process may lead */

struct hook_stat {
    uint64_t n_failed; /* programs that were not accepted */
    unsigned n_stuck; /* places with another number than wanted for 60 s */
};

void hook_stat(struct hook *h, struct hook_stat *out); /* Thread: any */

#endif
