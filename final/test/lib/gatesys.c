/* A visitor obeys "Connection: close" and opens a new connection then, as a browser does;
 * it repeats nothing.  So each request that a gateway loses is seen. */
#include "gatesys.h"

#include "httppeer.h"

struct gatesys gatesys;

void gatesys_write_rules(const char *text)
{
    snprintf(gatesys.rules, sizeof(gatesys.rules), "%s",
             system_write_file("rules.ini", "%s", text));
}

int gatesys_setup(void **state)
{
    char sql[300];
    int rc = system_setup_shm(state);

    memset(&gatesys, 0, sizeof(gatesys));
    proc_start(&gatesys.node, "http_node", "127.0.0.1:0", NULL);
    system_wait_port(&gatesys.node, "http_node");
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(10, 1, INET_ATON('127.0.0.1'), %d)",
             gatesys.node.port);
    testdb_sql(sql);
    gatesys_write_rules("[rule site]\nmodule = 10/1\n");
    system_start();
    T_WAIT(lars_register(sys.client, 10, 1) == 0);
    return rc;
}

int gatesys_teardown(void **state)
{
    proc_kill(&gatesys.node);
    return system_teardown(state);
}

int gatesys_start(struct proc *p, int port, const char *keys, const char *more)
{
    static struct httpreply reply;
    const char *file = system_write_file(
        "gateway.ini",
        "[gateway]\nlisten = 127.0.0.1:%d\nrules = %s\n%s[agent]\ndir = %s\nport = %d\n"
        "[http]\nlisten = 127.0.0.1:0\n%s",
        port, gatesys.rules, keys, sys.dir, sys.agentd.port, more);
    int http;

    proc_start(p, "lars-gateway", "-c", file, NULL);
    system_wait_port(p, "lars-gateway");
    http = system_http_port(p);
    T_WAIT((httppeer_get(http, "/healthz", &reply), reply.status == 200));
    return http;
}

/* --- visitors ----------------------------------------------------------------------- */

static void failed(struct gateload *l, const char *what, int rc)
{
    if (l->n_failed++ == 0)
        snprintf(l->failure, sizeof(l->failure), "%s: %s, after %u requests", what,
                 strerror(rc), l->n_ok);
}

static int visit(const struct gateload *l)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -errno;
}

/* Count an answer of <length> bytes.  False: it is none that is expected. */
static bool count_length(struct gateload *l, unsigned long length)
{
    int i;

    for (i = 0; i < 2; i++)
        if (length == l->length[i])
            l->n_of[i]++;
    return !l->length[0] || length == l->length[0] || length == l->length[1];
}

/* Read a whole response.  Returns 1: the connection stays open; 0: it ends; -errno. */
static int read_answer(struct gateload *l, int fd)
{
    char in[8192];
    size_t n = 0;
    const char *end, *length;
    ssize_t got;

    while (n + 1 < sizeof(in)) {
        got = recv(fd, in + n, sizeof(in) - 1 - n, 0);
        if (got < 0 && errno == EINTR) /* a child of the test has ended */
            continue;
        if (got <= 0)
            return got == 0 ? -ECONNRESET : -errno;
        n += (size_t)got;
        in[n] = '\0';
        end = strstr(in, "\r\n\r\n");
        length = strcasestr(in, "\r\nContent-Length: ");
        if (!end || !length ||
            n < (size_t)(end + 4 - in) + strtoul(length + 18, NULL, 10))
            continue;
        if (strncmp(in, "HTTP/1.1 200", 12) != 0 ||
            !count_length(l, strtoul(length + 18, NULL, 10)))
            return -EPROTO;
        return !strcasestr(in, "\r\nConnection: close");
    }
    return -EMSGSIZE;
}

/* Requests on one connection, until it ends. */
static void use_connection(struct gateload *l, int fd)
{
    static const char request[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    unsigned i;
    int rc = 1;

    for (i = 0; rc == 1 && !l->stop && (i < l->per_connection || !l->per_connection);
         i++) {
        if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
            rc = -errno;
        else
            rc = read_answer(l, fd);
        if (rc >= 0)
            l->n_ok++;
    }
    if (rc < 0)
        failed(l, "request", -rc);
}

static void *run_visitor(void *arg)
{
    struct gateload *l = arg;

    while (!l->stop) {
        int fd = visit(l);

        if (fd < 0) {
            failed(l, "connect", -fd);
            poll(NULL, 0, 10);
            continue;
        }
        use_connection(l, fd);
        close(fd);
    }
    return NULL;
}

void gateload_start(struct gateload *l, int port, unsigned per_connection)
{
    int i;

    l->stop = false;
    l->n_ok = l->n_failed = l->n_of[0] = l->n_of[1] = 0;
    l->port = port;
    l->per_connection = per_connection;
    for (i = 0; i < GATESYS_VISITORS; i++)
        assert_int_equal(pthread_create(&l->thread[i], NULL, run_visitor, l), 0);
}

void gateload_stop(struct gateload *l)
{
    int i;

    l->stop = true;
    for (i = 0; i < GATESYS_VISITORS; i++)
        pthread_join(l->thread[i], NULL);
}

void gateload_expect_no_failure(struct gateload *l)
{
    gateload_stop(l);
    if (l->n_failed)
        fail_msg("%u of %u requests failed; the first: %s", l->n_failed, l->n_ok,
                 l->failure);
    print_message("%u requests, none failed\n", l->n_ok);
}
