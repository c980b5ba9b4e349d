/* forward -- one request on its way to a node and its response on the way back: it picks
 * a node, sends the request that http_write made, reads the response, and tries another
 * node when that is allowed.  It ends the call at the library with what it has shown.
 *
 * What may be repeated.  A connect that fails: always.  After a byte was sent: requests
 * without a body whose method is idempotent, or that the node has refused because it is
 * over its own limit, when no byte of a response was passed on.  A request that is not
 * idempotent is never sent on a connection that was used before, because such a
 * connection may be closing; nor is one with a body, which could not be sent again.
 * An idempotent request that fails on a used connection before any byte came back is sent
 * once more to the same node on a new one; that is neither an attempt nor a failure.
 * Thread: loop. */
#ifndef LARS_GATEWAY_FORWARD_H
#define LARS_GATEWAY_FORWARD_H

#include "api/lars_retry.h"
#include "gateway/gate_loop.h"
#include "gateway/lazy_timer.h"
#include "http/http_body.h"

struct forward;

struct forward_owner {
    /* The head of the response; <h> is valid within the call.  on_body and on_end follow.
     * Returns 0; below zero when forward_cancel() was called in it. */
    int (*on_head)(struct forward *f, const struct http_head *h);
    int (*on_body)(struct forward *f, struct http_text data); /* returns as on_head */
    int (*on_flush)(struct forward *f);   /* no more for now: send; returns as on_head */
    void (*on_end)(struct forward *f);    /* the response is complete */
    void (*on_broken)(struct forward *f); /* it broke off after on_head */
    void (*on_failed)(struct forward *f, uint16_t status); /* no response: 502 to 504 */
    /* Nodes refused it because they are over their own limits.  f->request is kept, so
     * that forward_start() can be called again later.  NULL: on_failed is called. */
    void (*on_rejected)(struct forward *f);
    void (*on_body_wanted)(struct forward *f); /* forward_send() would send at once */
};

enum forward_state {
    FORWARD_IDLE,
    FORWARD_CONNECTING,
    FORWARD_WAITING,                      /* for the head of the response */
    FORWARD_RELAYING
};

struct forward {
    struct gate_loop *g;
    const struct forward_owner *owner;
    const struct rule *rule;
    struct node_conn *node;
    struct buf request;                   /* its head, to be sent again */
    struct lars_retry retry;
    struct lars_host host;
    struct fallback *fallback;            /* <host> is of it; NULL = of the library */
    struct http_body body;
    struct lazy_timer timer;
    uint64_t start_us;
    uint32_t connect_us, first_us;        /* durations */
    enum forward_state state : 8;
    enum http_method method : 8;
    enum lars_outcome outcome : 8;        /* that the head of the response shows */
    enum gate_attempt why : 8;            /* of the latest attempt that failed */
    uint32_t n_dropped;                   /* bytes of the body, while <deaf> */
    uint32_t node_closes_s;               /* the node keeps the connection for so long;
                                           * UINT32_MAX = not known */
    uint16_t n_rejected;                  /* nodes that refused it */
    struct http_parse parse;
    bool idempotent, has_body;
    bool body_complete;                   /* the whole request was handed over */
    bool sent;                            /* a byte of it went to this node */
    bool deaf;                            /* the node takes no more of it: the rest of the
                                           * body is dropped, and an answer may come */
    bool fresh;                           /* the next connection must be a new one */
    bool calling;                         /* <host> is to be ended */
    bool admitted;                        /* by g->queue; admit_queue_leave() follows */
    bool not_its_time;                    /* the timer ends before the node's own time */
    bool node_keeps;                      /* the connection can be used again */
    bool paused;
};

/* Begin.  f->request has the head; the caller sets method, idempotent, has_body, rule,
 * admitted.
 * One of the functions of <owner> may be called before this returns. */
void forward_start(struct forward *f, struct gate_loop *g,
                   const struct forward_owner *owner);

/* Hand over bytes of the body, as they are to be sent.  Returns 0; -EAGAIN when the node
 * takes no more now: they are kept, and on_body_wanted follows, or the end; -EPIPE when
 * the request has ended.  A node that has closed may have answered before, so the bytes
 * are dropped then until that is known: FORWARD_DROP_MAX, then -EAGAIN. */
#define FORWARD_DROP_MAX 65536
int forward_send(struct forward *f, const void *p, size_t len);
void forward_body_complete(struct forward *f);

void forward_pause(struct forward *f);    /* no on_body until forward_resume() */
void forward_resume(struct forward *f);

/* The visitor has gone, or the response is not passed on: end the call as one that shows
 * nothing about the node but what the head of a response did.  Idle: frees the request
 * and the timer only.  Call it before the memory of <f> is freed. */
void forward_cancel(struct forward *f);

#endif
