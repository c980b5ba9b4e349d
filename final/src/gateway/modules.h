/* modules -- the modules that rules name.  Each has a slot, a small number, under which
 * its admission and its retry budget are kept.  A module keeps its slot, and so its
 * limits and counts, for as long as any rules that are still used name it: also when a
 * reload moves it within the file.  A slot without users can be given to another module.
 * Thread: any, except where a function names another. */
#ifndef LARS_GATEWAY_MODULES_H
#define LARS_GATEWAY_MODULES_H

#include "api/lars_retry.h"
#include "gateway/admit.h"
#include "gateway/fallback.h"
#include "gateway/rules.h"

#define MODULES_MAX                                                                      \
    (2 * RULES_MAX) /* of new rules and of those that requests in
                                           * progress still use */

struct modules;

struct modules_entry {
    unsigned slot;
    uint32_t modid, cmdid;
};

/* Borrows <a>, which has MODULES_MAX modules.  Returns 0 or -ENOMEM.  Thread: init. */
int modules_create(struct modules **out, struct admit *a);
void modules_destroy(struct modules *m); /* NULL is fine */

/* One user more of the module.  Returns its slot; -ENOBUFS when no slot is free.  A
 * module without users before begins with a full budget, a new limit and no nodes of
 * rules.  Thread: the one that calls admit_tick(). */
int modules_take(struct modules *m, uint32_t modid, uint32_t cmdid);
void modules_drop(struct modules *m, unsigned slot); /* one user less */

/* Valid while the slot has a user. */
struct lars_budget *modules_budget(struct modules *m, unsigned slot);
struct fallback *modules_fallback(struct modules *m, unsigned slot);

/* Those that have users, in the order of their slots.  Returns how many. */
unsigned modules_list(struct modules *m, struct modules_entry out[MODULES_MAX]);

#endif
