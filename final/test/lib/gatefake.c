/* One connection at a time, one request for each: that is what asks it. */
#include "gatefake.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../t.h"
#include "net/sock.h"

#define STEP_MS 500
#define TICK_MS 10

/* Wait for bytes.  False: the connection or the test ends. */
static bool await(struct gatefake *g, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (!g->ends)
        if (poll(&p, 1, TICK_MS) > 0)
            return true;
    return false;
}

/* The whole request; returns where its body begins, NULL: there is none. */
static const char *read_request(struct gatefake *g, int fd, char *in, size_t size)
{
    const char *end = NULL, *length;
    size_t n = 0;
    ssize_t got;

    in[0] = '\0';
    while (n < size - 1 && await(g, fd)) {
        got = recv(fd, in + n, size - 1 - n, 0);
        if (got <= 0)
            return NULL;
        n += (size_t)got;
        in[n] = '\0';
        end = strstr(in, "\r\n\r\n");
        if (end && strncmp(in, "GET ", 4) == 0)
            return end + 4;
        length = strstr(in, "Content-Length: ");
        if (end && length && strlen(end + 4) >= strtoul(length + 16, NULL, 10))
            return end + 4;
    }
    return NULL;
}

/* --- signatures --------------------------------------------------------------------- */

static const char *field(const char *in, const char *name, char out[100])
{
    const char *at = strstr(in, name);

    if (!at)
        return NULL;
    at += strlen(name) + 2;
    snprintf(out, 100, "%.*s", (int)strcspn(at, "\r"), at);
    return out;
}

static bool is_nodes(const char *in)
{
    return strncmp(in, "POST /nodes HTTP/1.1\r\n", 22) == 0;
}

/* NULL, or why the question is refused. */
static const char *check_signature(struct gatefake *g, const char *in, const char *body)
{
    char at[100], epoch[100], signature[100];
    bool nodes = is_nodes(in);
    struct signed_command c = {NULL, "POST", nodes ? "/nodes" : "/demand", body,
                               strlen(body)};
    const struct signed_command_sent sent = {field(in, "Lars-Time", at),
                                             field(in, "Lars-Gateway", epoch),
                                             field(in, "Lars-Signature", signature)};
    const char *why = NULL;

    if (!g->keys)
        return NULL;
    pthread_mutex_lock(&g->lock);
    c.epoch = g->epoch;
    pthread_mutex_unlock(&g->lock);
    if ((!nodes && strncmp(in, "POST /demand HTTP/1.1\r\n", 23) != 0) ||
        signed_command_accept(g->gate, g->keys, &c, &sent, (uint64_t)time(NULL), &why) <
            0)
        g->n_wrong++;
    return why;
}

/* --- answers ------------------------------------------------------------------------ */

static void move(uint64_t *count, uint64_t rate)
{
    *count += rate * STEP_MS / 1000;
}

static void pass_time(struct gatefake *g)
{
    unsigned i;

    g->ms += STEP_MS;
    for (i = 0; i < g->n; i++) {
        const struct gatefake_module *r = &g->rate[i];
        struct gatefake_module *c = &g->count[i];

        move(&c->arrived, r->arrived);
        move(&c->cached, r->cached);
        move(&c->forwarded, r->forwarded);
        move(&c->refused, r->refused);
        c->inflight += r->inflight * STEP_MS;
    }
}

#define NUMBER(n) ((unsigned long long)(n))

static void write_answer(struct gatefake *g, char *out, size_t size)
{
    size_t n;
    unsigned i;

    pthread_mutex_lock(&g->lock);
    pass_time(g);
    n = (size_t)snprintf(out, size,
                         "{\"epoch\":\"%s\",\"ms\":%llu,\"zone\":\"%s\",\"loops\":%u,"
                         "\"loops_max\":%u,\"loop_busy_permille\":%u,\"modules\":[",
                         g->epoch, NUMBER(g->ms), g->zone, g->loops, g->loops_max,
                         g->permille);
    for (i = 0; i < g->n; i++) {
        const struct gatefake_module *c = &g->count[i];

        n += (size_t)snprintf(
            out + n, size - n,
            "%s{\"modid\":%u,\"cmdid\":%u,\"slot\":%u,\"arrived\":%llu,\"cached\":%llu,"
            "\"forwarded\":%llu,\"refused_new\":%llu,\"refused_waiting\":0,"
            "\"refused_inside\":0,\"inflight_ms\":%llu}",
            i ? "," : "", g->rate[i].modid, g->rate[i].cmdid, i, NUMBER(c->arrived),
            NUMBER(c->cached), NUMBER(c->forwarded), NUMBER(c->refused),
            NUMBER(c->inflight));
    }
    snprintf(out + n, size - n, "]}\n");
    pthread_mutex_unlock(&g->lock);
}

static void send_text(int fd, const char *text, size_t len)
{
    send(fd, text, len, MSG_NOSIGNAL);
}

static void send_answer(int fd, const char *status, const char *body, size_t len)
{
    char head[200];
    int n = snprintf(head, sizeof(head),
                     "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     status, strlen(body));

    send_text(fd, head, (size_t)n);
    send_text(fd, body, len);
}

static void send_whole(int fd, const char *status, const char *body)
{
    send_answer(fd, status, body, strlen(body));
}

/* Bytes without end: <len> of <piece> each <ms>, until the other side has enough. */
static void send_endless(struct gatefake *g, int fd, const char *piece, size_t len,
                         int ms)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"a\":\"";

    send_text(fd, head, sizeof(head) - 1);
    while (!g->ends && send(fd, piece, len, MSG_NOSIGNAL) > 0)
        poll(NULL, 0, ms);
}

static void answer_nodes(struct gatefake *g, int fd)
{
    char text[400];

    if (g->mode != GATEFAKE_ANSWERS)
        return;
    pthread_mutex_lock(&g->lock);
    g->n_nodes++;
    snprintf(text, sizeof(text),
             "{\"epoch\":\"%s\",\"ms\":%llu,\"nodes\":[{\"modid\":10,\"cmdid\":1,"
             "\"at\":\"10.0.0.1:80\",\"us\":[[30,%llu]]}]}\n",
             g->epoch, NUMBER(1000 * g->n_nodes), NUMBER(300 * g->n_nodes));
    pthread_mutex_unlock(&g->lock);
    send_whole(fd, "200 OK", text);
}

static void answer(struct gatefake *g, int fd)
{
    static const char lacks[] = "{\"epoch\":\"a\",\"zone\":\"\",\"loops\":1,"
                                "\"loops_max\":1,\"loop_busy_permille\":1,"
                                "\"modules\":[]}";
    char text[4096], many[4096];

    switch ((enum gatefake_mode)g->mode) {
    case GATEFAKE_ANSWERS:
        write_answer(g, text, sizeof(text));
        send_whole(fd, "200 OK", text);
        g->n_answered++;
        return;
    case GATEFAKE_CUTS:
        write_answer(g, text, sizeof(text));
        send_answer(fd, "200 OK", text, strlen(text) / 2);
        return;
    case GATEFAKE_HANGS:
        while (await(g, fd) && recv(fd, text, sizeof(text), 0) > 0)
            continue;
        return;
    case GATEFAKE_DRIPS:
        send_endless(g, fd, "x", 1, TICK_MS);
        return;
    case GATEFAKE_OVERSIZED:
        memset(many, 'x', sizeof(many));
        send_endless(g, fd, many, sizeof(many), 0);
        return;
    case GATEFAKE_GARBAGE:
        send_whole(fd, "200 OK", "hello\n");
        return;
    case GATEFAKE_LACKS:
        send_whole(fd, "200 OK", lacks);
        return;
    case GATEFAKE_REFUSES:
        send_whole(fd, "401 Unauthorized", "the signature is wrong\n");
        return;
    case GATEFAKE_FAILS:
        send_whole(fd, "503 Service Unavailable", "no memory\n");
        return;
    }
}

/* GET /gateway: what it needs to be asked. */
static void answer_state(struct gatefake *g, int fd)
{
    char text[100];

    pthread_mutex_lock(&g->lock);
    snprintf(text, sizeof(text), "{\"epoch\":\"%s\"}\n", g->epoch);
    pthread_mutex_unlock(&g->lock);
    send_whole(fd, "200 OK", text);
}

static void answer_question(struct gatefake *g, int fd, const char *in, const char *body)
{
    const char *why = check_signature(g, in, body);

    pthread_mutex_lock(&g->lock);
    if (!is_nodes(in))
        snprintf(g->question, sizeof(g->question), "%s", body);
    pthread_mutex_unlock(&g->lock);
    if (why && strncmp(why, SIGNED_COMMAND_OTHER, strlen(SIGNED_COMMAND_OTHER)) == 0) {
        g->n_wrong--; /* as a restart needs it; another question follows at once */
        send_whole(fd, "401 Unauthorized", why);
        return;
    }
    if (is_nodes(in)) {
        answer_nodes(g, fd);
        return;
    }
    g->n_asked++;
    answer(g, fd);
}

/* --- the thread --------------------------------------------------------------------- */

static void *serve(void *arg)
{
    struct gatefake *g = arg;
    char in[8192];
    int fd;

    while ((fd = accept(g->lfd, NULL, NULL)) >= 0) {
        const char *body = read_request(g, fd, in, sizeof(in));

        if (body && strncmp(in, "GET ", 4) == 0) {
            if (g->mode == GATEFAKE_ANSWERS) {
                answer_state(g, fd);
            } else {
                g->n_asked++; /* no question follows */
                answer(g, fd);
            }
        } else if (body) {
            answer_question(g, fd, in, body);
        }
        close(fd);
    }
    return NULL;
}

void gatefake_start(struct gatefake *g, const char *zone, uint64_t forwarded,
                    const struct fleet_keys *keys)
{
    struct net_addr at;

    memset(g, 0, sizeof(*g));
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    g->lfd = sock_listen(&at, 16, 0);
    assert_true(g->lfd >= 0);
    sock_local_addr(g->lfd, &at);
    snprintf(g->at, sizeof(g->at), "127.0.0.1:%u", at.port);
    g->keys = keys;
    assert_int_equal(signed_command_gate_create(&g->gate), 0);
    pthread_mutex_init(&g->lock, NULL);
    g->zone = zone;
    g->epoch = "first";
    g->loops = g->loops_max = 1;
    g->ms = 1000000000000000; /* no clock of this host */
    g->n = 1;
    g->rate[0] =
        (struct gatefake_module){.modid = 10, .cmdid = 1, .forwarded = forwarded};
    g->count[0].forwarded = 1000000;
    assert_int_equal(pthread_create(&g->thread, NULL, serve, g), 0);
}

void gatefake_stop(struct gatefake *g)
{
    if (!g->gate)
        return;
    g->ends = true;
    shutdown(g->lfd, SHUT_RDWR);
    pthread_join(g->thread, NULL);
    close(g->lfd);
    signed_command_gate_destroy(g->gate);
    pthread_mutex_destroy(&g->lock);
    g->gate = NULL;
}

void gatefake_restart(struct gatefake *g, const char *epoch)
{
    pthread_mutex_lock(&g->lock);
    g->epoch = epoch;
    g->ms = 0;
    memset(g->count, 0, sizeof(g->count));
    pthread_mutex_unlock(&g->lock);
}

bool gatefake_was_asked(struct gatefake *g, const char *text)
{
    bool found;

    pthread_mutex_lock(&g->lock);
    found = strstr(g->question, text) != NULL;
    pthread_mutex_unlock(&g->lock);
    return found;
}
