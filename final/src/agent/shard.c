/* A shard is a hash table of modules, each with a lb/classic of its own.  A question for
 * a module that is not in the table adds it and asks for its route; until the route has
 * arrived the answer is "no node".  All of it runs in one thread.
 *
 * Reports are totals since the module was added, not differences.  Totals are idempotent:
 * sending them twice changes nothing, so a report that may have been lost is simply made
 * again.  <dirty> marks a module whose totals have changed since they were reported.
 *
 * Invariant: a module that is asked for is in the table, or max_modules with nodes are; a
 * module without nodes leaves it UNUSED_MS after the last question, or when its place is
 * needed, so that questions for modules that do not exist cannot fill the table.
 * Rejected: one table for all ports under a lock, which every call would take. */
#include "agent/shard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1           /* else uthash ends the process without memory */
#include <uthash.h>

#include "base/err.h"
#include "base/log.h"

#define TICK_MS 1000
#define UNUSED_MS 60000               /* after the last question for an empty module */
#define LOG_GAP_MS 60000

struct module {
    struct module_id mod;             /* the key: 8 bytes without padding */
    struct classic *lb;
    bool dirty;                       /* its totals have changed since the last report */
    uint64_t used_ms;                 /* monotonic; of the last question */
    UT_hash_handle hh;
};

struct shard {
    struct evloop *loop;
    struct udp_batch *udp;
    struct shard_config cfg;
    struct classic_config classic;
    struct module *modules;
    struct evtimer tick, ship;
    struct msg_host host[MSG_MAX_HOSTS];
    struct msg_result res[MSG_REPORT_ROOM];
    size_t n;                         /* entries in host or res, while one is filled */
    char body[UDP_MAX_BODY];
    _Atomic uint64_t n_get_host, n_get_route, n_report, n_bad, n_module;
};

static void add_one(_Atomic uint64_t *n)
{
    /* The shard's thread is the only writer, so the addition need not be atomic. */
    atomic_store_explicit(n, *n + 1, memory_order_relaxed);
}

static struct module *find_module(const struct shard *s, const struct module_id *m)
{
    struct module *mod;

    HASH_FIND(hh, s->modules, m, sizeof(*m), mod);
    return mod;
}

static void remove_module(struct shard *s, struct module *mod)
{
    HASH_DEL(s->modules, mod);
    s->n_module--;
    classic_destroy(mod->lb);
    free(mod);
}

/* Forgets one module that has no nodes.  False: every module has some. */
static bool make_room(struct shard *s)
{
    struct module *mod, *next;

    HASH_ITER(hh, s->modules, mod, next)
    { /* uthash keeps the order in which they were added */
        if (classic_n_nodes(mod->lb) > 0 || mod->dirty)
            continue;
        s->cfg.forget(&mod->mod, s->cfg.arg);
        remove_module(s, mod);
        return true;
    }
    return false;
}

static struct module *add_module(struct shard *s, const struct module_id *m)
{
    struct module *mod;

    if (HASH_COUNT(s->modules) >= s->cfg.max_modules && !make_room(s)) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "module.full", "max_modules=%u",
                  s->cfg.max_modules);
        return NULL;
    }
    mod = calloc(1, sizeof(*mod));
    if (!mod)
        return NULL;
    mod->mod = *m;
    mod->used_ms = evloop_now_ms(s->loop);
    if (classic_create(&mod->lb, &s->classic) == 0) {
        HASH_ADD(hh, s->modules, mod, sizeof(*m), mod);
        if (mod->hh.tbl) {
            add_one(&s->n_module);
            return mod;
        }
        classic_destroy(mod->lb);
    }
    free(mod);                        /* no memory */
    return NULL;
}

/* The module that a question is for; a new one is added and its route is asked for.
 * NULL: there is no room for it. */
static struct module *use_module(struct shard *s, const struct module_id *m)
{
    struct module *mod = find_module(s, m);

    if (!mod) {
        mod = add_module(s, m);
        if (mod)
            s->cfg.want(m, s->cfg.arg);
    }
    if (mod)
        mod->used_ms = evloop_now_ms(s->loop);
    return mod;
}

/* False: the module belongs to another shard, which has got the frame. */
static bool is_ours_or_forward(struct shard *s, const struct module_id *m,
                               struct udp_batch *u, const struct frame *f,
                               const struct net_addr *from)
{
    unsigned index = module_id_shard(*m, SHARD_N);

    if (index == s->cfg.index)
        return true;
    s->cfg.forward(index, u, f, from, s->cfg.arg);
    return false;
}

static int32_t retcode_of(int rc)
{
    return rc == 0 ? MSG_RET_OK : rc == -EAGAIN ? MSG_RET_OVERLOAD : MSG_RET_NONE;
}

/* The client of the public Lars has no time-out.  So a request for module 0/0, which does
 * not exist, is counted as refused and is answered all the same. */
static int refuse_host(struct shard *s, struct udp_batch *u, uint32_t seq,
                       const struct net_addr *from)
{
    struct msg_host_reply r = {seq, {0, 0}, MSG_RET_NONE, {0, 0}};
    ssize_t len = msg_host_pack_reply(&r, s->body, MSG_HOST_ROOM);

    if (len > 0)
        udp_batch_send(u, from, MSG_HOST, s->body, (size_t)len);
    return -EINVAL;
}

static int on_get_host(struct shard *s, struct udp_batch *u, const struct frame *f,
                       const struct net_addr *from)
{
    struct msg_get_host q;
    struct route_node node = {0, 0};
    struct module *mod;
    ssize_t len;
    int rc = msg_host_unpack_get(&q, f->body, f->len);

    if (rc == -EINVAL)
        return refuse_host(s, u, q.seq, from);
    if (rc < 0 || !is_ours_or_forward(s, &q.mod, u, f, from))
        return rc;
    add_one(&s->n_get_host);
    mod = use_module(s, &q.mod);
    rc = mod && s->cfg.pick ? s->cfg.pick(s->cfg.index, &q.mod, &node, s->cfg.arg)
                            : -ESRCH;
    if (rc < 0 && rc != -EAGAIN)
        rc = mod ? classic_pick(mod->lb, &node) : -ENOENT;
    len = msg_host_pack_reply(
        &(struct msg_host_reply){q.seq, q.mod, retcode_of(rc), {node.ip, node.port}},
        s->body, MSG_HOST_ROOM);
    if (len > 0)
        udp_batch_send(u, from, MSG_HOST, s->body, (size_t)len);
    return 0;
}

static void append_host(const struct classic_node *n, void *arg)
{
    struct shard *s = arg;

    if (!n->gone && s->n < MSG_MAX_HOSTS)
        s->host[s->n++] = (struct msg_host){n->node.ip, n->node.port};
}

static int on_get_route(struct shard *s, struct udp_batch *u, const struct frame *f,
                        const struct net_addr *from)
{
    struct module_id m;
    struct module *mod;
    ssize_t len;
    int rc = msg_unpack_get_route(&m, f->body, f->len);

    if (rc == -EINVAL) /* module 0/0: as refuse_host() */
        udp_batch_send(u, from, MSG_API_ROUTE, "\x08", 2); /* modid = 0, and no nodes */
    if (rc < 0 || !is_ours_or_forward(s, &m, u, f, from))
        return rc;
    add_one(&s->n_get_route);
    mod = use_module(s, &m);
    s->n = 0;
    if (mod)
        classic_each(mod->lb, append_host, s);
    len = msg_pack_route(&m, s->host, s->n, s->body, sizeof(s->body));
    if (len > 0)
        udp_batch_send(u, from, MSG_API_ROUTE, s->body, (size_t)len);
    return 0;
}

static int on_report(struct shard *s, struct udp_batch *u, const struct frame *f,
                     const struct net_addr *from)
{
    struct msg_call q;
    struct route_node node;
    struct module *mod;
    int rc = msg_host_unpack_call(&q, f->body, f->len);

    if (rc < 0 || !is_ours_or_forward(s, &q.mod, u, f, from))
        return rc;
    add_one(&s->n_report);
    mod = find_module(s, &q.mod);
    if (!mod)
        return -ENOENT;
    node = (struct route_node){q.host.ip, (uint16_t)q.host.port};
    rc = classic_report(mod->lb, &node, q.retcode == 0, q.cost_us / 1000,
                        evloop_now_ms(s->loop));
    mod->dirty = mod->dirty || rc == 0;
    if (rc == 0 && s->cfg.on_call)
        s->cfg.on_call(s->cfg.index, &q, s->cfg.arg);
    return rc;
}

void shard_handle(struct shard *s, struct udp_batch *u, const struct frame *f,
                  const struct net_addr *from)
{
    char text[NET_ADDR_STRLEN];
    int rc = -EPROTONOSUPPORT;

    if (f->msgid == MSG_GET_HOST)
        rc = on_get_host(s, u, f, from);
    else if (f->msgid == MSG_REPORT)
        rc = on_report(s, u, f, from);
    else if (f->msgid == MSG_API_GET_ROUTE)
        rc = on_get_route(s, u, f, from);
    if (rc == 0)
        return;
    add_one(&s->n_bad);
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "api.refused", "msgid=%d err=%s peer=%s",
              f->msgid, err_str(rc), net_addr_str(from, text));
}

static void on_frame(struct udp_batch *u, const struct frame *f,
                     const struct net_addr *from, void *arg)
{
    shard_handle(arg, u, f, from);
}

void shard_set_route(struct shard *s, const struct module_id *m,
                     const struct route_node *node, size_t n)
{
    struct module *mod = find_module(s, m);
    size_t n_before;
    int rc;

    if (!mod && n > 0)
        mod = use_module(s, m);       /* from the route file, or removed just now */
    if (!mod)
        return;
    n_before = classic_n_nodes(mod->lb);
    rc = classic_set_nodes(mod->lb, node, n, evloop_now_ms(s->loop));
    if (rc < 0)                       /* no memory; the refresh brings it again */
        LOG_ERROR("route.lost", "modid=%u cmdid=%u err=%s", m->modid, m->cmdid,
                  err_str(rc));
    else if (n > 0 || n_before > 0)   /* clients may ask for any number of others */
        LOG_INFO("route.set", "modid=%u cmdid=%u nodes=%zu before=%zu", m->modid,
                 m->cmdid, n, n_before);
}

static void on_tick(void *arg)
{
    struct shard *s = arg;
    struct module *mod, *next;
    uint64_t now = evloop_now_ms(s->loop);

    HASH_ITER(hh, s->modules, mod, next)
    {
        classic_tick(mod->lb, now);
        if (classic_n_nodes(mod->lb) > 0 || mod->dirty || now - mod->used_ms < UNUSED_MS)
            continue;
        s->cfg.forget(&mod->mod, s->cfg.arg);
        remove_module(s, mod);
    }
    evloop_set_timer(s->loop, &s->tick, TICK_MS, on_tick, s);
}

/* --- reports ------------------------------------------------------------------------ */

struct shipping {
    struct shard *s;
    struct module *mod;
    int rc;                           /* the first error */
};

static void ship_results(struct shipping *sh)
{
    struct shard *s = sh->s;

    if (s->n > 0 && sh->rc == 0)
        sh->rc = s->cfg.report(&sh->mod->mod, s->res, s->n, s->cfg.arg);
    s->n = 0;
}

static void append_result(const struct classic_node *n, void *arg)
{
    struct shipping *sh = arg;
    struct shard *s = sh->s;

    if (n->succ == 0 && n->err == 0)
        return;                       /* never called: there is nothing to report */
    if (s->n == MSG_REPORT_ROOM)
        ship_results(sh);
    s->res[s->n++] =
        (struct msg_result){n->node.ip, n->node.port, n->succ, n->err, n->overload};
}

void shard_flush(struct shard *s)
{
    struct module *mod, *next;

    HASH_ITER(hh, s->modules, mod, next)
    {
        struct shipping sh = {s, mod, 0};

        if (!mod->dirty)
            continue;
        s->n = 0;
        classic_each(mod->lb, append_result, &sh);
        ship_results(&sh);
        mod->dirty = sh.rc < 0;
    }
}

static void on_ship(void *arg)
{
    struct shard *s = arg;

    shard_flush(s);
    evloop_set_timer(s->loop, &s->ship, s->cfg.report_ms, on_ship, s);
}

void shard_report_all(struct shard *s)
{
    struct module *mod, *next;

    HASH_ITER(hh, s->modules, mod, next)
    mod->dirty = true;
}

/* --- create and destroy ------------------------------------------------------------- */

int shard_create(struct shard **out, struct evloop *l, const struct net_addr *at,
                 const struct shard_config *cfg)
{
    struct shard *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    s->loop = l;
    s->cfg = *cfg;
    s->classic = *cfg->classic;
    rc = udp_batch_open(&s->udp, l, at, on_frame, s);
    if (rc == 0)
        rc = evloop_set_timer(l, &s->tick, TICK_MS, on_tick, s);
    if (rc == 0)
        rc = evloop_set_timer(l, &s->ship, cfg->report_ms, on_ship, s);
    if (rc < 0)
        shard_destroy(s);
    else
        *out = s;
    return rc;
}

void shard_destroy(struct shard *s)
{
    struct module *mod, *next;

    if (!s)
        return;
    udp_batch_close(s->udp);
    evloop_clear_timer(s->loop, &s->tick);
    evloop_clear_timer(s->loop, &s->ship);
    HASH_ITER(hh, s->modules, mod, next)
    remove_module(s, mod);
    free(s);
}

int shard_local_addr(const struct shard *s, struct net_addr *out)
{
    return udp_batch_local_addr(s->udp, out);
}

void shard_stat(const struct shard *s, struct shard_stat *out)
{
    struct udp_stat udp;

    udp_batch_stat(s->udp, &udp);
    *out = (struct shard_stat){.n_get_host = s->n_get_host,
                               .n_get_route = s->n_get_route,
                               .n_report = s->n_report,
                               .n_bad = s->n_bad,
                               .n_udp_in = udp.n_in,
                               .n_udp_bad = udp.n_bad,
                               .n_module = s->n_module};
}
