/* echo_libuv -- the framed echo with libuv streams.  It calls uv_try_write() first, which
 * the libuv documentation recommends and which is the fastest way to write there. */
#include <unistd.h>
#include <uv.h>

#include "raw.h"

static char shared[65536];

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
    (void)h;
    (void)want;
    *buf = uv_buf_init(shared, sizeof(shared));
}

static void on_closed(uv_handle_t *h)
{
    free(h);
}

static void on_read(uv_stream_t *s, ssize_t got, const uv_buf_t *buf)
{
    ssize_t at = 0, body;
    uv_buf_t out;

    if (got < 0) {
        uv_close((uv_handle_t *)s, on_closed);
        return;
    }
    while (got - at >= 8 && (body = raw_body_len(buf->base + at)) <= got - at - 8)
        at += 8 + body;
    if (at == 0)
        return;
    out = uv_buf_init(buf->base, (unsigned)at);
    if (uv_try_write(s, &out, 1) != (int)at)
        abort();
}

static void on_accept(uv_stream_t *listener, int status)
{
    uv_tcp_t *c = malloc(sizeof(*c));

    if (status < 0 || !c)
        abort();
    uv_tcp_init(listener->loop, c);
    if (uv_accept(listener, (uv_stream_t *)c) < 0)
        abort();
    uv_tcp_nodelay(c, 1);
    uv_read_start((uv_stream_t *)c, on_alloc, on_read);
}

int main(void)
{
    uv_tcp_t listener;

    uv_tcp_init(uv_default_loop(), &listener);
    if (uv_tcp_open(&listener, raw_listen()) < 0 ||
        uv_listen((uv_stream_t *)&listener, 1024, on_accept) < 0)
        abort();
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
