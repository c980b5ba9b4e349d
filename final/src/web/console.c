/* A request passes the gates of gates.c in one order, the table of routes among them.
 * Only then a handler runs.
 *
 * A request that may wait is suspended and worked on by a job; the library then calls
 * on_request() once more to send the answer. */
#include "web/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "obs/mhdloop.h"
#include "ops/secret.h"
#include "web/assets.h"
#include "web/follow.h"
#include "web/gates.h"
#include "web/live.h"
#include "web/proxy.h"
#include "web/router.h"
#include "web/send.h"
#include "web/slow.h"
#include "web/tls_pair.h"

#define CONNECTIONS 256u
#define IDLE_S 30u
#define MEMORY ((size_t)32 << 10)     /* of a connection: 16 KiB of headers fit */
#define JOBS_MAX 64
#define HASHES_MAX 8
#define ROUND_MS 1000
#define STALE_MS 10000
#define FRESH_MS 5000                 /* after a change, no job reads an older state */
/* TLS 1.0 and 1.1 have no cipher that is still safe. */
#define TLS_VERSIONS (char *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct console {
    struct evloop *loop;
    struct mhdloop *mhd;
    struct jobs *workers, *readers, *hasher;
    struct live *live;
    struct follow *follow;
    struct slow *slow;
    struct assets *assets;
    struct web web;
    struct tls_pair tls;
    struct proxy_list proxies;
    char hosts[512];
    uint64_t n_requests, n_refused, n_logins;
    _Atomic uint64_t changed_ms;      /* the last change by this console; 0 = none */
};

/* --- handlers ---------------------------------------------------------------------- */

static struct request *request_of(struct job *j)
{
    return (struct request *)(void *)j; /* its first member */
}

static void call_handler(struct console *c, struct request *q, struct sqldb *db)
{
    struct snap *snap = reader_snap(c->web.reader);
    struct request_env env = {snap, db, &c->web};

    q->route->fn(q, &env);
    snap_unref(snap);
    if (q->reply.status == 0)
        reply_problem(&q->reply, 500, "no_memory", NULL, NULL);
}

/* In a job: who asks is read first when it is not known. */
static void work(struct job *j, struct sqldb *db)
{
    struct request *q = request_of(j);
    struct console *c = q->owner;
    uint64_t changed_ms = c->changed_ms;
    int rc = 0;

    if (changed_ms > 0 && mono_ms() < changed_ms + FRESH_MS)
        sqldb_sync(db); /* another of our connections, or node, may have made it */
    if (q->token[0] && !session_recall(c->web.sessions, q->token, &q->who)) {
        rc = session_load(c->web.sessions, db, q->token, &q->who);
        if (rc < 0)
            q->who = (struct session){.role = SESSION_NONE};
    }
    if (rc < 0 && rc != -ENOENT && q->route->role != SESSION_NONE)
        request_db_failed(q, rc, db);
    else if (gates_role(q) && q->route->place != ROUTE_STREAM)
        call_handler(c, q, db);
}

static void done(struct job *j, bool cancelled)
{
    struct request *q = request_of(j);
    struct console *c = q->owner;

    if (cancelled)
        reply_problem(&q->reply, 503, "busy", NULL, "the console ends");
    else if (q->reply.status < 300 && strcmp(q->method, "GET") != 0)
        c->changed_ms = mono_ms();
    follow_add(c->follow, q->made);
    q->made = NULL;
    q->is_suspended = false;
    MHD_resume_connection(q->connection);
    if (c->mhd)
        mhdloop_wake(c->mhd);
}

/* Suspend the request until a job has worked on it. */
static void hand_over(struct console *c, struct request *q)
{
    bool reads = strcmp(q->method, "GET") == 0;
    struct jobs *pool = q->route->place == ROUTE_HASH ? c->hasher
                        : reads                       ? c->readers
                                                      : c->workers;

    q->job = (struct job){.work = work, .done = done};
    if (jobs_add(pool, &q->job) < 0) {
        reply_problem(&q->reply, 503, "busy", NULL, NULL);
        return;
    }
    q->is_suspended = true;
    MHD_suspend_connection(q->connection);
}

/* All of the request has come.  Afterwards it has a reply, or it is suspended. */
static void take_request(struct console *c, struct request *q)
{
    bool is_get = strcmp(q->method, "GET") == 0;

    c->n_requests++;
    gates_token(q);
    q->route = router_find(q);
    if (!q->route || (!is_get && !gates_page(q)))
        return;
    if (q->is_long || q->is_query_wrong) {
        reply_problem(&q->reply, q->is_long ? 413 : 422,
                      q->is_long ? "too_large" : "wrong_value", NULL, NULL);
        return;
    }
    snprintf(q->if_match, sizeof(q->if_match), "%s", gates_header(q, "If-Match"));
    c->n_logins += q->route->place == ROUTE_HASH;
    if (q->route->place == ROUTE_DB || q->route->place == ROUTE_HASH ||
        (q->token[0] && !session_recall(c->web.sessions, q->token, &q->who)))
        hand_over(c, q);
    else if (gates_role(q) && q->route->place == ROUTE_SNAP)
        call_handler(c, q, NULL);
}

/* --- the library ------------------------------------------------------------------- */

/* The library calls this with the address as it was sent, before it decodes it: a path is
 * compared byte for byte. */
static void *on_address(void *arg, const char *uri, struct MHD_Connection *con)
{
    struct request *q = calloc(1, sizeof(*q));
    size_t n = strcspn(uri, "?");

    if (!q)
        return NULL;
    q->owner = arg;
    q->connection = con;
    if (n < sizeof(q->path))
        snprintf(q->path, sizeof(q->path), "%.*s", (int)n, uri);
    return q;
}

static void begin_request(const struct console *c, struct request *q, const char *method)
{
    q->is_begun = true;
    snprintf(q->method, sizeof(q->method), "%s", method);
    request_read(q);
    q->is_tls = c->tls.cert != NULL;
    proxy_apply(&c->proxies, q);
}

static struct slow_peer *peer_of(struct MHD_Connection *con)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(con, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static enum MHD_Result answer(struct console *c, struct request *q)
{
    const struct assets_file *file = NULL;
    struct MHD_Response *stream = NULL;

    if (q->reply.status == 0 && !q->route) {
        if (!gates_host(c->hosts, gates_header(q, "Host")))
            reply_problem(&q->reply, 421, "wrong_host", NULL, NULL);
        else if (strncmp(q->path, "/api/", 5) != 0)
            file = assets_find(c->assets, q->path);
        if (!file && q->reply.status == 0)
            take_request(c, q);
        else if (file && strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0)
            reply_problem(&q->reply, 405, "method_not_allowed", NULL, NULL);
        if (q->is_suspended)
            return MHD_YES;
    }
    if (q->reply.status == 0 && q->route && q->route->place == ROUTE_STREAM)
        stream = live_open(c->live, q);
    if (stream)
        return send_stream(q->is_tls, q->connection, stream);
    slow_wait(peer_of(q->connection)); /* until all of the answer is taken */
    if (file && q->reply.status == 0)
        return send_file(q->is_tls, q->connection, file);
    c->n_refused += q->reply.status >= 400;
    return send_reply(q->is_tls, q->connection, &q->reply);
}

static void on_connection(void *arg, struct MHD_Connection *con, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(con, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct console *c = arg;

    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = info ? slow_open(c->slow, info->connect_fd) : NULL;
    else
        slow_close(*context);
}

/* Called for the headers, for each piece of the body, at its end, and after a job. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *con, const char *url,
                                  const char *method, const char *version,
                                  const char *data, size_t *n, void **state)
{
    struct request *q = *state;

    (void)version;
    (void)url;
    if (!q)
        return MHD_NO;                /* no memory */
    if (!q->is_begun) {
        begin_request(arg, q, method);
        return MHD_YES;
    }
    if (*n == 0) {
        slow_has_request(peer_of(con));
        return answer(arg, q);
    }
    if (q->body.len + *n > REQUEST_BODY || buf_append(&q->body, data, *n) < 0)
        q->is_long = true;
    *n = 0;
    return MHD_YES;
}

static void on_done(void *arg, struct MHD_Connection *con, void **state,
                    enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)why;
    slow_wait(peer_of(con));
    request_free(*state);
    *state = NULL;
}

static void on_snap(void *arg)
{
    struct console *c = arg;

    live_tick(c->live);
}

/* --- start and end ----------------------------------------------------------------- */

static int read_tls(struct console *c, const struct console_config *cfg)
{
    char why[CONF_ERR_MAX];

    if (!cfg->cert[0])
        return 0;
    if (tls_pair_read(&c->tls, cfg->cert, cfg->key, why) < 0) {
        LOG_ERROR("console.tls", "%s", why);
        return -EINVAL;
    }
    if (tls_pair_check_time(&c->tls, cfg->cert, why) < 0)
        LOG_WARN("console.tls", "%s", why);
    return 0;
}

static int read_gateway_keys(struct console *c, const struct console_config *cfg)
{
    char why[CONF_ERR_MAX];

    if (!cfg->gateway_key_file[0])
        return 0;
    if (fleet_keys_create(&c->web.gateway_keys, cfg->gateway_key_file,
                          "[gateways] key_file", why) == 0)
        return 0;
    LOG_ERROR("console.gateway_keys", "%s", why);
    return -EINVAL;
}

static int read_settings(struct console *c, const struct console_config *cfg)
{
    int rc;

    snprintf(c->hosts, sizeof(c->hosts), "%s", cfg->hosts);
    if (proxy_list_parse(&c->proxies, cfg->trusted) < 0)
        return -EINVAL;
    rc = read_gateway_keys(c, cfg);
    return rc < 0 ? rc : read_tls(c, cfg);
}

static struct MHD_Daemon *start_daemon(struct console *c, int lfd)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, c->tls.cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, c->tls.key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_VERSIONS},
                                   {MHD_OPTION_END, 0, NULL}};

    if (!c->tls.cert)
        tls[0].option = MHD_OPTION_END;
    return MHD_start_daemon(
        flags | (c->tls.cert ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, c,
        MHD_OPTION_LISTEN_SOCKET, lfd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY,
        MHD_OPTION_URI_LOG_CALLBACK, on_address, c, MHD_OPTION_NOTIFY_COMPLETED, on_done,
        NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, c, MHD_OPTION_ARRAY, tls,
        MHD_OPTION_END);
}

static int start_mhd(struct console *c, int lfd)
{
    struct MHD_Daemon *d = start_daemon(c, lfd);
    int rc;

    if (!d) {
        close(lfd);
        return c->tls.cert ? -EINVAL : -EIO;
    }
    rc = mhdloop_create(&c->mhd, c->loop, d);
    if (rc == 0)
        live_set_loop(c->live, c->mhd);
    return rc;
}

static void load_pages(struct console *c, const char *dir)
{
    int rc = assets_load(&c->assets, dir);

    if (rc < 0)
        LOG_WARN("console.pages",
                 "dir=%s err=%s: the pages cannot be read, so only the API is served; "
                 "build them with `make web`, which needs npm",
                 dir, err_str(rc));
}

static int start_parts(struct console *c, const struct console_config *cfg)
{
    int rc = secret_init();

    if (rc == 0)
        rc = session_cache_create(&c->web.sessions);
    if (rc == 0)
        rc = slow_create(&c->slow, c->loop);
    if (rc == 0)
        rc = throttle_create(&c->web.throttle);
    if (rc == 0)
        rc = jobs_start(&c->workers, c->loop, &cfg->db, cfg->workers, JOBS_MAX);
    if (rc == 0)
        rc = jobs_start(&c->readers, c->loop, &cfg->db_read, cfg->workers, JOBS_MAX);
    if (rc == 0)
        rc = jobs_start(&c->hasher, c->loop, &cfg->db, 1, HASHES_MAX);
    if (rc == 0)
        rc = follow_create(&c->follow, c->loop, c->workers);
    if (rc == 0)
        rc = live_create(&c->live, &c->web, c->readers);
    if (rc == 0)
        rc = gateways_start(&c->web.gateways, &cfg->gateways);
    return rc < 0 ? rc
                  : reader_start(&c->web.reader, c->loop, &cfg->db_read, ROUND_MS,
                                 on_snap, c);
}

int console_create(struct console **out, struct evloop *l, int lfd,
                   const struct console_config *cfg)
{
    struct console *c = calloc(1, sizeof(*c));
    int rc = c ? 0 : -ENOMEM;

    if (rc == 0) {
        c->loop = l;
        rc = read_settings(c, cfg);
    }
    if (rc == 0)
        rc = start_parts(c, cfg);
    if (rc < 0) {
        close(lfd);
        console_destroy(c);
        return rc;
    }
    load_pages(c, cfg->pages);
    rc = start_mhd(c, lfd);
    if (rc < 0)
        console_destroy(c);
    else
        *out = c;
    return rc;
}

/* Jobs end first, which resumes their requests, then streams, then the library. */
void console_destroy(struct console *c)
{
    if (!c)
        return;
    jobs_stop(c->hasher);
    jobs_stop(c->workers);
    jobs_stop(c->readers);
    follow_destroy(c->follow);
    if (c->live)
        live_close(c->live);
    mhdloop_destroy(c->mhd);
    slow_destroy(c->slow);
    live_destroy(c->live);
    reader_stop(c->web.reader);
    gateways_stop(c->web.gateways);
    fleet_keys_destroy(c->web.gateway_keys);
    session_cache_destroy(c->web.sessions);
    throttle_destroy(c->web.throttle);
    assets_free(c->assets);
    tls_pair_free(&c->tls);
    free(c);
}

void console_collect(const struct console *c, struct metrics *m)
{
    metrics_counter(m, "lars_console_requests_total", "Requests to the API.",
                    (double)c->n_requests);
    metrics_counter(m, "lars_console_refused_total",
                    "Requests that were answered with a status of 400 or more.",
                    (double)c->n_refused);
    metrics_counter(m, "lars_console_logins_total",
                    "Attempts to log in or to change a password.", (double)c->n_logins);
    metrics_gauge(m, "lars_console_streams", "Streams of events that are open.",
                  (double)live_n(c->live));
    metrics_gauge(m, "lars_console_snapshot_age_seconds",
                  "Seconds since the database was last read.",
                  (double)reader_age_ms(c->web.reader) / 1000);
}

const char *console_health(const struct console *c)
{
    return reader_age_ms(c->web.reader) > STALE_MS
               ? "the database has not been read for 10 s; see the log"
               : NULL;
}
