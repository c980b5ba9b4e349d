/* plan -- the effect of a change, before it is made: which nodes are added, removed and
 * changed, how many are left in service in each module and zone, how much of the calls
 * the removed ones carry, and whether the operator must consent.  Pure.  Thread: any. */
#ifndef LARS_OPS_PLAN_H
#define LARS_OPS_PLAN_H

#include "ops/node_row.h"

enum {                                /* what an operator should see before */
    PLAN_NONE_LEFT = 1,               /* the module has no node in service afterwards */
    PLAN_MOST_GONE = 2,               /* more than half of its nodes leave service */
    PLAN_ZONE_EMPTY = 4,              /* a zone has none in service afterwards */
    PLAN_OVERLOAD = 8,                /* the rest can take less than the calls of now */
    PLAN_ALL_OUT = 16,                /* agents give no calls to any node of the rest */
};

enum plan_consent {                   /* needed, or given */
    PLAN_NO_CONSENT,
    PLAN_YES,
    PLAN_REMOVE_ALL,                  /* no module has a node in service afterwards; or a
                                       * zone is drained whose calls the rest cannot
                                       * take.  A person gives it by typing a name */
};

struct plan_module {
    uint32_t modid, cmdid;
    uint64_t base;                    /* node_row_sum() before */
    uint32_t had, gone, left;         /* nodes in service before; those of them that are
                                       * not afterwards; nodes in service afterwards */
    uint32_t out;                     /* of those left: an agent gives them no calls */
    unsigned warnings;                /* PLAN_... */
    uint64_t calls, calls_gone;       /* of the last minute; of the nodes that go */
    uint64_t capacity;                /* calls/s of the rest; 0 = not known */
};

struct plan_zone {                    /* of one module */
    uint32_t modid, cmdid;
    uint32_t had, left;
    char zone[NODE_ROW_ZONE * 4 + 1];
};

struct plan_load {                    /* calls of a node in the last minute */
    uint32_t modid, cmdid, ip, port;
    uint64_t calls;
};

struct plan {
    struct node_rows before, after;   /* all rows of the modules; owned */
    struct plan_module *module;       /* those with a difference, sorted */
    size_t n_module;
    struct plan_zone *zone;           /* of these modules, sorted */
    size_t n_zone;
    uint32_t added, removed, changed; /* rows */
    uint32_t drained;                 /* changed rows that leave service */
    uint32_t had, gone, left;         /* in service, of all modules of the plan */
    uint64_t rest;                    /* in service afterwards in the whole database,
                                       * other modules included; without added ones */
    bool many_of_all;                 /* 30 % or more of all nodes leave service */
    enum plan_consent needs;
    uint64_t hash;                    /* of before and after */
};

/* Compare sorted <before> with sorted <after>.  <total> = nodes in service
 * in the whole database before.  Both are moved into <p>, which is zeroed and is to be
 * freed in any case.  Returns 0 or -ENOMEM. */
int plan_make(struct plan *p, struct node_rows *before, struct node_rows *after,
              uint64_t total);

/* Add what the nodes of the plan carried in the last minute. */
void plan_add_load(struct plan *p, const struct plan_load *load);
/* An agent gives this node no calls.  Once for each node. */
void plan_add_out(struct plan *p, uint32_t modid, uint32_t cmdid, uint32_t ip,
                  uint32_t port);
/* A node of weight 100 of this module takes <node_rps> calls/s. */
void plan_set_capacity(struct plan *p, uint32_t modid, uint32_t cmdid, uint32_t node_rps);

void plan_free(struct plan *p);

/* Call <fn> for each row that differs, in order; <old> or <fresh> is NULL when the row is
 * added or removed.  A result other than 0 ends the loop and is returned. */
typedef int plan_row_fn(const struct node_row *old, const struct node_row *fresh,
                        void *arg);
int plan_each(const struct plan *p, plan_row_fn *fn, void *arg);

/* The checksum of a module's rows, which names the state that a change is based on. */
uint64_t plan_sum(const struct node_rows *rows, uint32_t modid, uint32_t cmdid);

/* A text that the effect depends on becomes a part of the hash. */
void plan_mix(struct plan *p, const char *text);

/* The module of the plan, or NULL. */
const struct plan_module *plan_find(const struct plan *p, uint32_t modid, uint32_t cmdid);

#endif
