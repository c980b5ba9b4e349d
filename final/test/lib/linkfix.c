#include "linkfix.h"

#include <signal.h>
#include <sys/epoll.h>

#include "../loop.h"
#include "base/log.h"
#include "base/role.h"
#include "net/sock.h"

struct linkfix linkfix;

const char *linkfix_file(const char *name, const char *suffix)
{
    static char path[8][100];
    static unsigned n;

    n = (n + 1) % 8;
    snprintf(path[n], sizeof(path[n]), "%s/%s%s", linkfix.dir, name, suffix);
    return path[n];
}

long linkfix_sign(const char *name, const char *san)
{
    return certauthority_sign(&linkfix.ca, &(struct certauthority_names){.san = san},
                              linkfix_file(name, ".crt"), linkfix_file(name, ".key"));
}

struct tls_link *linkfix_link(const char *name, bool crl)
{
    const struct tls_link_config c = {.cert = linkfix_file(name, ".crt"),
                                      .key = linkfix_file(name, ".key"),
                                      .ca = linkfix_file("ca", ".crt"),
                                      .crl = crl ? linkfix_file("crl", ".pem") : "",
                                      .on_loopback = true};
    struct tls_link *l;
    char err[CONF_ERR_MAX];

    if (tls_link_create(&l, &c, err) < 0)
        fail_msg("%s", err);
    return l;
}

/* --- the server --------------------------------------------------------------------- */

static void on_start(struct conn *c, void *arg)
{
    (void)arg;
    linkfix.n_start++;
    linkfix.last = c;
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    (void)arg;
    linkfix.n_close++;
    linkfix.why = why;
    if (linkfix.last == c)
        linkfix.last = NULL;
}

static void on_frame(struct conn *c, const struct frame *f, void *arg)
{
    (void)arg;
    linkfix.n_frames++;
    linkfix.n_bytes += f->len;
    if (f->msgid == 1 || f->msgid == 3)
        conn_send(c, f->msgid, f->body, f->len);
    if (f->msgid == 2)
        conn_pause_read(c);
    if (f->msgid == 3)
        conn_finish(c);
    if (f->msgid == 6) {
        const uint8_t *ip = (const uint8_t *)f->body;

        linkfix.is_foreign =
            !tls_conn_is_host(c, (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 |
                                     (uint32_t)ip[2] << 8 | ip[3]);
    }
}

static void on_listener(int fd, uint32_t events, void *arg)
{
    struct net_addr from;
    int c = sock_accept(fd, SOCK_NONBLOCK, &from);

    (void)events;
    (void)arg;
    if (c >= 0)
        assert_int_equal(conn_group_start(linkfix.group, c, &from), 0);
}

static unsigned may_send(int32_t msgid)
{
    return msgid == 5 ? ROLE_SLOTS : ROLE_ALL;
}

void linkfix_serve(const char *name, bool crl)
{
    linkfix.link = linkfix_link(name, crl);
    linkfix.sc.link = linkfix.link;
    linkfix.sc.n_threads = 1;
    if (linkfix.sc.wanted == 0)
        linkfix.sc.wanted = ROLE_AGENT | ROLE_SLOTS;
    if (linkfix.sc.handshake_ms == 0)
        linkfix.sc.handshake_ms = T_DEADLINE_MS;
    linkfix.sc.may_send = may_send;
    assert_int_equal(tls_conn_server_create(&linkfix.server, &linkfix.sc), 0);
    linkfix.cc.dispatch = linkfix.d;
    linkfix.cc.choose_io = tls_conn_accept;
    linkfix.cc.io_arg = linkfix.server;
    linkfix.cc.on_start = on_start;
    linkfix.cc.on_close = on_close;
    assert_int_equal(conn_group_create(&linkfix.group, linkfix.loop, &linkfix.cc), 0);
    assert_int_equal(net_addr_set(&linkfix.at, "127.0.0.1", 0), 0);
    linkfix.lfd = sock_listen(&linkfix.at, 64, SOCK_NONBLOCK);
    assert_true(linkfix.lfd >= 0);
    assert_int_equal(
        setsockopt(linkfix.lfd, SOL_SOCKET, SO_RCVBUF, &(int){1 << 20}, sizeof(int)), 0);
    assert_int_equal(sock_local_addr(linkfix.lfd, &linkfix.at), 0);
    assert_int_equal(evloop_add_fd(linkfix.loop, linkfix.lfd, EPOLLIN, on_listener, NULL),
                     0);
}

uint64_t linkfix_refused(enum tls_why why)
{
    struct tls_link_stat st;

    tls_link_stat(linkfix.link, &st);
    return st.n_refused[why];
}

/* --- our client --------------------------------------------------------------------- */

static void on_up(struct conn *c, void *arg)
{
    (void)arg;
    linkfix.n_up++;
    linkfix.c = c;
}

static void on_down(struct conn *c, enum conn_why why, void *arg)
{
    (void)arg;
    (void)c;
    linkfix.n_down++;
    linkfix.down_why = why;
    linkfix.c = NULL;
}

static void on_echo(struct conn *c, const struct frame *f, void *arg)
{
    (void)c;
    (void)f;
    (void)arg;
    linkfix.n_echo++;
}

void linkfix_dial_again(void)
{
    int fd = sock_connect(&linkfix.at, T_DEADLINE_MS);

    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(conn_group_start(linkfix.clients, fd, &linkfix.at), 0);
}

void linkfix_dial(const char *name, unsigned wanted)
{
    const struct conn_config cc = {.dispatch = linkfix.of_client,
                                   .choose_io = tls_conn_connect,
                                   .io_arg = &linkfix.client,
                                   .on_start = on_up,
                                   .on_close = on_down};

    linkfix.own = linkfix_link(name, linkfix.own_crl);
    linkfix.client = (struct tls_client){.link = linkfix.own,
                                         .wanted = wanted,
                                         .handshake_ms = T_DEADLINE_MS};
    assert_int_equal(conn_group_create(&linkfix.clients, linkfix.loop, &cc), 0);
    linkfix_dial_again();
}

/* --- a peer that sends what a test wants -------------------------------------------- */

void linkfix_peer(const char *name, const struct tlspeer_options *more)
{
    struct tlspeer_options o = more ? *more : (struct tlspeer_options){0};
    char cert[100], key[100];

    if (name) {
        snprintf(cert, sizeof(cert), "%s", linkfix_file(name, ".crt"));
        snprintf(key, sizeof(key), "%s", linkfix_file(name, ".key"));
        o.cert = cert;
        o.key = key;
    }
    tlspeer_connect(&linkfix.peer, linkfix.at.port, &o);
}

int linkfix_step(void)
{
    int rc;

    tlspeer_receive(&linkfix.peer);
    rc = tlspeer_step(&linkfix.peer);
    tlspeer_send(&linkfix.peer, SIZE_MAX);
    loop_turn(linkfix.loop);
    return rc;
}

void linkfix_shake_hands(void)
{
    int n_start = linkfix.n_start, n_close = linkfix.n_close;
    uint64_t end_ms = t_now_ms() + T_DEADLINE_MS;

    while (linkfix.n_start == n_start && linkfix.n_close == n_close) {
        linkfix_step();
        if (t_now_ms() > end_ms)
            fail_msg("the handshake has no end");
    }
}

void linkfix_say(int32_t msgid, const void *body, size_t len)
{
    char out[FRAME_HEAD + FRAME_MAX_BODY];

    frame_put_head((uint8_t *)out, msgid, (uint32_t)len);
    memcpy(out + FRAME_HEAD, body, len);
    tlspeer_write(&linkfix.peer, out, (int)(FRAME_HEAD + len));
}

int linkfix_hear(void *buf, size_t n)
{
    uint64_t end_ms = t_now_ms() + T_DEADLINE_MS;
    size_t at = 0;
    int rc;

    do {
        loop_turn(linkfix.loop);
        tlspeer_receive(&linkfix.peer);
        while (at < n &&
               (rc = tlspeer_read(&linkfix.peer, (char *)buf + at, (int)(n - at))) > 0)
            at += (size_t)rc;
        if (t_now_ms() > end_ms)
            fail_msg("%zu of %zu bytes have come", at, n);
    } while (at < n && rc == -1);
    return at == n ? 1 : rc;
}

/* --- before and after a test -------------------------------------------------------- */

int linkfix_setup(void **state)
{
    int32_t id;

    (void)t_fds_save(state);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    memset(&linkfix, 0, sizeof(linkfix));
    linkfix.lfd = linkfix.peer.fd = -1;
    snprintf(linkfix.dir, sizeof(linkfix.dir), "/tmp/lars-link-XXXXXX");
    assert_non_null(mkdtemp(linkfix.dir));
    certauthority_open(&linkfix.ca);
    certauthority_write(&linkfix.ca, linkfix_file("ca", ".crt"));
    linkfix_sign("dnsd", LINKFIX_DNSD);
    linkfix_sign("agent", LINKFIX_AGENT);
    assert_int_equal(evloop_create(&linkfix.loop), 0);
    assert_int_equal(dispatch_create(&linkfix.d), 0);
    assert_int_equal(dispatch_create(&linkfix.of_client), 0);
    for (id = 1; id <= 6; id++) {
        assert_int_equal(dispatch_set(linkfix.d, id, on_frame, NULL), 0);
        assert_int_equal(dispatch_set(linkfix.of_client, id, on_echo, NULL), 0);
    }
    return 0;
}

int linkfix_teardown(void **state)
{
    char command[80];

    tlspeer_close(&linkfix.peer);
    conn_group_destroy(linkfix.clients);
    conn_group_destroy(linkfix.group);
    if (linkfix.lfd >= 0) {
        evloop_del_fd(linkfix.loop, linkfix.lfd);
        close(linkfix.lfd);
    }
    evloop_destroy(linkfix.loop);
    dispatch_destroy(linkfix.d);
    dispatch_destroy(linkfix.of_client);
    tls_conn_server_destroy(linkfix.server);
    tls_link_destroy(linkfix.link);
    tls_link_destroy(linkfix.own);
    certauthority_close(&linkfix.ca);
    snprintf(command, sizeof(command), "rm -rf %s", linkfix.dir);
    assert_int_equal(system(command), 0);
    return t_fds_check(state);
}
