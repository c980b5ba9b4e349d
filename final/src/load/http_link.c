/* The bytes of a response wait in a buffer until its head is complete; those of the body
 * are counted and dropped as they come.
 *
 * Invariant: on_done is called once for each request, and after a link has been closed no
 * callback comes; the memory is freed at the end of the turn, because the stream may
 * still be on the stack.
 * Rejected: gateway/node_pool.  It passes bodies on and chooses among nodes; a generator
 * needs neither, and what is measured should not measure itself. */
#include "load/http_link.h"

#include <errno.h>
#include <stdlib.h>

#include "http/http_body.h"
#include "http/http_parse.h"
#include "net/sock.h"
#include "net/stream.h"

#define READ 16384

struct http_link {
    struct stream stream; /* first */
    struct evloop *loop;
    const struct http_link_owner *owner;
    void *arg;
    struct evtimer timer;
    struct evloop_call later;
    uint32_t timeout_ms;
    struct http_parse parse;
    struct http_body body;
    struct buf in;
    bool busy, in_body, reused, got_byte, keep_alive;
};

static void free_link(void *arg)
{
    struct http_link *l = arg;

    buf_free(&l->in);
    free(l);
}

void http_link_close(struct http_link *l)
{
    if (!stream_is_open(&l->stream))
        return;
    stream_close(&l->stream);
    evloop_clear_timer(l->loop, &l->timer);
    evloop_defer(l->loop, &l->later, free_link, l);
}

static void fail(struct http_link *l, enum http_link_result r)
{
    http_link_close(l);
    l->owner->on_done(l, l->busy ? r : HTTP_LINK_IDLE, false, l->arg);
}

static void on_time_out(void *arg)
{
    fail(arg, HTTP_LINK_TIMEOUT);
}

/* The response is complete; bytes after it are not ours, so the link is not used on. */
static void complete(struct http_link *l)
{
    bool open = l->keep_alive && l->in.len == 0;

    evloop_clear_timer(l->loop, &l->timer);
    if (!open)
        http_link_close(l);
    l->busy = false;
    l->reused = true;
    l->owner->on_done(l, HTTP_LINK_DONE, open, l->arg);
}

/* Returns 1 when the head has been read, also that of a response before the final one;
 * 0: more bytes are needed; -EBADMSG. */
static int read_head(struct http_link *l)
{
    struct http_head head;
    enum http_why why;
    ssize_t n = http_parse_response(&l->parse, buf_bytes(&l->in), l->in.len,
                                    HTTP_METHOD_GET, &head, &why);

    if (n == -EAGAIN)
        return 0;
    if (n < 0)
        return (int)n;
    l->parse = (struct http_parse){0};
    if (head.status >= 200) {
        l->in_body = true;
        l->keep_alive = head.keep_alive && head.framing != HTTP_TO_END;
        http_body_init(&l->body, head.framing, head.length);
        l->owner->on_head(l, &head, l->arg);
    }
    buf_consume(&l->in, (size_t)n);
    return 1;
}

static int read_body(struct http_link *l)
{
    struct http_text data;
    ssize_t n;

    while (!l->body.done && l->in.len > 0) {
        n = http_body_read(&l->body, buf_bytes(&l->in), l->in.len, &data);
        if (n < 0)
            return (int)n;
        buf_consume(&l->in, (size_t)n);
    }
    return 0;
}

static void read_response(struct http_link *l)
{
    int rc = 1;

    while (rc == 1 && !l->in_body)
        rc = read_head(l);
    if (rc == 1)
        rc = read_body(l);
    if (rc < 0)
        fail(l, HTTP_LINK_BAD);
    else if (l->in_body && l->body.done)
        complete(l);
}

static void on_end(struct http_link *l)
{
    if (l->busy && l->in_body && http_body_end(&l->body) == 0) {
        l->keep_alive = false;
        complete(l);
    } else {
        fail(l, l->reused && !l->got_byte ? HTTP_LINK_STALE : HTTP_LINK_RESET);
    }
}

static void on_input(struct stream *s)
{
    struct http_link *l = (struct http_link *)(void *)s;
    ssize_t n;

    if (buf_reserve(&l->in, READ) < 0) {
        fail(l, HTTP_LINK_RESET);
        return;
    }
    n = stream_read(s, buf_tail(&l->in), READ);
    if (n == -EAGAIN)
        return;
    if (n <= 0) {
        on_end(l);
        return;
    }
    buf_added(&l->in, (size_t)n);
    l->got_byte = true;
    if (l->busy)
        read_response(l);
    else
        fail(l, HTTP_LINK_IDLE);
}

static void on_drain(struct stream *s)
{
    (void)s;
}

static void on_error(struct stream *s, int rc)
{
    struct http_link *l = (struct http_link *)(void *)s;

    (void)rc;
    fail(l, l->reused && !l->got_byte ? HTTP_LINK_STALE : HTTP_LINK_RESET);
}

static void on_connect(struct stream *s, int rc)
{
    if (rc < 0)
        fail((struct http_link *)(void *)s, HTTP_LINK_CONNECT);
}

static const struct stream_owner owner_of_stream = {on_input, on_drain, on_error,
                                                    on_connect};

int http_link_open(struct http_link **out, struct evloop *loop, const struct net_addr *to,
                   uint32_t timeout_ms, const struct http_link_owner *owner, void *arg)
{
    struct http_link *l = calloc(1, sizeof(*l));
    int rc = l ? sock_connect_start(to) : -ENOMEM;

    if (rc >= 0)
        rc = stream_open_connecting(&l->stream, loop, rc, &owner_of_stream);
    if (rc < 0) {
        free(l);
        return rc;
    }
    l->loop = loop;
    l->owner = owner;
    l->arg = arg;
    l->timeout_ms = timeout_ms;
    *out = l;
    return 0;
}

int http_link_send(struct http_link *l, const char *request, size_t len)
{
    int rc;

    l->busy = true;
    l->in_body = l->got_byte = false;
    l->body = (struct http_body){0};
    rc = evloop_set_timer(l->loop, &l->timer, l->timeout_ms, on_time_out, l);
    if (rc == 0)
        rc = stream_write(&l->stream, request, len);
    if (rc < 0)
        http_link_close(l);
    return rc;
}
