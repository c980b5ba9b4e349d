/* A question for an unknown module is answered at once with "none", and want() asks for
 * its route; the caller decides whether it waits and asks again.  Reports send the totals
 * of changed ("dirty") modules.
 *
 * Invariant: a frame is handled by the shard that owns its module, whatever port it came
 * to, so each module is used by one thread only.
 * Rejected: holding the question until the route has come.  The shard would have to keep
 * it, and a module that does not exist would make its callers wait. */
#include "agent/shard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1           /* without it uthash calls exit() */
#include <uthash.h>

#include "base/err.h"
#include "base/log.h"

#define TICK_MS 1000
#define UNUSED_MS 60000               /* a module without nodes is dropped after this */
#define LOG_GAP_MS 60000

struct module {
    struct module_id mod;             /* the key: 8 bytes without padding */
    struct classic *lb;
    bool dirty;                       /* some totals are not reported yet */
    uint64_t used_ms;                 /* monotonic; the last question */
    UT_hash_handle hh;
};

struct shard {
    struct evloop *loop;
    struct udp *udp;
    struct shard_config cfg;
    struct classic_config classic;
    struct module *modules;
    struct evtimer tick, ship;
    struct msg_host host[MSG_MAX_HOSTS];
    struct msg_result res[MSG_REPORT_ROOM];
    size_t n;                         /* entries in host or res while it is filled */
    char body[UDP_MAX_BODY];
    _Atomic uint64_t n_get_host, n_get_route, n_report, n_bad, n_module;
};

static void bump(_Atomic uint64_t *n)
{
    atomic_store_explicit(n, *n + 1,
                          memory_order_relaxed); /* there is only one writer */
}

static struct module *find(const struct shard *s, const struct module_id *m)
{
    struct module *mod;

    HASH_FIND(hh, s->modules, m, sizeof(*m), mod);
    return mod;
}

static struct module *add(struct shard *s, const struct module_id *m)
{
    struct module *mod;

    if (HASH_COUNT(s->modules) >= s->cfg.max_modules) {
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
            bump(&s->n_module);
            return mod;
        }
        classic_destroy(mod->lb);
    }
    free(mod);                        /* no memory left */
    return NULL;
}

static void drop(struct shard *s, struct module *mod)
{
    HASH_DEL(s->modules, mod);
    s->n_module--;
    classic_destroy(mod->lb);
    free(mod);
}

/* Find the module, or add it and ask for its route.  Returns NULL when the shard is full
 * or memory ran out. */
static struct module *use(struct shard *s, const struct module_id *m)
{
    struct module *mod = find(s, m);

    if (!mod) {
        mod = add(s, m);
        if (mod)
            s->cfg.want(m, s->cfg.arg);
    }
    if (mod)
        mod->used_ms = evloop_now_ms(s->loop);
    return mod;
}

/* Whether the module belongs to this shard.  If not, pass the frame to its shard. */
static bool is_ours(struct shard *s, const struct module_id *m, struct udp *u,
                    const struct frame *f, const struct net_addr *from)
{
    unsigned index = module_id_shard(*m, SHARD_N);

    if (index == s->cfg.index)
        return true;
    s->cfg.elsewhere(index, u, f, from, s->cfg.arg);
    return false;
}

static int32_t retcode_of(int rc)
{
    return rc == 0 ? MSG_RET_OK : rc == -EAGAIN ? MSG_RET_OVERLOAD : MSG_RET_NONE;
}

static int on_get_host(struct shard *s, struct udp *u, const struct frame *f,
                       const struct net_addr *from)
{
    struct msg_get_host q;
    struct route_node node = {0, 0};
    struct module *mod;
    ssize_t len;
    int rc = msg_host_unpack_get(&q, f->body, f->len);

    if (rc < 0 || !is_ours(s, &q.mod, u, f, from))
        return rc;
    bump(&s->n_get_host);
    mod = use(s, &q.mod);
    rc = mod ? classic_pick(mod->lb, &node) : -ENOENT;
    len = msg_host_pack_reply(
        &(struct msg_host_reply){q.seq, q.mod, retcode_of(rc), {node.ip, node.port}},
        s->body, MSG_HOST_ROOM);
    if (len > 0)
        udp_send(u, from, MSG_HOST, s->body, (size_t)len);
    return 0;
}

static void add_host(const struct classic_node *n, void *arg)
{
    struct shard *s = arg;

    if (!n->gone && s->n < MSG_MAX_HOSTS)
        s->host[s->n++] = (struct msg_host){n->node.ip, n->node.port};
}

static int on_get_route(struct shard *s, struct udp *u, const struct frame *f,
                        const struct net_addr *from)
{
    struct module_id m;
    struct module *mod;
    ssize_t len;
    int rc = msg_unpack_get_route(&m, f->body, f->len);

    if (rc < 0 || !is_ours(s, &m, u, f, from))
        return rc;
    bump(&s->n_get_route);
    mod = use(s, &m);
    s->n = 0;
    if (mod)
        classic_each(mod->lb, add_host, s);
    len = msg_pack_route(&m, s->host, s->n, s->body, sizeof(s->body));
    if (len > 0)
        udp_send(u, from, MSG_API_ROUTE, s->body, (size_t)len);
    return 0;
}

static int on_report(struct shard *s, struct udp *u, const struct frame *f,
                     const struct net_addr *from)
{
    struct msg_call q;
    struct route_node node;
    struct module *mod;
    int rc = msg_host_unpack_call(&q, f->body, f->len);

    if (rc < 0 || !is_ours(s, &q.mod, u, f, from))
        return rc;
    bump(&s->n_report);
    mod = find(s, &q.mod);
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

void shard_handle(struct shard *s, struct udp *u, const struct frame *f,
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
    bump(&s->n_bad);
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "api.refused", "msgid=%d err=%s peer=%s",
              f->msgid, err_str(rc), net_addr_str(from, text));
}

static void on_frame(struct udp *u, const struct frame *f, const struct net_addr *from,
                     void *arg)
{
    shard_handle(arg, u, f, from);
}

void shard_set_route(struct shard *s, const struct module_id *m,
                     const struct route_node *node, size_t n)
{
    struct module *mod = find(s, m);
    int rc;

    if (!mod && n > 0)
        mod = use(s, m);              /* from the file, or just dropped */
    if (!mod)
        return;
    rc = classic_set_nodes(mod->lb, node, n, evloop_now_ms(s->loop));
    if (rc < 0)                       /* the refresh will repeat it */
        LOG_ERROR("route.lost", "modid=%u cmdid=%u err=%s", m->modid, m->cmdid,
                  err_str(rc));
    else if (n > 0)                   /* not for modules that do not exist */
        LOG_INFO("route.set", "modid=%u cmdid=%u nodes=%zu", m->modid, m->cmdid, n);
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
        drop(s, mod);
    }
    evloop_set_timer(s->loop, &s->tick, TICK_MS, on_tick, s);
}

/* --- reports ------------------------------------------------------------------------ */

struct shipping {
    struct shard *s;
    struct module *mod;
    int rc;                           /* of the first report that failed */
};

static void ship_some(struct shipping *sh)
{
    struct shard *s = sh->s;

    if (s->n > 0 && sh->rc == 0)
        sh->rc = s->cfg.report(&sh->mod->mod, s->res, s->n, s->cfg.arg);
    s->n = 0;
}

static void add_result(const struct classic_node *n, void *arg)
{
    struct shipping *sh = arg;
    struct shard *s = sh->s;

    if (n->succ == 0 && n->err == 0)
        return;                       /* it was never called */
    if (s->n == MSG_REPORT_ROOM)
        ship_some(sh);
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
        classic_each(mod->lb, add_result, &sh);
        ship_some(&sh);
        mod->dirty = sh.rc < 0;       /* sending totals twice is idempotent */
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
    rc = udp_open(&s->udp, l, at, on_frame, s);
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
    udp_close(s->udp);
    evloop_clear_timer(s->loop, &s->tick);
    evloop_clear_timer(s->loop, &s->ship);
    HASH_ITER(hh, s->modules, mod, next)
    drop(s, mod);
    free(s);
}

int shard_local_addr(const struct shard *s, struct net_addr *out)
{
    return udp_local_addr(s->udp, out);
}

void shard_stat(const struct shard *s, struct shard_stat *out)
{
    *out = (struct shard_stat){s->n_get_host, s->n_get_route, s->n_report, s->n_bad,
                               s->n_module};
}
