/* The node has a thread for each of its connections, so that each can stand still on its
 * own, and reads requests with a few lines of its own instead of the code under test.
 *
 * Invariant: what a test reads of the record was received before it asked, because the
 * node records bytes before it answers them. */
#include "gatefix.h"

#include <netinet/tcp.h>
#include <pthread.h>

#include "freeport.h"
#include "net/sock.h"

#define CONNS_MAX 400
#define RECORD_MAX (8u << 20)

struct proc gateway;

static struct {
    pthread_mutex_t lock; /* guards the rest */
    int lfd, port, http_port, n;
    int fd[CONNS_MAX]; /* -1 = closed */
    pthread_t acceptor, thread[CONNS_MAX];
    bool let_go, stopping;
    size_t n_recorded;
    char record[RECORD_MAX];
} node = {.lock = PTHREAD_MUTEX_INITIALIZER, .lfd = -1};

char gatefix_byte(size_t i)
{
    return (char)('a' + (i + i / 26) % 26);
}

/* --- the node ----------------------------------------------------------------------- */

static bool send_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_text(int fd, const char *text)
{
    return send_all(fd, text, strlen(text));
}

static ssize_t receive(int fd, char *p, size_t len)
{
    ssize_t n = recv(fd, p, len, 0);

    pthread_mutex_lock(&node.lock);
    if (n > 0 && node.n_recorded + (size_t)n < RECORD_MAX) {
        memcpy(node.record + node.n_recorded, p, (size_t)n);
        node.n_recorded += (size_t)n;
    }
    pthread_mutex_unlock(&node.lock);
    return n;
}

/* <n> bytes in parts of <part>; <ms> between them. */
static bool send_pattern(int fd, size_t n, size_t part, int ms)
{
    char out[65536];
    size_t at = 0, i;

    snprintf(out, sizeof(out), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
    if (!send_text(fd, out))
        return false;
    while (at < n) {
        size_t len = part < n - at ? part : n - at;

        for (i = 0; i < len; i++)
            out[i] = gatefix_byte(at + i);
        if (!send_all(fd, out, len))
            return false;
        at += len;
        if (ms)
            poll(NULL, 0, ms);
    }
    return true;
}

static bool stand_still(int fd)
{
    char in[4096];

    while (receive(fd, in, sizeof(in)) > 0)
        continue;
    return false;
}

static bool is_set(const bool *flag)
{
    bool set;

    pthread_mutex_lock(&node.lock);
    set = *flag || node.stopping;
    pthread_mutex_unlock(&node.lock);
    return set;
}

static void await_let_go(void)
{
    while (!is_set(&node.let_go))
        poll(NULL, 0, 1);
}

/* Answer before the body has been read, and reset the connection. */
static bool refuse(int fd)
{
    struct linger now = {1, 0};

    await_let_go();
    send_text(fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    return false;
}

/* Answer, and close the connection later, as servers do with one that waits for long. */
static bool say_farewell(int fd)
{
    send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
    await_let_go();
    send_text(fd, "HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return false;
}

static bool answer(int fd, const char *target)
{
    char out[400];

    if (strncmp(target, "/status/", 8) == 0) {
        snprintf(out, sizeof(out), "HTTP/1.1 %.3s Any\r\nContent-Length: 2\r\n\r\nno",
                 target + 8);
        return send_text(fd, out);
    }
    if (strcmp(target, "/busy") == 0)
        return send_text(fd, "HTTP/1.1 503 Busy\r\nLars-Load: 9/8\r\n"
                             "Content-Length: 0\r\n\r\n");
    if (strcmp(target, "/cut") == 0) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        return false;
    }
    if (strcmp(target, "/farewell") == 0)
        return say_farewell(fd);
    if (strcmp(target, "/linger") == 0)
        await_let_go();

    if (strncmp(target, "/big/", 5) == 0)
        return send_pattern(fd, strtoul(target + 5, NULL, 10), 65536, 0);
    if (strncmp(target, "/drip/", 6) == 0)
        return send_pattern(fd, strtoul(target + 6, NULL, 10), 100, 2);
    if (strcmp(target, "/broken") == 0) {
        send_text(fd,
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nSECRET\r\n"
                  "no chunk\r\n");
        return stand_still(fd);
    }
    snprintf(out, sizeof(out), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(target), target);
    return send_text(fd, out);
}

/* Read the body of the request whose head is the <head> first of <n> bytes in <in>.
 * Returns how many bytes of <in> the request has. */
static size_t read_body(int fd, char *in, size_t size, size_t head, size_t *n)
{
    const char *length = strstr(in, "\r\nContent-Length: ");
    bool chunked = strstr(in, "\r\nTransfer-Encoding: chunked\r\n") != NULL;
    size_t want = head + (length ? strtoul(length + 18, NULL, 10) : 0);
    const char *last = NULL;

    while (chunked ? !(last = strstr(in + head - 2, "\r\n0\r\n\r\n")) : *n < want) {
        ssize_t got;

        if (*n + 1 >= size) { /* a long body: only its end matters */
            memmove(in + head, in + *n - 16, 16);
            want -= want > *n - head - 16 ? *n - head - 16 : 0;
            *n = head + 16;
        }
        got = receive(fd, in + *n, size - 1 - *n);
        if (got <= 0)
            return 0;
        *n += (size_t)got;
        in[*n] = 0;
    }
    return last ? (size_t)(last + 7 - in) : want;
}

/* Serve one request at the start of <in>, which has <*n> bytes.  False: the end. */
static bool serve_one(int fd, char *in, size_t size, size_t *n)
{
    char target[200], *end;
    size_t used, head;
    ssize_t got;

    in[*n] = 0;
    while (!(end = strstr(in, "\r\n\r\n"))) {
        got = *n + 1 < size ? receive(fd, in + *n, size - 1 - *n) : -1;
        if (got <= 0)
            return false;
        *n += (size_t)got;
        in[*n] = 0;
    }
    if (sscanf(in, "%*s %199s", target) != 1)
        return false;
    if (strcmp(target, "/hold") == 0)
        return stand_still(fd);
    if (strcmp(target, "/refuse") == 0)
        return refuse(fd);
    if (strcmp(target, "/early") == 0) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        return stand_still(fd);
    }
    head = (size_t)(end + 4 - in);
    used = read_body(fd, in, size, head, n);
    if (used == 0)
        return false;
    memmove(in, in + used, *n - used);
    *n -= used;
    return answer(fd, target);
}

static void *run_connection(void *arg)
{
    size_t size = 200000, n = 0;
    int *slot = arg, fd = *slot;
    char *in = malloc(size);

    while (in && serve_one(fd, in, size, &n))
        continue;
    free(in);
    pthread_mutex_lock(&node.lock);
    close(fd);
    *slot = -1;
    pthread_mutex_unlock(&node.lock);
    return NULL;
}

static void *run_acceptor(void *arg)
{
    int fd, one = 1;

    (void)arg;
    while ((fd = accept(node.lfd, NULL, NULL)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        pthread_mutex_lock(&node.lock);
        if (node.n < CONNS_MAX) {
            node.fd[node.n] = fd;
            pthread_create(&node.thread[node.n], NULL, run_connection, &node.fd[node.n]);
            node.n++;
        } else {
            close(fd);
        }
        pthread_mutex_unlock(&node.lock);
    }
    return NULL;
}

static void start_node(void)
{
    struct net_addr at;

    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    node.lfd = sock_listen(&at, 128, 0);
    assert_true(node.lfd >= 0);
    sock_local_addr(node.lfd, &at);
    node.port = at.port;
    node.n = 0;
    node.n_recorded = 0;
    node.let_go = node.stopping = false;
    assert_int_equal(pthread_create(&node.acceptor, NULL, run_acceptor, NULL), 0);
}

static void stop_node(void)
{
    int i;

    if (node.lfd < 0)
        return;
    shutdown(node.lfd, SHUT_RDWR);
    pthread_join(node.acceptor, NULL);
    close(node.lfd);
    node.lfd = -1;
    pthread_mutex_lock(&node.lock);
    node.stopping = true;
    for (i = 0; i < node.n; i++)
        if (node.fd[i] >= 0)
            shutdown(node.fd[i], SHUT_RDWR);
    pthread_mutex_unlock(&node.lock);
    for (i = 0; i < node.n; i++)
        pthread_join(node.thread[i], NULL);
    node.n = 0;
}

void gatefix_let_go(void)
{
    pthread_mutex_lock(&node.lock);
    node.let_go = true;
    pthread_mutex_unlock(&node.lock);
}

int gatefix_n_open(void)
{
    int i, n = 0;

    pthread_mutex_lock(&node.lock);
    for (i = 0; i < node.n; i++)
        n += node.fd[i] >= 0;
    pthread_mutex_unlock(&node.lock);
    return n;
}

int gatefix_n_conns(void)
{
    int n;

    pthread_mutex_lock(&node.lock);
    n = node.n;
    pthread_mutex_unlock(&node.lock);
    return n;
}

size_t gatefix_n_recorded(void)
{
    size_t n;

    pthread_mutex_lock(&node.lock);
    n = node.n_recorded;
    pthread_mutex_unlock(&node.lock);
    return n;
}

bool gatefix_has_recorded(const char *text)
{
    bool has;

    pthread_mutex_lock(&node.lock);
    has = memmem(node.record, node.n_recorded, text, strlen(text)) != NULL;
    pthread_mutex_unlock(&node.lock);
    return has;
}

/* --- the gateway -------------------------------------------------------------------- */

int gatefix_setup(void **state)
{
    memset(&gateway, 0, sizeof(gateway));
    return system_setup_shm(state);
}

int gatefix_teardown(void **state)
{
    proc_kill(&gateway);
    stop_node();
    return system_teardown(state);
}

static bool is_answered(void)
{
    static struct httpreply r;
    const char *ask = "GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    return gatefix_raw(ask, strlen(ask), strlen(ask), &r) == 200;
}

void gatefix_start(const char *conf)
{
    char rules[140];
    const char *path;

    start_node();
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
                "(10,1,INET_ATON('127.0.0.1'),%d)",
                node.port);
    system_start_shm();
    node.http_port = freeport_take();
    snprintf(rules, sizeof(rules), "%s",
             system_write_file("rules.ini",
                               "[rule site]\nmodule = 10/1\ncache_ms = 0\n"));
    path = system_write_file("gateway.ini",
                             "[gateway]\nlisten = 127.0.0.1:0\nrules = %s\n"
                             "%s%s[agent]\ndir = %s\nport = %s\n[http]\nlisten = "
                             "127.0.0.1:%d\n[log]\npath = %s/access.log\n",
                             rules, strstr(conf, "loops = ") ? "" : "loops = 1\n", conf,
                             sys.dir, sys.agentd_port, node.http_port, testdb_dir);
    proc_start(&gateway, "lars-gateway", "-c", path, NULL);
    system_wait_port(&gateway, "lars-gateway");
    T_WAIT(is_answered());
}

double gatefix_metric(const char *name)
{
    static struct httpreply r;

    httppeer_get(node.http_port, "/metrics", &r);
    return httppeer_value(&r, name);
}

int gatefix_n_fds(void)
{
    char path[64];
    DIR *d;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)gateway.pid);
    d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

long gatefix_rss_kib(void)
{
    char path[64];
    long pages = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)gateway.pid);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* --- visitors ----------------------------------------------------------------------- */

int gatefix_raw(const char *text, size_t n, size_t step, struct httpreply *r)
{
    int fd = peer_connect(gateway.port), one = 1;
    size_t at = 0;
    ssize_t got;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    while (at < n) {
        size_t len = step < n - at ? step : n - at;

        if (send(fd, text + at, len, MSG_NOSIGNAL) < 0)
            break; /* the gateway has refused what came before */
        at += len;
    }
    n = 0;
    while ((got = recv(fd, r->text + n, sizeof(r->text) - 1 - n, 0)) > 0)
        n += (size_t)got;
    r->text[n] = 0;
    close(fd);
    r->body = strstr(r->text, "\r\n\r\n");
    return r->status = n > 12 ? atoi(r->text + 9) : 0;
}

int gatefix_read_head(int fd, char *head, size_t size)
{
    size_t n = 0;

    do {
        assert_true(n + 1 < size);
        peer_recv(fd, head + n++, 1);
        head[n] = 0;
    } while (n < 4 || strcmp(head + n - 4, "\r\n\r\n") != 0);
    return atoi(head + 9);
}

bool gatefix_need_fds(unsigned n)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return false;
    if (l.rlim_cur >= n)
        return true;
    if (l.rlim_max != RLIM_INFINITY && l.rlim_max < n)
        return false;
    l.rlim_cur = n;
    return setrlimit(RLIMIT_NOFILE, &l) == 0;
}
