/* A hash table of wants: the modules that shards have asked for, each with the route that
 * arrived last.  Questions are repeated rather than tracked: after a reconnect all are
 * asked again, and each after refresh_ms, so a lost question or answer needs no handling
 * of its own.
 *
 * Invariant: <fn> has been called with the nodes that a want holds.  dnscli_take() calls
 * it only when the nodes differ from those, so neither an answer to a repeated question
 * nor a reconnect disturbs the shards.
 * Rejected: keeping routes only in the shards.  After a restart of the agent, or of a
 * shard's interest in a module, each route would have to come over the network before the
 * first call. */
#include "agent/dnscli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* else uthash ends the process without memory */
#include <uthash.h>

#include "base/err.h"
#include "base/log.h"
#include "base/role.h"
#include "route/routedelta.h"
#include "route/routefile.h"

#define TICK_MS 1000
#define LOG_GAP_MS 60000
#define FRAME_HOSTS (FRAME_MAX_BODY / 4) /* a host takes 4 bytes or more */

struct want {
    struct module_id mod; /* the key: 8 bytes without padding */
    bool known; /* a route has arrived, perhaps an empty one */
    struct route_node *node; /* owned; NULL when n is 0 */
    size_t n;
    uint64_t version; /* with which <node> arrived; 0 = not known */
    uint64_t asked_ms; /* monotonic; 0 = not asked on this connection */
    UT_hash_handle hh;
};

struct dnscli {
    struct evloop *loop;
    struct dnscli_config cfg;
    char *file;
    struct dispatch *dispatch;
    struct tls_client tls;
    struct tcpcli *cli;
    struct want *wants;
    struct evtimer tick;
    uint64_t file_ms; /* monotonic; of the last write of the file */
    bool dirty; /* a change is not in the file yet */
    struct msg_host host[FRAME_HOSTS];
    struct route_node node[MSG_MAX_HOSTS];
};

static struct want *find_want(const struct dnscli *c, const struct module_id *m)
{
    struct want *w;

    HASH_FIND(hh, c->wants, m, sizeof(*m), w);
    return w;
}

static struct want *add_want(struct dnscli *c, const struct module_id *m)
{
    struct want *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->mod = *m;
    HASH_ADD(hh, c->wants, mod, sizeof(*m), w);
    if (w->hh.tbl)
        return w;
    free(w); /* no memory for the hash table */
    return NULL;
}

static void remove_want(struct dnscli *c, struct want *w)
{
    HASH_DEL(c->wants, w);
    free(w->node);
    free(w);
}

static void pass_on(struct dnscli *c, const struct want *w, dnscli_fn *fn)
{
    struct dnscli_nodes r = {w->node, w->n, w->version};

    if (fn)
        fn(&w->mod, &r, c->cfg.arg);
}

static int ask_route(struct dnscli *c, struct want *w)
{
    char body[32];
    ssize_t n = msg_pack_get_route(&w->mod, body, sizeof(body));
    int rc = n < 0 ? (int)n : tcpcli_send(c->cli, MSG_GET_ROUTE, body, (size_t)n);

    if (rc == 0)
        w->asked_ms = evloop_now_ms(c->loop);
    return rc;
}

int dnscli_ask_one(struct dnscli *c)
{
    return c->wants ? ask_route(c, c->wants) : -ENOENT;
}

void dnscli_want(struct dnscli *c, const struct module_id *m)
{
    struct want *w = find_want(c, m);

    if (!w)
        w = add_want(c, m);
    if (!w)
        return; /* no memory: the next question of a client wants it */
    if (w->known)
        pass_on(c, w, c->cfg.fn);
    ask_route(c, w);
}

void dnscli_forget(struct dnscli *c, const struct module_id *m)
{
    struct want *w = find_want(c, m);

    if (w)
        remove_want(c, w);
}

/* Copies <r>.  Returns 0 or -ENOMEM. */
static int set_nodes(struct want *w, const struct dnscli_nodes *r)
{
    size_t size = r->n * sizeof(*r->node);
    struct route_node *copy = r->n > 0 ? malloc(size) : NULL;

    if (r->n > 0 && !copy)
        return -ENOMEM;
    if (r->n > 0)
        memcpy(copy, r->node, size);
    free(w->node);
    w->node = copy;
    w->n = r->n;
    w->version = r->version;
    w->known = true;
    return 0;
}

static bool has_nodes(const struct want *w, const struct dnscli_nodes *r)
{
    size_t i;

    for (i = 0; i < r->n && i < w->n; i++)
        if (w->node[i].ip != r->node[i].ip || w->node[i].port != r->node[i].port ||
            w->node[i].weight != r->node[i].weight || w->node[i].zone != r->node[i].zone)
            return false;
    return w->known && w->n == r->n;
}

/* A version that is known already stays: each answer to a repeated question has the
 * newest version of the whole table, which says nothing new about this module. */
static void learn_version(struct dnscli *c, struct want *w, uint64_t version)
{
    if (w->version != 0 || version == 0)
        return;
    w->version = version;
    pass_on(c, w, c->cfg.on_version);
}

void dnscli_take(struct dnscli *c, const struct module_id *m,
                 const struct dnscli_nodes *r)
{
    struct want *w = find_want(c, m);
    size_t n_before;
    int rc;

    if (!w)
        return; /* not wanted any more */
    if (has_nodes(w, r)) {
        learn_version(c, w, r->version);
        return;
    }
    n_before = w->n;
    rc = set_nodes(w, r);
    if (rc < 0) { /* no memory; the refresh brings it again */
        LOG_ERROR("route.lost", "modid=%u cmdid=%u err=%s", m->modid, m->cmdid,
                  err_str(rc));
        return;
    }
    LOG_DEBUG("route.changed",
              "modid=%u cmdid=%u nodes=%zu before=%zu version=%llu sum=%016llx", m->modid,
              m->cmdid, w->n, n_before, (unsigned long long)w->version,
              (unsigned long long)routedelta_sum(w->node, w->n));
    c->dirty = true;
    pass_on(c, w, c->cfg.fn);
}

int dnscli_route(const struct dnscli *c, const struct module_id *m,
                 const struct route_node **node, size_t *n)
{
    const struct want *w = find_want(c, m);

    if (!w || !w->known)
        return -ENOENT;
    *node = w->node;
    *n = w->n;
    return 0;
}

bool dnscli_wants(const struct dnscli *c, const struct module_id *m)
{
    return find_want(c, m) != NULL;
}

int dnscli_ask(struct dnscli *c, const struct module_id *m)
{
    struct want *w = find_want(c, m);

    return w ? ask_route(c, w) : -ENOENT;
}

static void on_route(struct conn *conn, const struct frame *f, void *arg)
{
    struct dnscli *c = arg;
    struct module_id m;
    size_t n, i;
    int rc = msg_unpack_route(&m, c->host, FRAME_HOSTS, &n, f->body, f->len);

    (void)conn;
    if (rc < 0 || !dnscli_wants(c, &m)) { /* malformed, or not wanted any more */
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "route.refused", "err=%s", err_str(rc));
        return;
    }
    if (n > MSG_MAX_HOSTS) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "route.cut",
                  "modid=%u cmdid=%u nodes=%zu used=%d", m.modid, m.cmdid, n,
                  MSG_MAX_HOSTS);
        n = MSG_MAX_HOSTS;
    }
    for (i = 0; i < n; i++)
        c->node[i] = (struct route_node){c->host[i].ip, (uint16_t)c->host[i].port};
    dnscli_take(c, &m, &(struct dnscli_nodes){c->node, n, 0});
}

static void on_up(struct tcpcli *cli, void *arg)
{
    struct dnscli *c = arg;
    struct want *w, *next;

    if (c->cfg.on_up)
        c->cfg.on_up(cli, c->cfg.more_arg);
    LOG_DEBUG("dnsd.connected", "modules=%u: asked for all of them",
              HASH_COUNT(c->wants));
    HASH_ITER(hh, c->wants, w, next)
    ask_route(c, w);
}

static void on_down(struct tcpcli *cli, void *arg)
{
    struct dnscli *c = arg;
    struct want *w, *next;

    (void)cli;
    LOG_DEBUG("dnsd.disconnected", "modules=%u: their last routes stay in force",
              HASH_COUNT(c->wants));
    HASH_ITER(hh, c->wants, w, next)
    w->asked_ms = 0;
}

/* --- the file ----------------------------------------------------------------------- */

static void write_file(struct dnscli *c)
{
    struct route_row *row;
    struct want *w, *next;
    size_t n = 0, i;
    int rc;

    HASH_ITER(hh, c->wants, w, next)
    n += w->n;
    row = calloc(n + 1, sizeof(*row));
    n = 0;
    HASH_ITER(hh, c->wants, w, next)
    for (i = 0; row && i < w->n; i++)
        row[n++] = (struct route_row){w->mod.modid, w->mod.cmdid, w->node[i]};
    rc = row ? routefile_write(c->file, row, n, 0) : -ENOMEM;
    free(row);
    c->dirty = rc < 0;
    c->file_ms = evloop_now_ms(c->loop);
    if (rc < 0)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "file.write", "path=%s err=%s", c->file,
                  err_str(rc));
}

/* How many rows, from the first on, are of the same module. */
static size_t count_same_module(const struct route_row *row, size_t n)
{
    size_t k = 1;

    while (k < n && row[k].modid == row[0].modid && row[k].cmdid == row[0].cmdid)
        k++;
    return k;
}

static void take_file_rows(struct dnscli *c, const struct route_row *row, size_t n)
{
    size_t i, k, j;

    for (i = 0; i < n; i += k) {
        struct module_id m = {row[i].modid, row[i].cmdid};
        struct want *w = find_want(c, &m);

        k = count_same_module(row + i, n - i);
        for (j = 0; j < k && j < MSG_MAX_HOSTS; j++)
            c->node[j] = row[i + j].node;
        if (!w)
            w = add_want(c, &m);
        if (w && set_nodes(w, &(struct dnscli_nodes){c->node, j, 0}) == 0)
            pass_on(c, w, c->cfg.fn);
    }
}

static void read_file(struct dnscli *c)
{
    struct route_row *row;
    size_t n;
    int rc = routefile_read(c->file, &row, &n, NULL);

    if (rc == 0) {
        take_file_rows(c, row, n);
        free(row);
        LOG_INFO("file.read", "path=%s nodes=%zu", c->file, n);
    } else if (rc != -ENOENT) {
        LOG_WARN("file.refused", "path=%s err=%s", c->file, err_str(rc));
    }
}

static void on_tick(void *arg)
{
    struct dnscli *c = arg;
    struct want *w, *next;
    uint64_t now = evloop_now_ms(c->loop);

    HASH_ITER(hh, c->wants, w, next)
    if (now - w->asked_ms >= c->cfg.refresh_ms)
        ask_route(c, w);
    if (c->dirty && now - c->file_ms >= c->cfg.file_ms)
        write_file(c);
    evloop_set_timer(c->loop, &c->tick, TICK_MS, on_tick, c);
}

/* --- create and destroy ------------------------------------------------------------- */

int dnscli_create(struct dnscli **out, struct evloop *l, const struct dnscli_config *cfg)
{
    struct tcpcli_config tc = {.n_to = cfg->n_server, .on_up = on_up, .on_down = on_down};
    struct dnscli *c = calloc(1, sizeof(*c));
    int rc;

    if (!c)
        return -ENOMEM;
    c->loop = l;
    c->cfg = *cfg;
    c->file = strdup(cfg->file);
    rc = c->file ? dispatch_create(&c->dispatch) : -ENOMEM;
    if (rc == 0)
        rc = dispatch_set(c->dispatch, MSG_ROUTE, on_route, c);
    if (rc == 0 && cfg->more)
        rc = cfg->more(c->dispatch, c, cfg->more_arg);
    memcpy(tc.to, cfg->server, sizeof(tc.to));
    c->tls = (struct tls_client){.link = cfg->tls, .wanted = ROLE_DNSD};
    tc.dispatch = c->dispatch;
    tc.choose_io = tls_conn_connect;
    tc.io_arg = &c->tls;
    tc.arg = c;
    if (rc == 0)
        rc = tcpcli_create(&c->cli, l, &tc);
    if (rc == 0)
        rc = evloop_set_timer(l, &c->tick, TICK_MS, on_tick, c);
    if (rc < 0) {
        dnscli_destroy(c);
        return rc;
    }
    read_file(c);
    *out = c;
    return 0;
}

void dnscli_destroy(struct dnscli *c)
{
    struct want *w, *next;

    if (!c)
        return;
    if (c->dirty)
        write_file(c);
    evloop_clear_timer(c->loop, &c->tick);
    tcpcli_destroy(c->cli);
    dispatch_destroy(c->dispatch);
    HASH_ITER(hh, c->wants, w, next)
    remove_want(c, w);
    free(c->file);
    free(c);
}

struct tcpcli *dnscli_client(struct dnscli *c)
{
    return c->cli;
}
