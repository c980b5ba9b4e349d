/* The copy of the site as a request sees it.  When the operator has switched it on, it
 * comes first.  Otherwise the order is: the cache, nodes, an older copy of the cache, the
 * copy of the site, the apology.  A request that goes to nodes while others fail takes
 * its page along, because the head of the request is gone when the nodes have failed.
 *
 * Invariant: v->cached.page is a path of v->cached.mirror, of which there is a reference.
 * Rejected: to let each request try nodes first.  Nodes that accept connections and stay
 * silent would make every visitor wait for seconds. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/mirror.h"
#include "gateway/static_copy.h"
#include "gateway/visitor_private.h"

#define EXTRA_MAX 200

static bool may_serve(const struct visitor *v)
{
    return v->g->mirror && v->forward.rule->mirror &&
           (v->forward.method == HTTP_METHOD_GET ||
            v->forward.method == HTTP_METHOD_HEAD);
}

static struct http_text text_of(const char *s)
{
    return (struct http_text){s, (uint32_t)strlen(s)};
}

static uint64_t age_s(const struct mirror *m)
{
    uint64_t now = (uint64_t)time(NULL), taken = mirror_taken_s(m);

    return now > taken ? now - taken : 0;
}

/* Send the page v->cached.page.  <h>: NULL = the request is not known any more. */
static void send_page(struct visitor *v, const struct http_head *h,
                      const struct mirror_page *page)
{
    bool gzip = page->gzip.len > 0 && v->cached.asked.gzip;
    struct http_text body = gzip ? page->gzip : page->plain;
    struct http_copy p = {.fields = page->fields,
                          .status = page->status,
                          .length = body.len,
                          .minor = v->minor,
                          .age_s = age_s(v->cached.mirror),
                          .request_id = v->id};
    char etag[MIRROR_ETAG_LEN + 8], extra[EXTRA_MAX];

    snprintf(etag, sizeof(etag), "\"%s%s\"", page->etag, gzip ? "-gz" : "");
    if (h && page->status == 200 && h->at[HTTP_IF_NONE_MATCH] &&
        cache_control_etag_matches(http_head_value(h, HTTP_IF_NONE_MATCH), text_of(etag)))
        p.status = 304;
    snprintf(extra, sizeof(extra), "%s%s%s%s%s%sLars-Static: 1\r\n",
             page->status == 200 ? "ETag: " : "", page->status == 200 ? etag : "",
             page->status == 200 ? "\r\n" : "",
             gzip && p.status != 304 ? "Content-Encoding: gzip\r\n" : "",
             page->gzip.len > 0 ? "Vary: Accept-Encoding\r\n" : "",
             page->language != CACHE_CONTROL_NONE ? "Vary: Accept-Language\r\n" : "");
    p.extra = extra;
    v->keep_alive = p.keep_alive = v->keep_alive && !*v->g->draining;
    v->cached.result = GATE_STATIC;
    v->cached.word = "static";
    admit_served_static(v->g->admit, v->forward.rule->slot, evloop_now_ms(v->g->loop));
    visitor_cache_send_copy(v, &p, body.at,
                            p.status == 304 || v->forward.method == HTTP_METHOD_HEAD
                                ? 0
                                : body.len);
}

/* Take the page for the request along.  False: there is none. */
static bool take_page(struct visitor *v, const struct http_head *h,
                      struct mirror_page *page)
{
    if (!may_serve(v) ||
        !mirror_find(v->g->mirror, h->target, v->cached.asked.language, page))
        return false;
    mirror_unref(v->cached.mirror);
    v->cached.mirror = mirror_ref(v->g->mirror);
    v->cached.page = page->path;
    return true;
}

bool visitor_static_switched_on(struct visitor *v, const struct http_head *h)
{
    struct mirror_page page;

    if (!static_copy_is_on(v->g->statics) || !take_page(v, h, &page))
        return false;
    send_page(v, h, &page);
    return true;
}

bool visitor_static_before_nodes(struct visitor *v, const struct http_head *h)
{
    uint64_t now = evloop_now_ms(v->g->loop);
    struct mirror_page page;

    if (!static_copy_may_be_needed(v->g->statics, now) || !take_page(v, h, &page))
        return false;
    if (!static_copy_is_needed(v->g->statics, now) ||
        static_copy_asks_nodes(v->g->statics, now))
        return false;
    if (!visitor_cache_failed(v, CACHE_FAILED))
        send_page(v, h, &page);
    return true;
}

bool visitor_static_after_nodes(struct visitor *v)
{
    uint64_t now = evloop_now_ms(v->g->loop);
    struct mirror_page page;

    if (v->forward.rule->mirror)
        static_copy_nodes_failed(v->g->statics, now);
    if (visitor_cache_failed(v, CACHE_FAILED))
        return true;
    if (!v->cached.mirror || !static_copy_is_needed(v->g->statics, now) ||
        !mirror_find(v->cached.mirror, text_of(v->cached.page), v->cached.asked.language,
                     &page))
        return false;
    send_page(v, NULL, &page);
    return true;
}

void visitor_static_node_answered(struct visitor *v)
{
    if (v->forward.rule->mirror)
        static_copy_node_answered(v->g->statics, evloop_now_ms(v->g->loop));
}
