/* echo_libevent -- the framed echo with the bufferevents of libevent, written as the
 * libevent book recommends. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "raw.h"

static void on_read(struct bufferevent *b, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(b), *out = bufferevent_get_output(b);
    char head[8];

    (void)arg;
    while (evbuffer_copyout(in, head, 8) == 8) {
        size_t len = 8 + (size_t)raw_body_len(head);

        if (evbuffer_get_length(in) < len)
            break;
        evbuffer_remove_buffer(in, out, len);
    }
}

static void on_event(struct bufferevent *b, short what, void *arg)
{
    (void)arg;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(b);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a,
                      int len, void *arg)
{
    struct bufferevent *b = bufferevent_socket_new(arg, fd, BEV_OPT_CLOSE_ON_FREE);
    int one = 1;

    (void)l;
    (void)a;
    (void)len;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    bufferevent_setcb(b, on_read, NULL, on_event, NULL);
    bufferevent_enable(b, EV_READ | EV_WRITE);
}

int main(void)
{
    struct event_base *base = event_base_new();

    evconnlistener_new(base, on_accept, base, LEV_OPT_CLOSE_ON_FREE, 0, raw_listen());
    return event_base_dispatch(base);
}
