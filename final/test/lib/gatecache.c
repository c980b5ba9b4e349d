/* The node answers in threads, one for each connection of the gateway. */
#include "gatecache.h"

#include <netinet/tcp.h>
#include <pthread.h>

#include "gatesys.h"

struct gatecache gatecache;

/* --- the node ----------------------------------------------------------------------- */

/* The value of a field in the head <in>; "-" = it has none. */
static const char *field(const char *in, const char *name, char out[64])
{
    const char *at = strcasestr(in, name);

    if (!at || sscanf(at + strlen(name), ": %63[^\r]", out) != 1)
        snprintf(out, 64, "-");
    return out;
}

/* "/KIND..." decides about the fields of the answer. */
static const char *fields_for(const char *path)
{
    static const char *const table[][2] = {
        {"/short", "Cache-Control: max-age=1, stale-while-revalidate=0\r\n"},
        {"/strict", "Cache-Control: max-age=1, must-revalidate\r\n"},
        {"/secret", "Cache-Control: no-store\r\n"},
        {"/cookie", "Cache-Control: max-age=600\r\nSet-Cookie: a=b\r\n"},
        {"/lang", "Cache-Control: max-age=600\r\nVary: Accept-Language\r\n"},
        {"/old/strict", "Cache-Control: max-age=1, must-revalidate\r\nETag: \"v1\"\r\n"
                        "X-Number: 0\r\nContent-Type: text/x\r\n"},
        {"/old/other", "Cache-Control: max-age=1, must-revalidate\r\nETag: \"v1\"\r\n"},
        {"/old/secret", "Cache-Control: max-age=1\r\nETag: W/\"v1\"\r\n"},
        {"/old/date", "Cache-Control: max-age=1\r\nLast-Modified: Thu, 26 Nov 2026 "
                      "08:00:00 GMT\r\n"},
        {"/old/comma", "Cache-Control: max-age=1\r\nETag: \"a,b\"\r\n"},
        {"/tag", "Cache-Control: max-age=600\r\nETag: \"v1\"\r\n"},
    };
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strncmp(path, table[i][0], strlen(table[i][0])) == 0)
            return table[i][1];
    return "Cache-Control: max-age=600\r\n";
}

/* "/SIZE/n": a body of n bytes. */
static size_t size_of(const char *path)
{
    return strncmp(path, "/size/", 6) == 0 ? strtoul(path + 6, NULL, 10) : 0;
}

/* The fields of a 304 about "/old/...". */
static const char *fields_of_304(const char *path)
{
    static const char *const table[][2] = {
        {"/old/strict", "Cache-Control: max-age=600\r\nETag: \"v1\"\r\nX-Number: 1\r\n"
                        "Content-Type: text/y\r\nContent-Length: 7\r\n"},
        {"/old/other", "ETag: \"v2\"\r\n"},
        {"/old/secret", "Cache-Control: no-store\r\n"},
    };
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(path, table[i][0]) == 0)
            return table[i][1];
    return "Cache-Control: max-age=600\r\n";
}

/* Answer 304 when the request has a condition.  Its field is kept for the test. */
static bool is_confirmed(const char *path, const char *in)
{
    char tag[64], since[64];

    if (strncmp(path, "/old/", 5) != 0)
        return false;
    field(in, "\r\nIf-None-Match", tag);
    field(in, "\r\nIf-Modified-Since", since);
    snprintf(gatecache.condition, sizeof(gatecache.condition), "%s %s", tag, since);
    return strcmp(gatecache.condition, "- -") != 0 && !gatecache.changed;
}

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

static bool node_answer(int fd, const char *in)
{
    static char filler[400000];
    char path[80], language[64], encoding[64], body[300], head[600];
    size_t more;
    int n;

    sscanf(in, "%*s %79s", path);
    n = snprintf(body, sizeof(body), "number %u language %s encoding %s\n",
                 ++gatecache.n_requests, field(in, "\r\nAccept-Language", language),
                 field(in, "\r\nAccept-Encoding", encoding));
    while (strncmp(path, "/hold", 5) == 0 && !gatecache.released && !gatecache.stopped)
        poll(NULL, 0, 1);
    if (is_confirmed(path, in)) {
        gatecache.n_304++;
        n = snprintf(head, sizeof(head), "HTTP/1.1 304 Not Modified\r\n%s\r\n",
                     fields_of_304(path));
        return send_all(fd, head, (size_t)n);
    }
    more = size_of(path);
    snprintf(head, sizeof(head), "HTTP/1.1 %d OK\r\n%sContent-Length: %zu\r\n\r\n",
             gatecache.failing ? 502 : 200, fields_for(path), (size_t)n + more);
    return send_all(fd, head, strlen(head)) && send_all(fd, body, (size_t)n) &&
           send_all(fd, filler, more);
}

static void *serve(void *arg)
{
    atomic_int *slot = arg;
    char in[8192];
    size_t n = 0;
    ssize_t got;

    while ((got = recv(*slot, in + n, sizeof(in) - 1 - n, 0)) > 0) {
        n += (size_t)got;
        in[n] = '\0';
        if (!strstr(in, "\r\n\r\n"))
            continue;
        if (!node_answer(*slot, in))
            break;
        gatecache.n_answered++;
        n = 0;
    }
    shutdown(*slot, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *arg)
{
    (void)arg;
    while (gatecache.n_threads < 63) {
        int fd = accept(gatecache.lfd, NULL, NULL), on = 1;
        unsigned i = gatecache.n_threads;

        if (fd < 0)
            return NULL;
        if (gatecache.stopped) {
            close(fd);
            return NULL;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        gatecache.fd[i] = fd;
        if (pthread_create(&gatecache.thread[i], NULL, serve, &gatecache.fd[i]) != 0)
            return NULL;
        gatecache.n_threads = i + 1;
    }
    return NULL;
}

static pthread_t acceptor;

static void node_start(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);

    memset(&gatecache, 0, sizeof(gatecache));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    gatecache.lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(gatecache.lfd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(gatecache.lfd, 128), 0);
    getsockname(gatecache.lfd, (struct sockaddr *)&at, &len);
    gatecache.port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&acceptor, NULL, accept_all, NULL), 0);
}

/* It refuses connections from now on, and those that it had are closed. */
void gatecache_node_stop(void)
{
    unsigned i;

    if (gatecache.stopped)
        return;
    gatecache.stopped = true;
    shutdown(gatecache.lfd, SHUT_RDWR);
    pthread_join(acceptor, NULL);
    close(gatecache.lfd);
    for (i = 0; i < gatecache.n_threads; i++)
        shutdown(gatecache.fd[i], SHUT_RDWR);
    for (i = 0; i < gatecache.n_threads; i++) {
        pthread_join(gatecache.thread[i], NULL);
        close(gatecache.fd[i]);
    }
}

/* --- the gateway -------------------------------------------------------------------- */

void gatecache_start(const char *sections)
{
    gatesys_write_rules("[rule site]\nmodule = 10/2\n");
    gatecache.http = gatesys_start(&gatecache.gateway, 0, "loops = 2\n", sections);
}

int gatecache_setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gatecache.gateway, 0, sizeof(gatecache.gateway));
    node_start();
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
                "(10, 2, INET_ATON('127.0.0.1'), %d)",
                gatecache.port);
    T_WAIT(lars_register(sys.client, 10, 2) == 0);
    return rc;
}

int gatecache_teardown(void **state)
{
    proc_kill(&gatecache.gateway);
    gatecache_node_stop();
    return gatesys_teardown(state);
}

int gatecache_ask(const char *method, const char *path, const char *fields)
{
    char q[600];
    int fd = peer_connect(gatecache.gateway.port);

    snprintf(q, sizeof(q), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
             method, path, fields);
    peer_send(fd, q, strlen(q));
    return fd;
}

/* The whole exchange; the answer is in <gatecache.reply>.  Returns its status. */
int gatecache_get(const char *path, const char *fields)
{
    int fd = gatecache_ask("GET", path, fields);

    httppeer_read(fd, &gatecache.reply);
    close(fd);
    return gatecache.reply.status;
}

double gatecache_metric(const char *name)
{
    static struct httpreply r;

    httppeer_get(gatecache.http, "/metrics", &r);
    return httppeer_value(&r, name);
}
