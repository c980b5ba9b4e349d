/* The stream under test and its client are in one thread: a turn of the loop and a step
 * of the client follow each other, so that a test sees every state between them. */
#include "tlsfix.h"

#include <signal.h>

#include "../loop.h"
#include "certfile.h"

struct tlsfix tlsfix;

static void closed(struct stream *s)
{
    if (!tlsfix.close_in)
        return;
    tlsfix.close_in = false;
    stream_close(s);
}

static void on_input(struct stream *s)
{
    ssize_t n = stream_read(s, tlsfix.at_once, tlsfix.read_size);

    tlsfix.n_input++;
    if (n == -EAGAIN)
        return;
    tlsfix.last = n;
    if (n > 0 && tlsfix.n_got + (size_t)n <= sizeof(tlsfix.got)) {
        memcpy(tlsfix.got + tlsfix.n_got, tlsfix.at_once, (size_t)n);
        tlsfix.n_got += (size_t)n;
    }
    if (n <= 0)
        stream_close(s);
    closed(s);
}

static void on_drain(struct stream *s)
{
    (void)s;
    tlsfix.n_drain++;
}

static void on_error(struct stream *s, int rc)
{
    tlsfix.n_error++;
    tlsfix.error_rc = rc;
    stream_close(s);
}

static void on_connect(struct stream *s, int rc)
{
    tlsfix.n_connect++;
    tlsfix.connect_rc = rc;
    if (rc < 0)
        stream_close(s);
    closed(s);
}

const struct stream_owner tlsfix_owner = {on_input, on_drain, on_error, on_connect};

struct tls_context *tlsfix_new_context(const struct tls_context *before)
{
    struct tls_files files = {"[test]", tlsfix.cert, tlsfix.key};
    struct tls_context *t;
    char err[CONF_ERR_MAX];

    if (tls_context_create(&t, &files, before, err) < 0)
        fail_msg("%s", err);
    return t;
}

int tlsfix_setup(void **state)
{
    (void)t_fds_save(state);
    signal(SIGPIPE, SIG_IGN);
    memset(&tlsfix, 0, sizeof(tlsfix));
    tlsfix.s.fd = tlsfix.peer.fd = -1;
    tlsfix.read_size = sizeof(tlsfix.at_once);
    snprintf(tlsfix.dir, sizeof(tlsfix.dir), "/tmp/lars-tls-XXXXXX");
    assert_non_null(mkdtemp(tlsfix.dir));
    snprintf(tlsfix.cert, sizeof(tlsfix.cert), "%s/cert.pem", tlsfix.dir);
    snprintf(tlsfix.key, sizeof(tlsfix.key), "%s/key.pem", tlsfix.dir);
    certfile_write_pair(tlsfix.cert, tlsfix.key, -3600, 86400);
    tlsfix.context = tlsfix_new_context(NULL);
    return evloop_create(&tlsfix.loop);
}

int tlsfix_teardown(void **state)
{
    stream_close(&tlsfix.s);
    tlspeer_close(&tlsfix.peer);
    evloop_destroy(tlsfix.loop);
    tls_context_unref(tlsfix.context);
    unlink(tlsfix.cert);
    unlink(tlsfix.key);
    rmdir(tlsfix.dir);
    return t_fds_check(state);
}

void tlsfix_begin(const struct tlspeer_options *o)
{
    int fd[2];

    tlsfix.n_connect = tlsfix.n_input = tlsfix.n_error = 0;
    tlsfix.n_got = 0;
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(
        tls_stream_open(&tlsfix.s, tlsfix.loop, fd[0], &tlsfix_owner, tlsfix.context), 0);
    tlspeer_open(&tlsfix.peer, fd[1], o);
}

void tlsfix_end(void)
{
    stream_close(&tlsfix.s);
    tlspeer_close(&tlsfix.peer);
}

int tlsfix_step(void)
{
    int rc;

    tlspeer_receive(&tlsfix.peer);
    rc = tlspeer_step(&tlsfix.peer);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    loop_turn(tlsfix.loop);
    return rc;
}

/* Exchange messages until both sides are ready, or the server has refused. */
void tlsfix_shake_hands(void)
{
    uint64_t end_ms = t_now_ms() + T_DEADLINE_MS;

    while (tlsfix.n_connect == 0 ||
           (tlsfix.connect_rc == 0 && !SSL_is_init_finished(tlsfix.peer.ssl)))
        if (tlsfix_step() < 0 && tlsfix.n_connect > 0)
            break;
        else if (t_now_ms() > end_ms)
            fail_msg("the handshake has no end");
}

void tlsfix_open(const struct tlspeer_options *o)
{
    tlsfix_begin(o);
    tlsfix_shake_hands();
    assert_int_equal(tlsfix.n_connect, 1);
    assert_int_equal(tlsfix.connect_rc, 0);
}

int tlsfix_hear(char *buf, size_t n)
{
    uint64_t end_ms = t_now_ms() + T_DEADLINE_MS;
    size_t at = 0;
    int rc;

    do {
        loop_turn(tlsfix.loop);
        tlspeer_receive(&tlsfix.peer);
        while (at < n && (rc = tlspeer_read(&tlsfix.peer, buf + at, (int)(n - at))) > 0)
            at += (size_t)rc;
        if (t_now_ms() > end_ms)
            fail_msg("%zu of %zu bytes have come", at, n);
    } while (at < n && rc == -1);
    return at == n ? 1 : rc;
}
