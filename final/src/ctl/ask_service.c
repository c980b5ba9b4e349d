/* An event loop of its own bounds the whole question, whatever the other side sends.
 * Rejected: blocking reads with a time-out each.  A peer that sends one byte in a second
 * would keep the command for minutes. */
#include "ctl/ask_service.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/role.h"
#include "net/conn_group.h"
#include "net/sock.h"
#include "net/tls_conn.h"

#define CONNECT_MS 1000

struct question {
    struct evloop *loop;
    struct dispatch *dispatch;
    struct conn_group *group;
    struct tls_client tls;
    enum msg_service want, got;
    bool answered, closed;
};

static void on_reply(struct conn *c, const struct frame *f, void *arg)
{
    struct question *q = arg;
    uint32_t version;

    (void)c;
    msg_batch_unpack_hello(&version, &q->got, f->body, f->len);
    q->answered = true;
    evloop_stop(q->loop);
}

static void on_start(struct conn *c, void *arg)
{
    struct question *q = arg;
    char body[16];
    ssize_t n = msg_batch_pack_hello(q->want, body, sizeof(body));

    if (n > 0)
        conn_send(c, MSG_HELLO, body, (size_t)n);
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct question *q = arg;

    (void)c;
    (void)why;
    q->closed = true;
    evloop_stop(q->loop);
}

static void on_late(void *arg)
{
    evloop_stop(arg);
}

/* Takes <fd>. */
static int ask(struct question *q, int fd, const struct net_addr *at)
{
    const struct conn_config cc = {.dispatch = q->dispatch,
                                   .choose_io = tls_conn_connect,
                                   .io_arg = &q->tls,
                                   .on_start = on_start,
                                   .on_close = on_close,
                                   .arg = q};
    struct evtimer timer = {0};
    int rc = dispatch_set(q->dispatch, MSG_HELLO_REPLY, on_reply, q);

    if (rc == 0)
        rc = conn_group_create(&q->group, q->loop, &cc);
    if (rc == 0)
        rc = evloop_set_timer(q->loop, &timer, ASK_SERVICE_MS * (q->tls.link ? 2 : 1),
                              on_late, q->loop);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    rc = conn_group_start(q->group, fd, at);
    if (rc == 0)
        rc = evloop_run(q->loop);
    evloop_clear_timer(q->loop, &timer);
    if (rc < 0)
        return rc;
    return q->closed && !q->answered ? -ECONNRESET : 0;
}

/* Which refusal was counted since <before>? */
static enum tls_why why_since(struct tls_link *l, const struct tls_link_stat *before)
{
    struct tls_link_stat now;
    size_t i = TLS_WHY_NONE + 1;

    tls_link_stat(l, &now);
    while (i < TLS_WHY_COUNT && now.n_refused[i] == before->n_refused[i])
        i++;
    return i < TLS_WHY_COUNT ? (enum tls_why)i : TLS_WHY_NONE;
}

int ask_service_at(const struct net_addr *at, enum msg_service want, struct tls_link *tls,
                   enum msg_service *got, enum tls_why *why)
{
    struct question q = {.want = want, .got = MSG_SERVICE_NOT_TOLD};
    int fd = sock_connect(at, CONNECT_MS), rc;
    struct tls_link_stat before = {0};

    *why = TLS_WHY_NONE;
    if (fd < 0)
        return fd;
    q.tls.link = tls;
    q.tls.wanted = want == MSG_SERVICE_DNS ? ROLE_DNSD : ROLE_REPORTD;
    if (tls)
        tls_link_stat(tls, &before);
    rc = evloop_create(&q.loop);
    if (rc == 0)
        rc = dispatch_create(&q.dispatch);
    if (rc == 0)
        rc = ask(&q, fd, at);
    else
        close(fd);
    conn_group_destroy(q.group);
    dispatch_destroy(q.dispatch);
    evloop_destroy(q.loop);
    *got = q.got;
    if (tls && rc == -ECONNRESET)
        *why = why_since(tls, &before);
    return rc;
}
