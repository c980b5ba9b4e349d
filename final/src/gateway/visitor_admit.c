/* Between the head of a request and its way to a node stands admission: the cookie tells
 * the class of the visitor, the queue decides who enters, and the visitor's timer bounds
 * the wait.  Whole visits are admitted and not single requests: with the first response
 * the visitor gets a cookie that lets the parts of the page, and the next pages, in
 * before other visitors.
 *
 * A request that nodes have refused waits again, each time twice as long, so that nodes
 * over their limits are not asked in a hurry; the bound of its wait stays the same.
 * Rejected: to refuse at once without a queue.  A short burst would show waiting pages
 * although a node is free some milliseconds later. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "gateway/visitor_private.h"

#define PAUSE_MS 50 /* after a refusal by nodes; doubled each time */

static struct visitor *visitor_of_wait(struct admit_wait *w)
{
    return (struct visitor *)(void *)((char *)w - offsetof(struct visitor, wait));
}

static uint64_t now_s(void)
{
    return (uint64_t)time(NULL);
}

static void enter(struct visitor *v)
{
    lazy_timer_clear(&v->timer);
    v->state = VISITOR_FORWARD;
    v->forward.admitted = true;
    if (v->n_requeued == 0)
        gate_loop_count(&v->g->counts.module[v->wait.module].forwarded);
    forward_start(&v->forward, v->g, &visitor_answer_owner);
}

static void on_admitted(struct admit_wait *w)
{
    struct visitor *v = visitor_of_wait(w);

    v->queue_us = (uint32_t)(gate_loop_now_us() - v->queue_begin_us);
    enter(v);
}

/* The time that the request may still wait, in ms. */
static uint32_t left_ms(const struct visitor *v)
{
    const struct gate_limits *l = v->g->limits;
    uint64_t waited = (gate_loop_now_us() - v->queue_begin_us) / 1000;
    uint32_t most =
        v->wait.class == ADMIT_CLASS_INSIDE ? l->queue_inside_ms : l->queue_new_ms;

    return waited < most ? most - (uint32_t)waited : 0;
}

/* An older copy, or the waiting page with a cookie that keeps the visitor's place.  A
 * visitor who is inside keeps the cookie that says so. */
static void refuse(struct visitor *v)
{
    char cookie[VISIT_FIELD_MAX] = "";

    v->queue_us = (uint32_t)(gate_loop_now_us() - v->queue_begin_us);
    forward_cancel(&v->forward);
    lazy_timer_clear(&v->timer);
    v->state = VISITOR_FORWARD;
    if (visitor_cache_failed(v, CACHE_DROPPED))
        return;
    admit_refused(v->g->admit, v->wait.module, v->wait.class, evloop_now_ms(v->g->loop));
    if (v->visit.class != ADMIT_CLASS_INSIDE &&
        visit_is_due(&v->visit, ADMIT_CLASS_WAITING, now_s()))
        visit_write(v->g->now->keys, &v->visit, ADMIT_CLASS_WAITING, now_s(), v->tls,
                    cookie);
    visitor_answer_waiting(v, cookie);
}

/* While a visitor who is inside pauses, no request of one who is not enters. */
static void hold(struct visitor *v)
{
    v->holds = v->wait.class == ADMIT_CLASS_INSIDE;
    if (v->holds)
        admit_hold(v->g->admit, v->wait.module);
}

static void release(struct visitor *v)
{
    if (v->holds)
        admit_release(v->g->admit, v->wait.module);
    v->holds = false;
}

static void join(struct visitor *v)
{
    uint32_t left;
    int rc;

    v->state = VISITOR_QUEUE;
    rc = admit_queue_join(v->g->queue, &v->wait, v->visit.first_s);
    if (rc == 1) { /* most requests: without a look at the clock */
        if (v->n_requeued > 0)
            v->queue_us = (uint32_t)(gate_loop_now_us() - v->queue_begin_us);
        enter(v);
        return;
    }
    left = left_ms(v);
    if (rc == 0 && left > 0) {
        visitor_set_timer(v, left);
        return;
    }
    admit_queue_remove(v->g->queue, &v->wait);
    refuse(v);
}

void visitor_admit_start(struct visitor *v, const struct http_head *h)
{
    struct gate_loop *g = v->g;
    uint64_t now = now_s();

    visit_read(g->now->keys, h, now, &v->visit);
    v->wait.module = v->forward.rule->slot;
    v->wait.class = v->visit.class;
    v->wait.admitted = on_admitted;
    v->n_requeued = 0;
    v->queue_begin_us = gate_loop_now_us();
    if (v->visit.id && visit_rate_exceeded(g->rate, v->visit.id, now)) {
        v->wait.class = ADMIT_CLASS_NEW;
        v->visit.first_s = now;
    }
    join(v);
}

void visitor_admit_timer(struct visitor *v)
{
    bool pausing = !evtimer_is_armed(&v->wait.place);

    release(v);
    admit_queue_remove(v->g->queue, &v->wait);
    if (pausing && left_ms(v) > 0)
        join(v);
    else
        refuse(v);
}

void visitor_admit_cancel(struct visitor *v)
{
    release(v);
    admit_queue_remove(v->g->queue, &v->wait);
}

void visitor_admit_rejected(struct forward *f)
{
    struct visitor *v = visitor_of_forward(f);
    uint32_t pause = PAUSE_MS << v->n_requeued;

    if (v->n_requeued < 8)
        v->n_requeued++;
    admit_waited(v->g->admit, v->wait.module, evloop_now_ms(v->g->loop));
    if (pause >= left_ms(v)) {
        refuse(v);
        return;
    }
    v->state = VISITOR_QUEUE;
    hold(v);
    visitor_set_timer(v, pause);
}

void visitor_admit_cookie(struct visitor *v, bool admitted, char out[VISIT_FIELD_MAX])
{
    uint64_t now = now_s();

    out[0] = 0;
    if (admitted && visit_is_due(&v->visit, ADMIT_CLASS_INSIDE, now))
        visit_write(v->g->now->keys, &v->visit, ADMIT_CLASS_INSIDE, now, v->tls, out);
}
