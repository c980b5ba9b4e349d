/* Hello is the question by which a silent server is found (net/liveness.h) and by which
 * the first server shows that it works again (net/failback.h): every server that has what
 * we want answers it.  A DNSService answers it without its database too, so a third check
 * looks at the work itself.
 *
 * Rejected: a hello that is not answered without the database.  Agents need no database,
 * because routes are served from memory, and would leave a server that works for them. */
#include "slot/service_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/role.h"
#include "net/conn.h"
#include "net/failback.h"
#include "net/liveness.h"

#define PERIOD_MS 1000 /* between two questions to a server */
#define MISSES 3 /* unanswered in a row: the server is left */
#define LOG_GAP_MS 60000

struct service_link {
    struct evloop *loop;
    struct service_link_config cfg;
    const char *name; /* in the log */
    struct dispatch *dispatch;
    struct tls_client tls;
    struct tcpcli *cli;
    struct liveness *liveness;
    struct failback_config back;
    struct failback *failback; /* NULL = a single server, or it is avoided */
    struct evtimer timer; /* of the next look at its work */
    bool up; /* it has answered hello on this connection */
    uint64_t useful_ms; /* monotonic; while it is up */
    uint64_t avoid_ms; /* until then the first one is not gone back to */
    char hello[16]; /* body of message 32 */
    size_t hello_len;
};

static int say_hello(void *arg)
{
    struct service_link *s = arg;

    return tcpcli_send(s->cli, MSG_HELLO, s->hello, s->hello_len);
}

static void on_up(struct tcpcli *c, void *arg)
{
    struct service_link *s = arg;

    (void)c;
    s->up = false;
    say_hello(s);
}

static void on_down(struct tcpcli *c, void *arg)
{
    struct service_link *s = arg;

    (void)c;
    s->up = false;
    LOG_WARN("service.lost", "of=%s: connecting again", s->name);
}

static bool is_right_kind(struct service_link *s, const struct conn *c,
                          const struct frame *f)
{
    enum msg_service kind;
    uint32_t version;
    char peer[NET_ADDR_STRLEN];

    if (msg_batch_unpack_hello(&version, &kind, f->body, f->len) < 0)
        return false;
    if (kind == s->cfg.kind)
        return true;
    LOG_EVERY(
        LOG_GAP_MS, LOG_LEVEL_ERROR, "server.wrong_service",
        "peer=%s wanted=%s: another service listens there; correct the addresses in "
        "the configuration",
        net_addr_str(conn_peer(c), peer), s->name);
    return false;
}

/* Each hello of the liveness check is answered too; only the first answer on a connection
 * begins something. */
static void on_hello_reply(struct conn *c, const struct frame *f, void *arg)
{
    struct service_link *s = arg;

    if (s->up || !is_right_kind(s, c, f))
        return;
    s->up = true;
    service_link_is_useful(s);
    LOG_INFO("service.connected", "of=%s", s->name);
    s->cfg.on_ready(s->cfg.arg);
}

/* --- a server that does not do its work --------------------------------------------- */

static void leave_useless(struct service_link *s, uint64_t now_ms)
{
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "service.useless",
              "of=%s ms=%llu: it answers but does not do its work, so the next server is "
              "tried; see db.down in its log",
              s->name, (unsigned long long)(now_ms - s->useful_ms));
    failback_destroy(s->failback);
    s->failback = NULL;
    s->avoid_ms = now_ms + SERVICE_LINK_AVOID_MS;
    s->up = false;
    tcpcli_go_next(s->cli);
}

/* Without memory the next look tries again. */
static void begin_failback(struct service_link *s)
{
    if (failback_create(&s->failback, s->loop, s->cli, &s->back) < 0)
        s->failback = NULL;
}

static void look_at_work(void *arg)
{
    struct service_link *s = arg;
    uint64_t now_ms = evloop_now_ms(s->loop);

    evloop_set_timer(s->loop, &s->timer, PERIOD_MS, look_at_work, s);
    if (!s->failback && now_ms >= s->avoid_ms)
        begin_failback(s);
    if (s->up && now_ms - s->useful_ms >= SERVICE_LINK_USELESS_MS)
        leave_useless(s, now_ms);
}

void service_link_is_useful(struct service_link *s)
{
    s->useful_ms = evloop_now_ms(s->loop);
}

/* --- create, destroy ---------------------------------------------------------------- */

static int add_handlers(struct service_link *s)
{
    int rc = dispatch_create(&s->dispatch);

    if (rc == 0)
        rc = dispatch_set(s->dispatch, MSG_HELLO_REPLY, on_hello_reply, s);
    return rc < 0 ? rc : dispatch_set(s->dispatch, s->cfg.msgid, s->cfg.fn, s->cfg.arg);
}

static int open_client(struct service_link *s)
{
    struct tcpcli_config tc = {.n_to = s->cfg.n_to,
                               .choose_io = tls_conn_connect,
                               .io_arg = &s->tls,
                               .on_up = on_up,
                               .on_down = on_down,
                               .arg = s};
    struct liveness_config lc = {PERIOD_MS, MISSES, say_hello, s};
    int rc;

    memcpy(tc.to, s->cfg.to, s->cfg.n_to * sizeof(tc.to[0]));
    tc.dispatch = s->dispatch;
    s->tls.link = s->cfg.tls;
    s->tls.wanted = s->cfg.kind == MSG_SERVICE_DNS ? ROLE_DNSD : ROLE_REPORTD;
    s->back = (struct failback_config){s->cfg.to[0], PERIOD_MS, MSG_HELLO, s->hello,
                                       s->hello_len};
    s->cfg.to = NULL; /* the caller's; not used any more */
    rc = tcpcli_create(&s->cli, s->loop, &tc);
    if (rc == 0)
        rc = liveness_create(&s->liveness, s->loop, s->cli, &lc);
    if (rc == 0 && s->cfg.n_to > 1) /* a single server is kept, whatever it does */
        rc = evloop_set_timer(s->loop, &s->timer, PERIOD_MS, look_at_work, s);
    return rc;
}

int service_link_create(struct service_link **out, struct evloop *l,
                        const struct service_link_config *cfg)
{
    struct service_link *s;
    ssize_t len;
    int rc;

    if (cfg->n_to < 1 || cfg->n_to > TCPCLI_MAX_ADDRS)
        return -EINVAL;
    s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->loop = l;
    s->cfg = *cfg;
    s->name = cfg->kind == MSG_SERVICE_DNS ? "DNSService" : "Report Service";
    len = msg_batch_pack_hello(cfg->kind, s->hello, sizeof(s->hello));
    s->hello_len = len < 0 ? 0 : (size_t)len;
    rc = len < 0 ? (int)len : add_handlers(s);
    if (rc == 0)
        rc = open_client(s);
    if (rc < 0)
        service_link_destroy(s);
    else
        *out = s;
    return rc;
}

void service_link_destroy(struct service_link *s)
{
    if (!s)
        return;
    evloop_clear_timer(s->loop, &s->timer);
    failback_destroy(s->failback);
    liveness_destroy(s->liveness);
    tcpcli_destroy(s->cli);
    dispatch_destroy(s->dispatch);
    free(s);
}

int service_link_send(struct service_link *s, int32_t msgid, const void *body, size_t len)
{
    return tcpcli_send(s->cli, msgid, body, len);
}

bool service_link_is_up(const struct service_link *s)
{
    return s->up;
}

bool service_link_is_first(const struct service_link *s)
{
    return tcpcli_is_first(s->cli);
}
