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
    /* begin use */
    /* 1. Find the module, or add it; only a module that was just added is asked for
     *    (cfg.want()).
     * 2. Remember the time of the question: on_tick() drops modules that are not used. */
    (void)s;
    (void)m;
    (void)find;
    (void)add;
    return NULL;
    /* end use */
}

/* Whether the module belongs to this shard.  If not, pass the frame to its shard. */
static bool is_ours(struct shard *s, const struct module_id *m, struct udp *u,
                    const struct frame *f, const struct net_addr *from)
{
    /* begin is_ours */
    /* module_id_shard() names the shard.  When it is another one, cfg.elsewhere()
     * passes the frame to it, and this shard does nothing more with it. */
    (void)s;
    (void)m;
    (void)u;
    (void)f;
    (void)from;
    return true;
    /* end is_ours */
}

static int32_t retcode_of(int rc)
{
    /* begin retcode_of */
    /* What the caller receives: 0 is MSG_RET_OK, -EAGAIN is MSG_RET_OVERLOAD, anything
     * else is MSG_RET_NONE. */
    (void)rc;
    return MSG_RET_SYSTEM;
    /* end retcode_of */
}

static int on_get_host(struct shard *s, struct udp *u, const struct frame *f,
                       const struct net_addr *from)
{
    /* begin on_get_host */
    /* 1. Unpack the question; return the error of a malformed one.  Stop when it is
     *    not ours.
     * 2. Count it in n_get_host (bump()).
     * 3. Use the module and pick a node; a shard without room for the module has no
     *    node for it.
     * 4. Always reply at once, also without a node: the sequence number and the module
     *    of the question, the retcode, and the node or zeros. msg_host_pack_reply()
     *    needs MSG_HOST_ROOM bytes in s->body; udp_send() goes through <u>, the port
     *    that received the question. */
    (void)s;
    (void)u;
    (void)f;
    (void)from;
    (void)retcode_of;
    return -ENOSYS;
    /* end on_get_host */
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
    /* begin on_report */
    /* 1. Unpack, check that it is ours, count it in n_report.
     * 2. Find the module; a result never adds one: -ENOENT.
     * 3. classic_report(): retcode 0 is a success; the cost is in microseconds in the
     *    message and in milliseconds there; the time is evloop_now_ms().
     * 4. When it was counted, the module is dirty, and cfg.on_call() is called, when
     *    there is one.  Return the result of step 3. */
    (void)s;
    (void)u;
    (void)f;
    (void)from;
    return -ENOSYS;
    /* end on_report */
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
    /* begin shard_set_route */
    /* 1. Find the module.  When it is unknown, add it with use() if there are nodes:
     *    the route came from the file; without nodes there is nothing to do.
     * 2. classic_set_nodes().  Log route.lost after a failure, route.set when there
     *    are nodes. */
    (void)s;
    (void)m;
    (void)node;
    (void)n;
    /* end shard_set_route */
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
    /* begin ship_some */
    /* Report the s->n results that were gathered, if there are any and no report of
     * this module failed before; remember the error.  Then s->n is 0 again. */
    (void)sh;
    /* end ship_some */
}

static void add_result(const struct classic_node *n, void *arg)
{
    /* begin add_result */
    /* classic_each() calls this for each node, also for those that left the route:
     * their totals count.  Skip nodes that were never called; when s->res is full
     * (MSG_REPORT_ROOM), ship it first. */
    (void)n;
    (void)arg;
    (void)ship_some;
    /* end add_result */
}

void shard_flush(struct shard *s)
{
    /* begin shard_flush */
    /* For each dirty module: gather the totals of its nodes, ship them.  The module
     * stays dirty when a report failed; the next flush sends its totals again, which
     * changes nothing for those that arrived. */
    (void)s;
    (void)add_result;
    /* end shard_flush */
}

static void on_ship(void *arg)
{
    struct shard *s = arg;

    shard_flush(s);
    evloop_set_timer(s->loop, &s->ship, s->cfg.report_ms, on_ship, s);
}

void shard_report_all(struct shard *s)
{
    /* begin shard_report_all */
    /* Make every module dirty: the connection to the Report Service is new. */
    (void)s;
    /* end shard_report_all */
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
