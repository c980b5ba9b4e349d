/* One thread polls all sockets and forwards what it can read.  A fault changes between
 * two polls, which end after 10 ms at the latest, so the test needs no lock.
 *
 * A delay blocks the whole proxy on purpose: it also delays the other connections, as a
 * slow link does.  Rejected: netem of the kernel, because it needs root. */
#include "faultproxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "../t.h"

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static void close_pair(struct faultproxy_pair *p, bool reset)
{
    struct linger lg = {1, 0};

    if (reset && p->a >= 0)
        setsockopt(p->a, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
    if (p->a >= 0)
        close(p->a);
    close(p->b);
    p->a = p->b = -1;
}

static struct faultproxy_pair *free_pair(struct faultproxy *f)
{
    int i;

    for (i = 0; i < FAULTPROXY_MAX; i++)
        if (f->pair[i].b < 0)
            return &f->pair[i];
    return NULL;
}

static int connect_server(struct faultproxy *f)
{
    struct sockaddr_in at = loopback(f->to);
    int fd = socket(AF_INET, (f->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void accept_client(struct faultproxy *f)
{
    struct faultproxy_pair *p = free_pair(f);
    int fd = accept4(f->lfd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (p && !f->refuse) {
        *p = (struct faultproxy_pair){.a = fd, .b = connect_server(f)};
        if (p->b >= 0)
            return;
        p->a = -1;
    }
    f->n_fault++;
    p = &(struct faultproxy_pair){.a = fd, .b = dup(fd)};
    close_pair(p, true);
}

/* Forwards one piece from socket <from> to socket <to>, with the faults set now. */
static void forward_stream(struct faultproxy *f, struct faultproxy_pair *p, int from,
                           int to)
{
    char buf[4096];
    ssize_t n = recv(from, buf, f->one_byte ? 1 : sizeof(buf), MSG_DONTWAIT), i;

    if (n < 0 && errno == EAGAIN)
        return;
    if (f->delay_ms > 0)
        poll(NULL, 0, f->delay_ms);
    for (i = 0; i < n;) {
        ssize_t w = send(to, buf + i, (size_t)(n - i), MSG_NOSIGNAL);

        if (w <= 0)
            break;
        i += w;
    }
    p->bytes += (int)(n > 0 ? n : 0);
    f->n_pass += (unsigned long long)(n > 0 ? n : 0);
    if (n <= 0 || i < n) {
        close_pair(p, false);
    } else if (f->cut_after > 0 && p->bytes >= f->cut_after) {
        f->n_fault++;
        close_pair(p, true);
    }
}

static bool is_hit(struct faultproxy *f, int percent)
{
    bool hit = (int)(rand_r(&f->seed) % 100) < percent;

    f->n_fault += hit;
    return hit;
}

static void send_datagram(struct faultproxy *f, struct faultproxy_pair *p, bool back,
                          const void *buf, size_t n)
{
    if (back)
        sendto(f->lfd, buf, n, 0, (struct sockaddr *)&p->peer, sizeof(p->peer));
    else
        send(p->b, buf, n, 0);
    f->n_pass++;
}

static void forward_datagram(struct faultproxy *f, struct faultproxy_pair *p, bool back,
                             const void *buf, size_t n)
{
    static struct {
        struct faultproxy_pair *p;
        bool back;
        size_t n;
        char buf[2048];
    } held;

    if (is_hit(f, f->drop) || n > sizeof(held.buf))
        return;
    if (f->delay_ms > 0)
        poll(NULL, 0, f->delay_ms);
    if (!held.p && is_hit(f, f->reorder)) {
        held.p = p;
        held.back = back;
        held.n = n;
        memcpy(held.buf, buf, n);
        return;
    }
    send_datagram(f, p, back, buf, n);
    if (is_hit(f, f->dup))
        send_datagram(f, p, back, buf, n);
    if (held.p) { /* it arrives after the later one */
        send_datagram(f, held.p, held.back, held.buf, held.n);
        held.p = NULL;
    }
}

static void from_client(struct faultproxy *f)
{
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    char buf[65536];
    ssize_t n =
        recvfrom(f->lfd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    struct faultproxy_pair *p = NULL;
    int i;

    for (i = 0; n > 0 && i < FAULTPROXY_MAX && !p; i++)
        if (f->pair[i].b >= 0 && f->pair[i].peer.sin_port == from.sin_port)
            p = &f->pair[i];
    if (n > 0 && !p && (p = free_pair(f)))
        *p = (struct faultproxy_pair){.a = -1, .b = connect_server(f), .peer = from};
    if (p && p->b >= 0)
        forward_datagram(f, p, false, buf, (size_t)n);
}

static void from_server(struct faultproxy *f, struct faultproxy_pair *p)
{
    char buf[65536];
    ssize_t n = recv(p->b, buf, sizeof(buf), MSG_DONTWAIT);

    if (n > 0)
        forward_datagram(f, p, true, buf, (size_t)n);
}

static void forward_ready(struct faultproxy *f, struct pollfd *pf)
{
    int i;

    for (i = 0; i < FAULTPROXY_MAX; i++) {
        struct faultproxy_pair *p = &f->pair[i];

        if (f->udp && p->b >= 0 && pf[2 + 2 * i + 1].revents)
            from_server(f, p);
        if (!f->udp && p->a >= 0 && pf[2 + 2 * i].revents)
            forward_stream(f, p, p->a, p->b);
        if (!f->udp && p->a >= 0 && pf[2 + 2 * i + 1].revents)
            forward_stream(f, p, p->b, p->a);
    }
    if (pf[1].revents && f->udp)
        from_client(f);
    else if (pf[1].revents)
        accept_client(f);
}

static void *proxy_thread(void *arg)
{
    struct faultproxy *f = arg;
    struct pollfd pf[2 + 2 * FAULTPROXY_MAX];
    int i;

    for (;;) {
        pf[0] = (struct pollfd){f->wake[0], POLLIN, 0};
        pf[1] = (struct pollfd){f->stall ? -1 : f->lfd, POLLIN, 0};
        for (i = 0; i < FAULTPROXY_MAX; i++) {
            pf[2 + 2 * i] = (struct pollfd){f->stall ? -1 : f->pair[i].a, POLLIN, 0};
            pf[2 + 2 * i + 1] = (struct pollfd){f->stall ? -1 : f->pair[i].b, POLLIN, 0};
        }
        poll(pf, 2 + 2 * FAULTPROXY_MAX, 10); /* a changed fault counts after 10 ms */
        if (pf[0].revents)
            return NULL;
        forward_ready(f, pf);
    }
}

void faultproxy_start(struct faultproxy *f, int to, bool udp)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof(at);
    int i;

    memset(f, 0, sizeof(*f));
    f->to = to;
    f->udp = udp;
    f->seed = (unsigned)getpid();
    for (i = 0; i < FAULTPROXY_MAX; i++)
        f->pair[i].a = f->pair[i].b = -1;
    f->lfd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (bind(f->lfd, (struct sockaddr *)&at, sizeof(at)) != 0)
        fail_msg("the proxy cannot bind a port: %s", strerror(errno));
    if (!udp && listen(f->lfd, 64) != 0)
        fail_msg("the proxy cannot listen: %s", strerror(errno));
    getsockname(f->lfd, (struct sockaddr *)&at, &len);
    f->port = ntohs(at.sin_port);
    assert_int_equal(pipe2(f->wake, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, proxy_thread, f), 0);
}

void faultproxy_stop(struct faultproxy *f)
{
    int i;

    if (f->port == 0)
        return;
    close(f->wake[1]);
    pthread_join(f->thread, NULL);
    close(f->wake[0]);
    close(f->lfd);
    for (i = 0; i < FAULTPROXY_MAX; i++)
        if (f->pair[i].b >= 0)
            close_pair(&f->pair[i], true);
    f->port = 0;
}
