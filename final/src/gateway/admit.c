/* One line of shared counters for each module.  A loop enters with a compare-and-swap, so
 * that the limit is never exceeded, and everything else is an addition.  The counts of a
 * second are taken by admit_tick(), the only writer of the limit.
 *
 * Invariant: <inflight> is the number of admit_enter() that returned true and were not
 * followed by admit_leave() yet.
 * Rejected: a limit for each loop.  Loops get unequal parts of the connections, so a loop
 * would refuse visitors while another one has room. */
#include "gateway/admit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTH 0.2 /* weight of the last second in the expected wait */

struct module {
    _Alignas(64) _Atomic uint32_t inflight;
    _Atomic uint32_t limit, limit_new;
    _Atomic uint32_t half_us; /* half of the target */
    _Atomic uint64_t first_bytes, over_half, over_target; /* in this second */
    _Atomic bool limit_reached;
    _Atomic uint32_t n_refused, n_entered; /* in this second; those not inside */
    _Atomic uint64_t refused[ADMIT_CLASSES];
    _Atomic uint64_t seen_ms[ADMIT_STATES];
    _Atomic uint32_t refresh_s, wait_s, permille;
    _Atomic uint32_t n_waiting; /* in the queues of the loops */
    _Atomic uint32_t n_held; /* admit_hold() without admit_release() */
    _Atomic uint32_t nodes_in, share_permille; /* copies of the capacity, to be shown */
    _Atomic bool measured;
    /* of the thread that calls admit_tick() */
    struct admit_capacity capacity;
    double factor, refused_rate, entered_rate;
};

const char *const admit_class_name[ADMIT_CLASSES] = {[ADMIT_CLASS_NEW] = "new",
                                                     [ADMIT_CLASS_WAITING] = "waiting",
                                                     [ADMIT_CLASS_INSIDE] = "inside"};

struct admit {
    struct admit_config cfg;
    _Atomic uint64_t refused_before[ADMIT_CLASSES]; /* of modules that were reset */
    struct module m[];
};

static uint32_t get(const _Atomic uint32_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

static void set(_Atomic uint32_t *n, uint32_t value)
{
    atomic_store_explicit(n, value, memory_order_relaxed);
}

static void add(_Atomic uint64_t *n)
{
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static void add_small(_Atomic uint32_t *n)
{
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static void publish(struct admit *a, struct module *m)
{
    uint32_t target = m->capacity.target_ms ? m->capacity.target_ms : ADMIT_TARGET_MS;
    uint32_t limit = admit_rule_limit(&m->capacity, a->cfg.unmeasured, m->factor);

    set(&m->limit, limit);
    set(&m->limit_new, admit_rule_limit_new(limit, a->cfg.reserve_percent));
    set(&m->half_us, target > 4000000 ? 2000000000 : target * 500);
    set(&m->permille, (uint32_t)(m->factor * 1000 + 0.5));
    set(&m->nodes_in, m->capacity.nodes_in);
    set(&m->share_permille, (uint32_t)(m->capacity.share * 1000 + 0.5));
    atomic_store_explicit(&m->measured, m->capacity.inflight > 0, memory_order_relaxed);
}

int admit_create(struct admit **out, const struct admit_config *c)
{
    size_t size = sizeof(struct admit) + c->n_modules * sizeof(struct module);
    struct admit *a = aligned_alloc(64, (size + 63) / 64 * 64);
    unsigned i;

    if (!a)
        return -ENOMEM;
    memset(a, 0, sizeof(*a));
    a->cfg = *c;
    for (i = 0; i < c->n_modules; i++) {
        a->m[i] = (struct module){.capacity = {.share = 1}, .factor = 1};
        set(&a->m[i].refresh_s, ADMIT_REFRESH_MIN_S);
        publish(a, &a->m[i]);
    }
    *out = a;
    return 0;
}

void admit_destroy(struct admit *a)
{
    free(a);
}

void admit_set_capacity(struct admit *a, unsigned module, const struct admit_capacity *c)
{
    a->m[module].capacity = *c;
    publish(a, &a->m[module]);
}

void admit_reset(struct admit *a, unsigned module)
{
    struct module *m = &a->m[module];
    unsigned i;

    for (i = 0; i < ADMIT_CLASSES; i++)
        atomic_fetch_add(&a->refused_before[i], atomic_exchange(&m->refused[i], 0));
    for (i = 0; i < ADMIT_STATES; i++)
        atomic_store(&m->seen_ms[i], 0);
    m->first_bytes = m->over_half = m->over_target = 0;
    m->limit_reached = false;
    m->n_refused = m->n_entered = m->wait_s = 0;
    m->refresh_s = ADMIT_REFRESH_MIN_S;
    m->capacity = (struct admit_capacity){.share = 1};
    m->factor = 1;
    m->refused_rate = m->entered_rate = 0;
    publish(a, m);
}

/* --- once a second ------------------------------------------------------------------ */

static uint32_t whole(double seconds)
{
    return seconds > 86400 ? 86400 : (uint32_t)seconds;
}

/* A refused visitor comes back after refresh_s, so about refused_rate * refresh_s of them
 * wait, and entered_rate of them get in each second. */
static void tick_waiting(struct admit *a, struct module *m)
{
    double refused = atomic_exchange(&m->n_refused, 0);
    double entered = atomic_exchange(&m->n_entered, 0);
    uint32_t refresh;

    m->refused_rate += SMOOTH * (refused - m->refused_rate);
    m->entered_rate += SMOOTH * (entered - m->entered_rate);
    refresh =
        admit_rule_refresh_s(get(&m->refresh_s), m->refused_rate, a->cfg.affordable);
    set(&m->refresh_s, refresh);
    set(&m->wait_s, whole(m->refused_rate * refresh /
                          (m->entered_rate > 0.1 ? m->entered_rate : 0.1)));
}

void admit_tick(struct admit *a)
{
    unsigned i;

    for (i = 0; i < a->cfg.n_modules; i++) {
        struct module *m = &a->m[i];
        struct admit_seen seen = {.first_bytes = atomic_exchange(&m->first_bytes, 0),
                                  .over_target = atomic_exchange(&m->over_target, 0),
                                  .over_half = atomic_exchange(&m->over_half, 0),
                                  .limit_reached =
                                      atomic_exchange(&m->limit_reached, false)};

        m->factor = admit_rule_factor(&m->capacity, m->factor, &seen);
        publish(a, m);
        tick_waiting(a, m);
    }
}

/* --- of the loops ------------------------------------------------------------------- */

bool admit_enter(struct admit *a, unsigned module, enum admit_class class)
{
    struct module *m = &a->m[module];
    bool inside = class == ADMIT_CLASS_INSIDE;
    uint32_t limit = get(inside ? &m->limit : &m->limit_new), n = get(&m->inflight);

    if (!inside && get(&m->n_held) > 0)
        return false;
    do {
        if (n >= limit)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &m->inflight, &n, n + 1, memory_order_relaxed, memory_order_relaxed));
    if (!inside)
        add_small(&m->n_entered);
    return true;
}

void admit_leave(struct admit *a, unsigned module)
{
    atomic_fetch_sub_explicit(&a->m[module].inflight, 1, memory_order_relaxed);
}

void admit_first_byte(struct admit *a, unsigned module, uint64_t us)
{
    struct module *m = &a->m[module];
    uint64_t half = get(&m->half_us);

    add(&m->first_bytes);
    if (us > half)
        add(&m->over_half);
    if (us > 2 * half)
        add(&m->over_target);
}

void admit_begin_wait(struct admit *a, unsigned module)
{
    add_small(&a->m[module].n_waiting);
}

void admit_end_wait(struct admit *a, unsigned module)
{
    atomic_fetch_sub_explicit(&a->m[module].n_waiting, 1, memory_order_relaxed);
}

void admit_hold(struct admit *a, unsigned module)
{
    add_small(&a->m[module].n_held);
}

void admit_release(struct admit *a, unsigned module)
{
    atomic_fetch_sub_explicit(&a->m[module].n_held, 1, memory_order_relaxed);
}

static void see(struct module *m, enum admit_state s, uint64_t now_ms)
{
    atomic_store_explicit(&m->seen_ms[s], now_ms, memory_order_relaxed);
}

void admit_waited(struct admit *a, unsigned module, uint64_t now_ms)
{
    atomic_store_explicit(&a->m[module].limit_reached, true, memory_order_relaxed);
    see(&a->m[module], ADMIT_QUEUEING, now_ms);
}

void admit_refused(struct admit *a, unsigned module, enum admit_class class,
                   uint64_t now_ms)
{
    struct module *m = &a->m[module];

    add(&m->refused[class]);
    add_small(&m->n_refused);
    see(m, class == ADMIT_CLASS_INSIDE ? ADMIT_SHEDDING : ADMIT_WAITING, now_ms);
}

void admit_served_static(struct admit *a, unsigned module, uint64_t now_ms)
{
    see(&a->m[module], ADMIT_STATIC, now_ms);
}

void admit_look(const struct admit *a, unsigned module, uint64_t now_ms,
                struct admit_view *out)
{
    const struct module *m = &a->m[module];
    uint64_t seen[ADMIT_STATES];
    unsigned i;

    for (i = 0; i < ADMIT_STATES; i++)
        seen[i] = atomic_load_explicit(&m->seen_ms[i], memory_order_relaxed);
    *out = (struct admit_view){.limit = get(&m->limit),
                               .inflight = get(&m->inflight),
                               .factor = get(&m->permille) / 1000.0,
                               .state = admit_rule_state(seen, now_ms),
                               .refresh_s = get(&m->refresh_s),
                               .wait_s = get(&m->wait_s),
                               .waiting = get(&m->n_waiting),
                               .nodes_in = get(&m->nodes_in),
                               .measured = atomic_load_explicit(&m->measured,
                                                                memory_order_relaxed),
                               .share = get(&m->share_permille) / 1000.0};
    for (i = 0; i < ADMIT_CLASSES; i++)
        out->refused[i] = atomic_load_explicit(&m->refused[i], memory_order_relaxed);
}

void admit_count_refused(const struct admit *a, uint64_t out[ADMIT_CLASSES])
{
    unsigned i, class;

    for (class = 0; class < ADMIT_CLASSES; class ++) {
        out[class] = a->refused_before[class];
        for (i = 0; i < a->cfg.n_modules; i++)
            out[class] += a->m[i].refused[class];
    }
}
