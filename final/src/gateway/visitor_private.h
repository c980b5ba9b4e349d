/* visitor_private -- a visitor's connection, as the files that handle it see it:
 *     visitor.c          its beginning and end, its events, the heads of requests
 *     visitor_idle.c     those without a request
 *     visitor_admit.c    requests that wait until they may go to a node
 *     visitor_body.c     the bodies of requests
 *     visitor_answer.c   responses: of nodes and of our own; the line in the log
 *     visitor_gone.c     requests whose visitor has left
 *     visitor_cache.c    responses from the cache, and those that are kept in it
 *     visitor_static.c   responses from the copy of the site
 *     visitor_source.c   requests that no visitor has sent
 * Thread: loop. */
#ifndef LARS_GATEWAY_VISITOR_PRIVATE_H
#define LARS_GATEWAY_VISITOR_PRIVATE_H

#include <netinet/in.h>

#include "gateway/admit_queue.h"
#include "gateway/cache.h"
#include "gateway/forward.h"
#include "gateway/lazy_timer.h"
#include "gateway/visit.h"
#include "http/http_body.h"
#include "http/http_write.h"
#include "net/stream.h"

enum visitor_state {
    VISITOR_HANDSHAKE,                    /* TLS begins */
    VISITOR_IDLE,                         /* waits for a request */
    VISITOR_HEAD,                         /* a part of its head has arrived */
    VISITOR_QUEUE,                        /* a request waits for its admission */
    VISITOR_LOOKUP,                       /* waits for another request's fetch */
    VISITOR_FORWARD,                      /* a request is in progress */
    VISITOR_COPY,                         /* a response from the cache, or from the copy
                                           * of the site, is being sent */
    VISITOR_FLUSH,                        /* much of a response waits to be sent */
    VISITOR_CLOSING,                      /* what waits is sent, input is dropped */
    VISITOR_GONE,                         /* the visitor has left; its request may end */
    VISITOR_CLOSED
};

/* What a request has of the cache and of the copy of the site; zeroed = nothing. */
struct visitor_cached {
    struct cache_control_request asked;
    struct cache_copy *copy;              /* what is sent, or serves if nodes fail */
    struct cache_fetch *fetch;            /* others wait for this request */
    struct cache_wait *wait;              /* VISITOR_LOOKUP */
    char *head;                           /* of the request, while it waits; owned */
    struct mirror *mirror;                /* a reference: of it <page> serves */
    const char *page;                     /* a path of <mirror> */
    const char *body;                     /* VISITOR_COPY: of <copy> or of <mirror> */
    uint32_t head_len;
    uint32_t body_len, sent;              /* bytes of <body> */
    uint32_t wait_end_ms;                 /* the low bits; 0 = it has not waited */
    bool confirmed;                       /* a node has: <copy> answers, at on_end */
    bool known;                           /* the visitor has what is asked about */
    bool admitted;                        /* of a request that was confirmed */
    enum gate_result result;
    const char *word;                     /* for the log; static; NULL = "-" */
};

/* There is one for each visitor, and most of them have no request, so that each byte
 * counts: what is small stands together. */
struct visitor {
    struct stream stream; /* first: a stream is its visitor */
    struct gate_loop *g;
    const char *tls;                      /* "TLSv1.3" ...; static; NULL = without TLS */
    uint64_t end_ms; /* no request is begun after this */
    struct lazy_timer timer;
    struct buf in;
    struct evloop_call later; /* the next request, or to free it */
    struct visitor *next, **prev;
    struct visitor *idle_next, *idle_prev; /* of those that wait for a request */
    enum visitor_state state;
    uint32_t n_requests;
    uint32_t n_drained;
    struct http_parse parse;
    bool is_idle; /* is one of those that wait for a request */
    bool skipped_blank;
    bool shut; /* VISITOR_CLOSING: our side is shut down */
    /* the request */
    uint8_t minor;
    bool keep_alive, body_left, body_blocked, head_sent, chunked, wants_continue;
    char id[GATE_ID_LEN];
    uint8_t n_requeued; /* times that nodes refused it */
    bool holds; /* admit_hold(): it pauses after such a refusal */
    uint16_t status;
    uint32_t n_body_in, queue_us;
    uint64_t n_body_out, begin_us, queue_begin_us;
    struct http_body body;
    char *line;                           /* for the log: host, method, target; owned;
                                           * NULL = none */
    struct generation *generation;        /* whose rules it uses; NULL = no request */
    struct visit visit;                   /* what its cookie shows */
    struct admit_wait wait;               /* wait.class: how it is treated */
    struct forward forward;
    struct visitor_cached cached;
    char peer_text[];                     /* the address, as long as it is */
};

/* The visitor whose request <f> is. */
static inline struct visitor *visitor_of_forward(struct forward *f)
{
    return (struct visitor *)(void *)((char *)f - offsetof(struct visitor, forward));
}

/* --- visitor.c ---------------------------------------------------------------------- */

void visitor_leave(struct visitor *v);    /* ends the connection and not the request */
void visitor_close(struct visitor *v);    /* at once; frees it at the end of this turn */
void visitor_set_timer(struct visitor *v, uint32_t ms); /* may close: no memory */

/* Send what waits, shut down our side, and read until the visitor has closed: a close
 * with unread input would reset the connection, and the visitor might lose the answer. */
void visitor_start_closing(struct visitor *v);
void visitor_become_idle(struct visitor *v); /* ready for the next request */

/* The request has ended: its rule is not used any more. */
void visitor_end_request(struct visitor *v);

/* Send the request with the head <h> to a node, as soon as it is admitted. */
void visitor_forward(struct visitor *v, const struct http_head *h);

/* --- visitor_idle.c ----------------------------------------------------------------- */

/* It waits for a request from now on, as the last one; or not any more. */
void visitor_idle_enter(struct visitor *v);
void visitor_idle_leave(struct visitor *v);
uint32_t visitor_idle_ms(const struct visitor *v); /* the time it has for that */

/* --- visitor_admit.c ---------------------------------------------------------------- */

/* Forward the request, with the head <h> and v->forward set, as soon as it is admitted;
 * or answer it with the waiting page. */
void visitor_admit_start(struct visitor *v, const struct http_head *h);
void visitor_admit_timer(struct visitor *v); /* VISITOR_QUEUE: the time is over */
void visitor_admit_cancel(struct visitor *v); /* it does not wait any more */
void visitor_admit_rejected(struct forward *f); /* forward's on_rejected */

/* The field Set-Cookie for the response to an admitted request; "" = none is due. */
void visitor_admit_cookie(struct visitor *v, bool admitted, char out[VISIT_FIELD_MAX]);

/* --- visitor_body.c ----------------------------------------------------------------- */

/* Read the body at <p>; what is left of the bytes is kept for the next request. */
void visitor_body_read(struct visitor *v, const char *p, size_t len);
void visitor_body_wanted(struct forward *f); /* the node takes bytes of it */

/* It has come slower than is allowed. */
bool visitor_body_is_slow(struct visitor *v);

/* --- visitor_answer.c --------------------------------------------------------------- */

extern const struct forward_owner visitor_answer_owner;

/* Answer with a page of our own.  <close>: the connection cannot be used further.
 * <extra>: whole fields. */
void visitor_answer_page(struct visitor *v, uint16_t status, bool close,
                         const char *extra);

/* 308 with these fields, Location among them.  It counts as a redirect, and as no request
 * of a module. */
void visitor_answer_moved(struct visitor *v, const char *extra);

/* Answer what needs no node: GET /lars-id, which shows who programs that ask from outside
 * have reached, and what visitor_redirect_answer() answers.  False: a node is needed. */
bool visitor_answer_itself(struct visitor *v, const struct http_head *h);
void visitor_answer_refusal(struct visitor *v, enum http_why why);

/* Answer 503 with the waiting page.  <extra>: whole fields besides Retry-After. */
void visitor_answer_waiting(struct visitor *v, const char *extra);
void visitor_answer_forget(struct visitor *v); /* what is refused is no request */

/* The response is written: log it, count it, and become ready for the next request. */
void visitor_answer_done(struct visitor *v, enum gate_result result);

/* --- visitor_gone.c ----------------------------------------------------------------- */

/* The visitor has left: the request continues for a second when that saves the node's
 * connection or a copy for others, or everything ends. */
void visitor_gone_start(struct visitor *v);

/* --- visitor_cache.c ---------------------------------------------------------------- */

/* Answer the request from the cache, wait for another one that fetches the same, or
 * forward it.  <bytes>: the head as it came. */
void visitor_cache_start(struct visitor *v, const struct http_head *h,
                         struct http_text bytes);

/* A node's response: its head, a part of its body, its end.  The first returns below 0
 * when a copy was sent instead and the request has ended. */
int visitor_cache_head(struct visitor *v, const struct http_head *h);
void visitor_cache_body(struct visitor *v, struct http_text data);
void visitor_cache_complete(struct visitor *v);

/* No node answers: they have failed, or they are too busy (CACHE_DROPPED).  True: an
 * older copy was sent and the request has ended. */
bool visitor_cache_failed(struct visitor *v, enum cache_end how);

void visitor_cache_timer(struct visitor *v); /* VISITOR_LOOKUP: the time is over */
void visitor_cache_send(struct visitor *v); /* VISITOR_COPY: the socket takes more */

/* Send a response with the head <p> and this body, of which v->cached has a reference.
 * v->cached.result and word are set. */
void visitor_cache_send_copy(struct visitor *v, const struct http_copy *p,
                             const char *body, size_t len);

/* Answer with <copy>, a reference that this takes.  <known>: by 304.  <cookie>: a field
 * for this visitor alone, "" = none. */
void visitor_cache_answer(struct visitor *v, bool known, struct cache_copy *copy,
                          enum gate_result result, const char *word,
                          const char *cookie);

/* The request has ended, or the visitor has gone: others who wait are woken. */
void visitor_cache_release(struct visitor *v);

/* --- visitor_redirect.c ------------------------------------------------------------- */

/* Answer a request that this port does not serve.  True: it has ended. */
bool visitor_redirect_answer(struct visitor *v, const struct http_head *h);

/* --- visitor_confirm.c -------------------------------------------------------------- */

/* Ask the node for its response only if it differs from the copy that there is. */
struct http_forward;
void visitor_confirm_ask(const struct visitor *v, struct http_forward *f);

/* The node's 304 <h> to that.  Returns 0: visitor_confirm_answer() follows at the end of
 * the response; below 0: the request has ended. */
int visitor_confirm_head(struct visitor *v, const struct http_head *h);
void visitor_confirm_answer(struct visitor *v);

/* --- visitor_static.c --------------------------------------------------------------- */

/* A request begins; the cache has no answer to it; nodes have failed.  True: it was
 * answered from the copy of the site, or from an older copy of the cache, and has
 * ended. */
bool visitor_static_switched_on(struct visitor *v, const struct http_head *h);
bool visitor_static_before_nodes(struct visitor *v, const struct http_head *h);
bool visitor_static_after_nodes(struct visitor *v);

void visitor_static_node_answered(struct visitor *v);

/* --- visitor_source.c --------------------------------------------------------------- */

/* The value of Lars-Source for the node: "drill" when the field Lars-Drill of the request
 * is valid; NULL: a visitor has sent it.  Static. */
const char *visitor_source_word(struct visitor *v, const struct http_head *h);

#endif
