/* Each visitor is one small object with a stream, a timer and the head parser of the
 * gateway, so that thousands of them cost one thread little. */
#include "visits.h"

#include <string.h>

#include "../t.h"
#include "base/mono.h"
#include "http/http_body.h"
#include "http/http_parse.h"
#include "net/evloop.h"
#include "net/sock.h"
#include "net/stream.h"

#define TICK_MS 2
#define EXTRA_MS 30000
#define SLOWEST_MS 20000

struct guest {
    struct stream stream; /* first */
    struct evtimer timer;
    struct evloop_call later;
    struct http_parse parse;
    struct http_body body;
    struct buf in;
    bool in_body, inside, keeps, waits;
    uint16_t status;
    uint32_t n_pages;
    uint64_t asked_ms;
    char cookie[200];
};

static struct {
    struct evloop *loop;
    struct evtimer tick;
    const struct visits_plan *plan;
    struct visits_result *r;
    uint64_t begin_ms, n_open;
    uint32_t times[SLOWEST_MS]; /* pages by the ms that they took */
    char scratch[65536];
    struct http_head head;
} me;

static void free_guest(void *arg)
{
    free(arg);
}

static void leave(struct guest *c)
{
    if (!stream_is_open(&c->stream))
        return;
    stream_close(&c->stream);
    evloop_clear_timer(me.loop, &c->timer);
    buf_free(&c->in);
    me.n_open--;
    evloop_defer(me.loop, &c->later, free_guest, c);
}

static void lose(struct guest *c, const char *what, int code)
{
    if (me.r->failed++ == 0)
        snprintf(me.r->failure, sizeof(me.r->failure), "%s %d", what, code);
    leave(c);
}

static void ask(void *arg)
{
    struct guest *c = arg;
    char text[400];
    int n =
        snprintf(text, sizeof(text), "GET /page HTTP/1.1\r\nHost: site\r\n%s%s%s\r\n",
                 c->cookie[0] ? "Cookie: " : "", c->cookie, c->cookie[0] ? "\r\n" : "");
    int rc;

    c->asked_ms = mono_ms();
    me.r->n_inside += c->inside;
    rc = stream_write(&c->stream, text, (size_t)n);
    if (rc < 0)
        lose(c, "write", rc);
}

static void keep_cookie(struct guest *c)
{
    struct http_text t = http_head_value(&me.head, HTTP_SET_COOKIE);
    size_t n = 0;

    while (n < t.len && t.at[n] != ';' && n + 1 < sizeof(c->cookie))
        n++;
    if (n == 0)
        return;
    memcpy(c->cookie, t.at, n);
    c->cookie[n] = 0;
    c->inside = strncmp(c->cookie, "lars_v=i", 8) == 0;
}

/* Is the head that of the waiting page, and not of another 503? */
static bool is_waiting_page(void)
{
    unsigned i;

    for (i = 0; i < me.head.n_fields; i++)
        if (http_head_text_is(me.head.field[i].name, "Retry-After"))
            return me.head.status == 503;
    return false;
}

static void on_page(struct guest *c)
{
    uint64_t now = mono_ms(), ms = now - c->asked_ms;

    me.r->admitted += c->n_pages == 0;
    me.r->all_pages++;
    me.r->pages += now < me.begin_ms + me.plan->run_ms;
    me.times[ms < SLOWEST_MS ? ms : SLOWEST_MS - 1]++;
    if (++c->n_pages == me.plan->pages)
        leave(c);
    else if (!c->keeps)
        lose(c, "connection closed after page", (int)c->n_pages);
    else
        evloop_set_timer(me.loop, &c->timer, me.plan->pause_ms, ask, c);
}

static void on_answer(struct guest *c)
{
    c->in_body = false;
    if (c->status == 200) {
        on_page(c);
    } else if (c->waits) {
        if (c->n_pages > 0)
            me.r->refused_inside++;
        else
            me.r->refused_new++;
        leave(c);
    } else {
        lose(c, "status", c->status);
    }
}

static void read_answer(struct guest *c)
{
    struct http_text data;
    enum http_why why;
    ssize_t n;

    if (!c->in_body) {
        n = http_parse_response(&c->parse, buf_bytes(&c->in), c->in.len, HTTP_METHOD_GET,
                                &me.head, &why);
        if (n == -EAGAIN)
            return;
        if (n < 0) {
            lose(c, "bad answer", (int)why);
            return;
        }
        c->parse = (struct http_parse){0};
        c->status = me.head.status;
        c->waits = is_waiting_page();
        c->keeps = me.head.keep_alive;
        if (c->status == 200)
            keep_cookie(c);
        http_body_init(&c->body, me.head.framing, me.head.length);
        buf_consume(&c->in, (size_t)n);
        c->in_body = true;
    }
    while (!c->body.done && c->in.len > 0) {
        n = http_body_read(&c->body, buf_bytes(&c->in), c->in.len, &data);
        if (n < 0) {
            lose(c, "bad body", (int)n);
            return;
        }
        buf_consume(&c->in, (size_t)n);
    }
    if (c->body.done)
        on_answer(c);
}

static void on_input(struct stream *s)
{
    struct guest *c = (struct guest *)(void *)s;
    ssize_t n = stream_read(s, me.scratch, sizeof(me.scratch));

    if (n == -EAGAIN)
        return;
    if (n <= 0) {
        lose(c, "read", (int)n);
        return;
    }
    assert_int_equal(buf_append(&c->in, me.scratch, (size_t)n), 0);
    read_answer(c);
}

static void on_drain(struct stream *s)
{
    (void)s;
}

static void on_error(struct stream *s, int rc)
{
    lose((struct guest *)(void *)s, "write", rc);
}

static void on_connect(struct stream *s, int rc)
{
    if (rc < 0)
        lose((struct guest *)(void *)s, "connect", rc);
}

static const struct stream_owner owner = {on_input, on_drain, on_error, on_connect};

static void arrive(void)
{
    struct guest *c = calloc(1, sizeof(*c));
    struct net_addr at;
    char text[40];
    int fd;

    assert_non_null(c);
    snprintf(text, sizeof(text), "127.0.0.1:%d", me.plan->port);
    assert_int_equal(net_addr_parse(&at, text), 0);
    me.r->visitors++;
    fd = sock_connect_start(&at);
    if (fd < 0 || stream_open_connecting(&c->stream, me.loop, fd, &owner) < 0) {
        me.r->failed++;
        free(c);
        return;
    }
    me.n_open++;
    ask(c);
}

static void on_tick(void *arg)
{
    uint64_t ms = mono_ms() - me.begin_ms;

    (void)arg;
    while (ms < me.plan->run_ms &&
           (double)me.r->visitors < (double)ms * me.plan->per_s / 1000)
        arrive();
    if (ms >= me.plan->run_ms + EXTRA_MS || (ms >= me.plan->run_ms && me.n_open == 0))
        evloop_stop(me.loop);
    else
        evloop_set_timer(me.loop, &me.tick, TICK_MS, on_tick, NULL);
}

static uint32_t p99(void)
{
    uint64_t n = 0;
    uint32_t ms = 0;

    while (ms + 1 < SLOWEST_MS && (n += me.times[ms]) * 100 < me.r->all_pages * 99)
        ms++;
    return ms;
}

void visits_run(const struct visits_plan *plan, struct visits_result *out)
{
    memset(&me, 0, sizeof(me));
    memset(out, 0, sizeof(*out));
    me.plan = plan;
    me.r = out;
    assert_int_equal(evloop_create(&me.loop), 0);
    me.begin_ms = mono_ms();
    on_tick(NULL);
    assert_int_equal(evloop_run(me.loop), 0);
    if (me.n_open > 0)
        fail_msg("%d visits did not end", (int)me.n_open);
    out->p99_ms = p99();
    evloop_destroy(me.loop);
}
