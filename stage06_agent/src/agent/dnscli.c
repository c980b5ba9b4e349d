/* A hash table has a struct want for each wanted module, with the last route that was
 * received.  The file contains all of these routes, so an agent that starts while
 * DNSService is down can answer at once.
 *
 * Invariant: <fn> is called only when a route differs from the known one, so a refresh
 * that brings nothing new causes no work in the shards.
 * Rejected: relying on pushes alone, because a route that could not be passed on for lack
 * of memory would be missing until the next change. */
#include "agent/dnscli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* without it uthash calls exit() */
#include <uthash.h>

#include "base/err.h"
#include "base/log.h"
#include "route/routefile.h"

#define TICK_MS 1000
#define LOG_GAP_MS 60000

struct want {
    struct module_id mod;             /* the key: 8 bytes without padding */
    bool known;                       /* a route was received, perhaps an empty one */
    struct route_node *node;          /* owned; NULL when n is 0 */
    size_t n;
    uint64_t asked_ms;                /* monotonic; 0 = not asked since connected */
    UT_hash_handle hh;
};

struct dnscli {
    struct evloop *loop;
    struct dnscli_config cfg;
    char *file;
    struct dispatch *dispatch;
    struct tcpcli *cli;
    struct want *wants;
    struct evtimer tick;
    uint64_t file_ms;                 /* monotonic; when the file was written */
    bool dirty;                       /* some route is not in the file yet */
    struct msg_host host[MSG_MAX_HOSTS];
    struct route_node node[MSG_MAX_HOSTS];
};

static struct want *find(const struct dnscli *c, const struct module_id *m)
{
    struct want *w;

    HASH_FIND(hh, c->wants, m, sizeof(*m), w);
    return w;
}

static struct want *add(struct dnscli *c, const struct module_id *m)
{
    struct want *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->mod = *m;
    HASH_ADD(hh, c->wants, mod, sizeof(*m), w);
    if (w->hh.tbl)
        return w;
    free(w);                          /* no memory for the hash table */
    return NULL;
}

static void drop(struct dnscli *c, struct want *w)
{
    HASH_DEL(c->wants, w);
    free(w->node);
    free(w);
}

static int ask(struct dnscli *c, struct want *w)
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
    return c->wants ? ask(c, c->wants) : -ENOENT;
}

void dnscli_want(struct dnscli *c, const struct module_id *m)
{
    struct want *w = find(c, m);

    if (!w)
        w = add(c, m);
    if (!w)
        return;                     /* no memory: DNSService is asked at the next use */
    if (w->known)
        c->cfg.fn(&w->mod, w->node, w->n, c->cfg.arg);
    ask(c, w);
}

void dnscli_forget(struct dnscli *c, const struct module_id *m)
{
    struct want *w = find(c, m);

    if (w)
        drop(c, w);
}

/* Copies <node>.  Returns 0 or -ENOMEM. */
static int remember(struct want *w, const struct route_node *node, size_t n)
{
    struct route_node *copy = n > 0 ? malloc(n * sizeof(*node)) : NULL;

    if (n > 0 && !copy)
        return -ENOMEM;
    if (n > 0)
        memcpy(copy, node, n * sizeof(*node));
    free(w->node);
    w->node = copy;
    w->n = n;
    w->known = true;
    return 0;
}

static bool is_same(const struct want *w, const struct route_node *node, size_t n)
{
    size_t i;

    for (i = 0; i < n && i < w->n; i++)
        if (w->node[i].ip != node[i].ip || w->node[i].port != node[i].port ||
            w->node[i].weight != node[i].weight || w->node[i].zone != node[i].zone)
            return false;
    return w->known && w->n == n;
}

void dnscli_take(struct dnscli *c, const struct module_id *m,
                 const struct route_node *node, size_t n)
{
    struct want *w = find(c, m);
    int rc;

    if (!w || is_same(w, node, n))
        return;                       /* no longer wanted, or already known */
    rc = remember(w, node, n);
    if (rc < 0) {                     /* the refresh will repeat it */
        LOG_ERROR("route.lost", "modid=%u cmdid=%u err=%s", m->modid, m->cmdid,
                  err_str(rc));
        return;
    }
    c->dirty = true;
    c->cfg.fn(m, w->node, n, c->cfg.arg);
}

int dnscli_route(const struct dnscli *c, const struct module_id *m,
                 const struct route_node **node, size_t *n)
{
    const struct want *w = find(c, m);

    if (!w || !w->known)
        return -ENOENT;
    *node = w->node;
    *n = w->n;
    return 0;
}

bool dnscli_wants(const struct dnscli *c, const struct module_id *m)
{
    return find(c, m) != NULL;
}

int dnscli_ask(struct dnscli *c, const struct module_id *m)
{
    struct want *w = find(c, m);

    return w ? ask(c, w) : -ENOENT;
}

static void on_route(struct conn *conn, const struct frame *f, void *arg)
{
    struct dnscli *c = arg;
    struct module_id m;
    size_t n, i;
    int rc = msg_unpack_route(&m, c->host, MSG_MAX_HOSTS, &n, f->body, f->len);

    (void)conn;
    if (rc < 0 || !dnscli_wants(c, &m)) { /* malformed, or no longer wanted */
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "route.refused", "err=%s", err_str(rc));
        return;
    }
    for (i = 0; i < n; i++)
        c->node[i] = (struct route_node){c->host[i].ip, (uint16_t)c->host[i].port};
    dnscli_take(c, &m, c->node, n);
}

static void on_up(struct tcpcli *cli, void *arg)
{
    struct dnscli *c = arg;
    struct want *w, *next;

    if (c->cfg.on_up)
        c->cfg.on_up(cli, c->cfg.more_arg);
    HASH_ITER(hh, c->wants, w, next)
    ask(c, w);
}

static void on_down(struct tcpcli *cli, void *arg)
{
    struct dnscli *c = arg;
    struct want *w, *next;

    (void)cli;
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

/* How many rows, from the first on, belong to the module of the first. */
static size_t same_module(const struct route_row *row, size_t n)
{
    size_t k = 1;

    while (k < n && row[k].modid == row[0].modid && row[k].cmdid == row[0].cmdid)
        k++;
    return k;
}

static void take_rows(struct dnscli *c, const struct route_row *row, size_t n)
{
    size_t i, k, j;

    for (i = 0; i < n; i += k) {
        struct module_id m = {row[i].modid, row[i].cmdid};
        struct want *w = find(c, &m);

        k = same_module(row + i, n - i);
        for (j = 0; j < k && j < MSG_MAX_HOSTS; j++)
            c->node[j] = row[i + j].node;
        if (!w)
            w = add(c, &m);
        if (w && remember(w, c->node, j) == 0)
            c->cfg.fn(&m, w->node, w->n, c->cfg.arg);
    }
}

static void read_file(struct dnscli *c)
{
    struct route_row *row;
    size_t n;
    int rc = routefile_read(c->file, &row, &n, NULL);

    if (rc == 0) {
        take_rows(c, row, n);
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
        ask(c, w);
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
    tc.dispatch = c->dispatch;
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
    drop(c, w);
    free(c->file);
    free(c);
}

struct tcpcli *dnscli_client(struct dnscli *c)
{
    return c->cli;
}
