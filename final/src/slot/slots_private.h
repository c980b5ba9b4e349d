/* slots_private -- a slot, and all of them, as slots.c and slot_step.c see them. */
#ifndef LARS_SLOT_SLOTS_PRIVATE_H
#define LARS_SLOT_SLOTS_PRIVATE_H

#include <limits.h>

#include "base/backoff.h"
#include "base/rnd.h"
#include "net/probe.h"
#include "slot/child.h"
#include "slot/orders_file.h"
#include "slot/program_build.h"
#include "slot/slots.h"

struct slot {
    struct slots *all;
    uint32_t nth;
    struct child *child;
    struct module_id wanted; /* 0/0 = none */
    struct evtimer timer;
    enum slot_state state;
    uint64_t since_ms; /* of the state */
    uint32_t starts;
    char note[SLOT_NOTE];
    struct backoff backoff;
    uint64_t retry_ms; /* no start before */
    uint64_t held_ms; /* not known to be free since then; 0 = it is */
    uint64_t kill_ms; /* it has got SIGTERM, and SIGKILL is due then; 0 = no */
    uint64_t ready_ms; /* since then, with times when it was sick */
    uint64_t probe; /* of its check that runs; 0 = none does */
    unsigned n_bad; /* checks that failed in a row */
    char build[PROGRAM_BUILD]; /* of its process; "" = not known */
    int build_rc; /* why; 0 or -errno */
};

struct slots {
    struct slots_config cfg;
    struct slot_modules *modules;
    struct probe *prober;
    struct program_build *builds;
    struct rnd rnd;
    struct evloop_call changed;
    struct orders_file orders; /* the last ones */
    bool is_known; /* they came since the program began */
    uint64_t created_ms, n_probes;
    char orders_path[PATH_MAX];
    struct slots_stat stat;
    uint32_t n; /* cfg.n, and those of earlier times above it */
    struct slot slot[SLOT_MAX];
};

static inline bool slots_is_module(struct module_id id)
{
    return (id.modid | id.cmdid) != 0;
}

static inline bool slots_is_same(struct module_id a, struct module_id b)
{
    return a.modid == b.modid && a.cmdid == b.cmdid;
}

#endif
