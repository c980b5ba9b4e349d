/* visitor_private -- a visitor's connection, as the three files that handle it see it:
 *     visitor.c          its beginning and end, its events, the heads of requests
 *     visitor_body.c     the bodies of requests
 *     visitor_answer.c   responses: of nodes and of our own; the line in the log
 * Thread: loop. */
#ifndef LARS_GATEWAY_VISITOR_PRIVATE_H
#define LARS_GATEWAY_VISITOR_PRIVATE_H

#include <netinet/in.h>

#include "base/net_addr.h"
#include "gateway/forward.h"
#include "http/http_body.h"
#include "net/stream.h"

enum visitor_state {
    VISITOR_IDLE,                         /* waits for a request */
    VISITOR_HEAD,                         /* a part of its head has arrived */
    VISITOR_FORWARD,                      /* a request is in progress */
    VISITOR_FLUSH,                        /* much of a response waits to be sent */
    VISITOR_CLOSING,                      /* what waits is sent, input is dropped */
    VISITOR_CLOSED
};

struct visitor {
    struct stream stream; /* first: a stream is its visitor */
    struct gate_loop *g;
    enum visitor_state state;
    struct net_addr peer;
    char peer_text[INET6_ADDRSTRLEN];
    uint64_t end_ms; /* no request is begun after this */
    uint32_t n_requests;
    struct evtimer timer;
    struct buf in;
    struct http_parse parse;
    bool skipped_blank;
    bool shut; /* VISITOR_CLOSING: our side is shut down */
    size_t n_drained;
    /* the request */
    uint8_t minor;
    bool keep_alive, body_left, body_blocked, head_sent, chunked, wants_continue;
    uint16_t status;
    uint64_t n_body_in, n_body_out, begin_us;
    struct http_body body;
    char id[GATE_ID_LEN];
    char *line;                           /* for the log: host, method, target; owned;
                                           * NULL = none */
    struct forward forward;
    struct evloop_call later; /* the next request, or to free it */
    struct visitor *next, **prev;
};

/* The visitor whose request <f> is. */
static inline struct visitor *visitor_of_forward(struct forward *f)
{
    return (struct visitor *)(void *)((char *)f - offsetof(struct visitor, forward));
}

/* --- visitor.c ---------------------------------------------------------------------- */

void visitor_close(struct visitor *v);    /* at once; frees it at the end of this turn */
void visitor_set_timer(struct visitor *v, uint32_t ms); /* may close: no memory */

/* Send what waits, shut down our side, and read until the visitor has closed: a close
 * with unread input would reset the connection, and the visitor might lose the answer. */
void visitor_start_closing(struct visitor *v);
void visitor_become_idle(struct visitor *v); /* ready for the next request */

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
void visitor_answer_refusal(struct visitor *v, enum http_why why);
void visitor_answer_forget(struct visitor *v); /* what is refused is no request */

#endif
