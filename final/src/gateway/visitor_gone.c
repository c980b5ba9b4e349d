/* A visitor who leaves while a node works on the request has not made that work useless:
 * a moment later the node's connection can be used again, and the copy serves those who
 * wait for it.  Cancelling closes the connection and makes another request for the node.
 * So the request continues for GONE_MS without its visitor; no attempt is repeated for
 * it, and a response that is not kept is read only while it is short.
 *
 * Invariant: the request ends in visitor_close(), as every other one, at the latest by
 * the visitor's timer.
 * Rejected: to go on until the response is complete.  Visitors who press F5 on a slow
 * service would fill its places with requests that have no reader. */
#include <errno.h>

#include "gateway/visitor_private.h"

#define GONE_MS 1000
#define UNREAD_MAX CACHE_OBJECT_MAX /* bytes of a body that are read for the connection */

/* Whether the rest of the response is worth reading: it is kept, or short. */
static bool is_worth_reading(const struct visitor *v, uint64_t len)
{
    return v->cached.fetch || len <= UNREAD_MAX;
}

static int on_head(struct forward *f, const struct http_head *h)
{
    struct visitor *v = visitor_of_forward(f);

    v->n_body_out = 0;
    if (visitor_cache_head(v, h) == 0 && h->framing != HTTP_TO_END &&
        is_worth_reading(v, h->framing == HTTP_LENGTH ? h->length : 0))
        return 0;
    visitor_close(v);
    return -ECANCELED;
}

static int on_body(struct forward *f, struct http_text data)
{
    struct visitor *v = visitor_of_forward(f);

    v->n_body_out += data.len;
    visitor_cache_body(v, data);
    if (is_worth_reading(v, v->n_body_out))
        return 0;
    visitor_close(v);
    return -ECANCELED;
}

static int on_flush(struct forward *f)
{
    (void)f;
    return 0;
}

static void on_end(struct forward *f)
{
    struct visitor *v = visitor_of_forward(f);

    visitor_cache_complete(v);
    visitor_close(v);
}

/* It broke off or failed: another visitor who waits fetches. */
static void on_broken(struct forward *f)
{
    visitor_close(visitor_of_forward(f));
}

static void on_failed(struct forward *f, uint16_t status)
{
    (void)status;
    visitor_close(visitor_of_forward(f));
}

static void on_body_wanted(struct forward *f)
{
    (void)f; /* all of it was sent before */
}

static const struct forward_owner gone_owner = {.on_head = on_head,
                                                .on_body = on_body,
                                                .on_flush = on_flush,
                                                .on_end = on_end,
                                                .on_broken = on_broken,
                                                .on_failed = on_failed,
                                                .on_rejected = on_broken,
                                                .on_body_wanted = on_body_wanted};

/* The whole request has been sent, and its response is awaited or kept. */
static bool may_go_on(const struct visitor *v)
{
    const struct forward *f = &v->forward;

    return v->state == VISITOR_FORWARD && !v->body_left && !*v->g->draining &&
           (f->state == FORWARD_WAITING ||
            (f->state == FORWARD_RELAYING && v->cached.fetch));
}

void visitor_gone_start(struct visitor *v)
{
    if (!may_go_on(v)) {
        visitor_close(v);
        return;
    }
    visitor_leave(v);
    v->state = VISITOR_GONE;
    v->forward.owner = &gone_owner;
    v->forward.retry.attempts = v->forward.retry.n; /* no further one */
    cache_copy_unref(v->cached.copy);
    v->cached.copy = NULL;
    visitor_set_timer(v, GONE_MS);
}
