/* Nothing of production waits for an answer before it asks again, so the times of all
 * messages follow from their periods and phases, and no queue of events is needed: each
 * kind of message is laid into seconds, agent by agent.  Only two things are random: the
 * phases, and how many nodes the calls of a second reach.
 *
 * What production does, and what is played here:
 *     a want of the agent asks again refresh_ms after it has asked, at a tick of the
 *     agent; after a new connection all of them ask at once, and stay in step
 *     liveness asks each service once in ask_ms when there is more than one
 *     DNSService answers a question by the whole route and by the module meta
 *     a route that changes goes to its subscribers as a delta, and each of them tells the
 *     Report Service that it is in force
 *     rates in the module meta are means of meta_window_s in two digits; a module whose
 *     rates differ from those of the look before goes to its subscribers
 *     a batch has a row for each node that was called and for each bucket of durations
 *
 * Rejected: a formula for each mean.  It has no busiest second, and a lost service is
 * about that second only. */
#include "sim/fleet.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/rnd.h"
#include "proto/msg_module_meta.h"

#define WINDOW_MAX 60 /* looks over which a rate is averaged */

struct bin { /* what one service sends and gets in a second */
    uint64_t n[FLEET_FLOWS], bytes[FLEET_FLOWS];
};

struct fleet {
    struct fleet_config cfg;
    struct fleet_sizes size;
    struct rnd rnd;
    uint32_t *used; /* the modules of agent a: used[a * shape.used ...] */
    uint32_t *subs; /* of module m at DNSService d before it ends: subs[m * dnsds + d] */
    uint32_t *callers; /* agents of zone z that use module m: callers[m * zones + z] */
    struct bin *bin; /* of second s at service i: bin[s * FLEET_SERVERS + i] */
    uint32_t *beats; /* messages 38 in each gap_ms of each Report Service */
    uint32_t gaps; /* in a run */
    uint64_t node_rows, duration_rows, meta_changes;
};

/* --- random numbers ----------------------------------------------------------------- */

static double uniform(struct rnd *r)
{
    return rnd_u32(r) / 4294967296.0;
}

/* The sum of twelve uniform numbers: nearly normal, and the same on every machine. */
static double normal(struct rnd *r, double mean, double deviation)
{
    double sum = -6;
    int i;

    for (i = 0; i < 12; i++)
        sum += uniform(r);
    return mean + sum * deviation;
}

static uint32_t rounded(double x, double most)
{
    return x < 0 ? 0 : (uint32_t)((x > most ? most : x) + 0.5);
}

/* A number of calls with this mean, as they come independently. */
static uint32_t poisson(struct rnd *r, double mean)
{
    double left = exp(-mean), product = 1;
    uint32_t n = 0;

    if (mean > 30)
        return rounded(normal(r, mean, sqrt(mean)), 4e9);
    while ((product *= uniform(r)) > left)
        n++;
    return n;
}

/* How many of <n> things are hit by <hits> random ones. */
static uint32_t occupied(struct rnd *r, double n, double hits)
{
    double p = 1 - exp(-hits / n);

    return rounded(normal(r, n * p, sqrt(n * p * (1 - p))), n);
}

/* --- messages ----------------------------------------------------------------------- */

/* <n> messages of <bytes> together, at <at_ms>; those after the end do not count. */
static void put(struct fleet *f, enum fleet_flow_id id, uint32_t server, uint64_t at_ms,
                uint32_t n, uint64_t bytes)
{
    struct bin *b;

    if (at_ms >= (uint64_t)f->cfg.seconds * 1000)
        return;
    b = &f->bin[at_ms / 1000 * FLEET_SERVERS + server];
    b->n[id] += n;
    b->bytes[id] += bytes;
}

static void ask(struct fleet *f, uint32_t dnsd, uint64_t at_ms)
{
    put(f, FLEET_ASK, dnsd, at_ms, 1, f->size.ask);
    put(f, FLEET_ROUTE, dnsd, at_ms, f->size.pages, f->size.route);
    put(f, FLEET_META, dnsd, at_ms, 1, f->size.meta);
}

static void tell_state(struct fleet *f, uint32_t agent, uint64_t at_ms, uint32_t bytes)
{
    uint32_t server = agent % f->cfg.reportds;

    if (at_ms >= (uint64_t)f->cfg.seconds * 1000)
        return;
    put(f, FLEET_STATE, server, at_ms, 1, bytes);
    put(f, FLEET_STATE_ACK, server, at_ms, 1, f->size.state_ack);
    f->beats[(size_t)server * f->gaps + at_ms / f->cfg.gap_ms]++;
}

/* --- an agent ----------------------------------------------------------------------- */

static uint64_t end_ms(const struct fleet *f)
{
    return (uint64_t)f->cfg.seconds * 1000;
}

/* Agent <agent> loses DNSService 0 at this time; later than the end: never. */
static uint64_t lost_ms(const struct fleet *f, uint32_t agent)
{
    return f->cfg.lost_s > 0 && agent % f->cfg.dnsds == 0 ? (uint64_t)f->cfg.lost_s * 1000
                                                          : UINT64_MAX;
}

/* The questions of <n> wants that asked together at <from_ms>, until <until_ms>. */
static void ask_again(struct fleet *f, uint32_t dnsd, uint64_t from_ms, uint64_t until_ms,
                      uint32_t n)
{
    uint64_t at;
    uint32_t i;

    if (until_ms > end_ms(f))
        until_ms = end_ms(f);
    for (at = from_ms; at < until_ms; at += f->cfg.refresh_ms)
        for (i = 0; i < n; i++)
            ask(f, dnsd, at);
}

/* It has waited for its back-off, says hello and asks for everything. */
static void reconnect(struct fleet *f, uint64_t lost, uint64_t tick)
{
    struct backoff b = {.min_ms = 100, .max_ms = 5000};
    uint64_t at = lost + backoff_next(&b, rnd_u32(&f->rnd)), next;

    put(f, FLEET_DNS_HELLO, 1, at, 1, f->size.hello);
    put(f, FLEET_DNS_REPLY, 1, at, 1, f->size.hello_reply);
    ask_again(f, 1, at, at + 1, f->cfg.shape.used);
    next = at + f->cfg.refresh_ms;
    next += (1000 + tick - next % 1000) % 1000;
    ask_again(f, 1, next, end_ms(f), f->cfg.shape.used);
}

/* Its wants began at any time; they ask at ticks, one in each second. */
static void play_routes(struct fleet *f, uint32_t agent)
{
    uint32_t dnsd = agent % f->cfg.dnsds, i;
    uint64_t tick = rnd_u32(&f->rnd) % 1000, lost = lost_ms(f, agent), at;

    for (i = 0; i < f->cfg.shape.used; i++) {
        at = tick + 1000 * (uint64_t)(rnd_u32(&f->rnd) % (f->cfg.refresh_ms / 1000));
        ask_again(f, dnsd, at, lost, 1);
    }
    for (at = rnd_u32(&f->rnd) % 1000; f->cfg.dnsds > 1 && at < end_ms(f);
         at += f->cfg.ask_ms)
        ask(f, at < lost ? dnsd : 1, at);
    if (lost < end_ms(f))
        reconnect(f, lost, tick);
}

static void send_batches(struct fleet *f, uint32_t server, uint64_t at_ms, uint32_t rows)
{
    uint32_t n;

    for (; rows > 0; rows -= n) {
        n = rows < MSG_BATCH_ROWS ? rows : MSG_BATCH_ROWS;
        put(f, FLEET_BATCH, server, at_ms, 1, f->size.batch[n]);
        put(f, FLEET_ACK, server, at_ms, 1, f->size.ack);
    }
}

static void play_reports(struct fleet *f, uint32_t agent)
{
    const struct fleet_shape *s = &f->cfg.shape;
    double calls = f->cfg.calls * (f->cfg.report_ms / 1000.0);
    double nodes = (double)s->used * s->nodes_each / s->zones;
    uint32_t server = agent % f->cfg.reportds, node_rows, duration_rows;
    uint64_t at;

    for (at = rnd_u32(&f->rnd) % f->cfg.report_ms; at < end_ms(f) && calls > 0;
         at += f->cfg.report_ms) {
        node_rows = occupied(&f->rnd, nodes, calls);
        duration_rows = occupied(&f->rnd, (double)s->used * f->cfg.durations, calls);
        f->node_rows += node_rows;
        f->duration_rows += duration_rows;
        send_batches(f, server, at, node_rows + duration_rows);
    }
    for (at = rnd_u32(&f->rnd) % f->cfg.beat_ms; at < end_ms(f); at += f->cfg.beat_ms)
        tell_state(f, agent, at, f->size.state);
    for (at = rnd_u32(&f->rnd) % f->cfg.ask_ms; f->cfg.reportds > 1 && at < end_ms(f);
         at += f->cfg.ask_ms) {
        put(f, FLEET_REPORT_HELLO, server, at, 1, f->size.hello);
        put(f, FLEET_REPORT_REPLY, server, at, 1, f->size.hello_reply);
    }
}

/* --- what DNSService pushes --------------------------------------------------------- */

/* To the subscribers of a module, wherever they are at that time. */
static void push(struct fleet *f, enum fleet_flow_id id, uint32_t module, uint64_t at_ms,
                 uint32_t bytes)
{
    const uint32_t *n = &f->subs[(size_t)module * f->cfg.dnsds];
    uint64_t lost = lost_ms(f, 0);
    uint32_t d;

    for (d = 0; d < f->cfg.dnsds; d++)
        put(f, id, at_ms < lost || d > 0 ? d : 1, at_ms, n[d], (uint64_t)n[d] * bytes);
}

/* Each agent that uses the module reports that the change is in force, within 100 ms. */
static void tell_change(struct fleet *f, uint32_t module, uint64_t at_ms)
{
    uint32_t a, i, used = f->cfg.shape.used;

    for (a = 0; a < f->cfg.agents; a++) {
        for (i = 0; i < used && f->used[(size_t)a * used + i] != module; i++)
            continue;
        if (i < used)
            tell_state(f, a, at_ms + rnd_u32(&f->rnd) % 100, f->size.state_one);
    }
}

static void play_changes(struct fleet *f)
{
    uint32_t n = (uint32_t)((uint64_t)f->cfg.changes * f->cfg.seconds / 100), i;

    for (i = 0; i < n; i++) {
        uint64_t at = rnd_u32(&f->rnd) % end_ms(f);
        uint32_t module = rnd_u32(&f->rnd) % f->cfg.shape.modules;

        push(f, FLEET_DELTA, module, at, f->size.delta);
        tell_change(f, module, at);
    }
}

/* A zone's calls of a module, second by second, and the rate that agents receive. */
struct zone_rate {
    uint32_t count[WINDOW_MAX]; /* a ring of the window */
    uint64_t sum;
    uint32_t told;
};

static bool look_at_zone(struct fleet *f, struct zone_rate *z, uint64_t look, double mean)
{
    uint32_t *slot = &z->count[look % f->cfg.meta_window_s], before = z->told;

    z->sum -= *slot;
    *slot = poisson(&f->rnd, mean * f->cfg.meta_ms / 1000);
    z->sum += *slot;
    z->told = msg_module_meta_rate(z->sum * 1000 / f->cfg.meta_ms / f->cfg.meta_window_s);
    return z->told != before;
}

static void play_meta(struct fleet *f, uint32_t module)
{
    struct zone_rate zone[FLEET_ZONES] = {{{0}, 0, 0}};
    const struct fleet_shape *s = &f->cfg.shape;
    uint64_t looks = end_ms(f) / f->cfg.meta_ms, warm = f->cfg.meta_window_s, k;
    uint32_t z;
    bool changed;

    for (k = 0; k < looks + warm; k++) {
        changed = false;
        for (z = 0; z < s->zones; z++)
            changed |= look_at_zone(f, &zone[z], k,
                                    (double)f->callers[module * s->zones + z] *
                                        f->cfg.calls / s->used);
        if (k < warm || !changed)
            continue; /* the window is not full, or agents know it */
        f->meta_changes++;
        push(f, FLEET_META, module, (k - warm) * f->cfg.meta_ms, f->size.meta);
    }
}

/* --- the fleet ---------------------------------------------------------------------- */

static bool has_module(const uint32_t *used, uint32_t n, uint32_t module)
{
    while (n > 0 && used[n - 1] != module)
        n--;
    return n > 0;
}

static void choose_modules(struct fleet *f, uint32_t agent)
{
    const struct fleet_shape *s = &f->cfg.shape;
    uint32_t *used = &f->used[(size_t)agent * s->used], i, m;

    for (i = 0; i < s->used; i++) {
        m = s->used == s->modules ? i : rnd_u32(&f->rnd) % s->modules;
        while (has_module(used, i, m))
            m = (m + 1) % s->modules;
        used[i] = m;
        f->subs[(size_t)m * f->cfg.dnsds + agent % f->cfg.dnsds]++;
        f->callers[(size_t)m * s->zones + agent % s->zones]++;
    }
}

static void add_up(struct fleet_flow *to, const struct fleet *f, const bool flows[])
{
    double seconds = f->cfg.seconds;
    uint64_t n, bytes;
    size_t i, id;

    for (i = 0; i < (size_t)f->cfg.seconds * FLEET_SERVERS; i++) {
        for (n = bytes = id = 0; id < FLEET_FLOWS; id++) {
            n += flows[id] ? f->bin[i].n[id] : 0;
            bytes += flows[id] ? f->bin[i].bytes[id] : 0;
        }
        to->per_s += (double)n / seconds;
        to->bytes_per_s += (double)bytes / seconds;
        to->most = n > to->most ? n : to->most;
        to->most_bytes = bytes > to->most_bytes ? bytes : to->most_bytes;
    }
}

/* Flows <from> to <to> - 1. */
static void add_range(struct fleet_flow *sum, const struct fleet *f, size_t from,
                      size_t to)
{
    bool flows[FLEET_FLOWS] = {false};

    for (; from < to; from++)
        flows[from] = true;
    add_up(sum, f, flows);
}

static void sum_up(const struct fleet *f, struct fleet_result *out)
{
    double seconds = f->cfg.seconds;
    size_t i;

    memset(out, 0, sizeof(*out));
    for (i = 0; i < FLEET_FLOWS; i++)
        add_range(&out->flow[i], f, i, i + 1);
    add_range(&out->dns_in, f, FLEET_ASK, FLEET_ROUTE);
    add_range(&out->dns_out, f, FLEET_ROUTE, FLEET_BATCH);
    add_range(&out->report_in, f, FLEET_BATCH, FLEET_ACK);
    add_range(&out->report_out, f, FLEET_ACK, FLEET_FLOWS);
    out->node_rows = (double)f->node_rows / seconds;
    out->duration_rows = (double)f->duration_rows / seconds;
    out->meta_changes = (double)f->meta_changes / seconds;
    for (i = 0; i < (size_t)f->gaps * f->cfg.reportds; i++)
        out->state_commits +=
            (f->beats[i] + f->cfg.gap_max - 1) / f->cfg.gap_max / seconds;
    out->subscribers = (double)f->cfg.agents * f->cfg.shape.used / f->cfg.shape.modules;
}

static bool is_valid(const struct fleet_config *c)
{
    return c->agents > 0 && c->dnsds > 0 && c->dnsds <= FLEET_SERVERS &&
           c->reportds > 0 && c->reportds <= FLEET_SERVERS && c->durations > 0 &&
           c->seconds > 0 && c->seconds <= FLEET_SECONDS && c->refresh_ms >= 1000 &&
           c->refresh_ms % 1000 == 0 && c->report_ms > 0 && c->beat_ms > 0 &&
           c->ask_ms > 0 && c->meta_ms > 0 && c->meta_window_s > 0 &&
           c->meta_window_s <= WINDOW_MAX && c->gap_ms > 0 && c->gap_max > 0 &&
           (c->lost_s == 0 || c->dnsds > 1);
}

static void release(struct fleet *f)
{
    free(f->used);
    free(f->subs);
    free(f->callers);
    free(f->bin);
    free(f->beats);
}

/* Returns 0 or -ENOMEM. */
static int allocate(struct fleet *f)
{
    const struct fleet_config *c = &f->cfg;

    f->gaps = c->seconds * 1000 / c->gap_ms + 1;
    f->used = calloc((size_t)c->agents * c->shape.used, sizeof(*f->used));
    f->subs = calloc((size_t)c->shape.modules * c->dnsds, sizeof(*f->subs));
    f->callers = calloc((size_t)c->shape.modules * c->shape.zones, sizeof(*f->callers));
    f->bin = calloc((size_t)c->seconds * FLEET_SERVERS, sizeof(*f->bin));
    f->beats = calloc((size_t)f->gaps * c->reportds, sizeof(*f->beats));
    return f->used && f->subs && f->callers && f->bin && f->beats ? 0 : -ENOMEM;
}

static void play(struct fleet *f)
{
    uint32_t i;

    for (i = 0; i < f->cfg.agents; i++)
        choose_modules(f, i);
    for (i = 0; i < f->cfg.agents; i++) {
        play_routes(f, i);
        play_reports(f, i);
    }
    play_changes(f);
    for (i = 0; i < f->cfg.shape.modules; i++)
        play_meta(f, i);
}

int fleet_run(const struct fleet_config *cfg, struct fleet_result *out)
{
    struct fleet f = {.cfg = *cfg};
    struct fleet_shape *s = &f.cfg.shape;
    int rc = is_valid(cfg) && s->modules > 0 && s->zones > 0 ? 0 : -EINVAL;

    if (rc < 0)
        return rc;
    s->zone_rps = (uint32_t)((uint64_t)cfg->agents * cfg->calls / s->modules / s->zones);
    rc = fleet_sizes_compute(&f.size, s);
    if (rc < 0)
        return rc;
    rnd_init(&f.rnd, cfg->seed);
    rc = allocate(&f);
    if (rc == 0) {
        play(&f);
        sum_up(&f, out);
    }
    release(&f);
    return rc;
}
