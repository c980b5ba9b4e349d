/* An owner that fell silent without closing its connection, for instance because its host
 * lost power, must not keep an agent that connected again from reporting.  So the owner
 * loses a stream after SILENT_MS without a batch of it, unless another agent is known to
 * send the stream too.
 *
 * A refused batch alone shows no conflict, because the close of the owner's connection
 * may be waiting in another thread.  A conflict is shown by a batch of the owner that
 * comes later than CONFLICT_MS after a refusal, or of an older connection so long after a
 * newer one got the stream: an agent whose connection was replaced does not send on the
 * old one any more, and what it had sent there is read by then.
 *
 * Invariant: once a conflict is known, the oldest connection that sent the stream has it
 * until it is closed.
 *
 * Rejected: the peer's address as the owner.  Clones may share an address behind NAT, and
 * an agent may return with another one. */
#include "report/stream_owner.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

#define SILENT_MS 6000                /* two of the agent's intervals of repetition */
#define CONFLICT_MS 1000

struct owner {
    uint8_t stream[MSG_STREAM];
    uint64_t number;                  /* of the connection that has the stream */
    uint64_t since_ms;                /* when it got the stream */
    uint64_t batch_ms;                /* when its last batch came */
    uint64_t refused_ms;              /* of the first refusal since; 0 = none */
    bool conflict;                    /* two live connections sent the stream */
    UT_hash_handle hh;
};

struct stream_owners {
    pthread_mutex_t lock;             /* guards the rest */
    struct owner *owners;             /* by stream */
    uint32_t max, n_conflict;
    uint64_t n_refused;
};

int stream_owner_create(struct stream_owners **out, uint32_t max)
{
    struct stream_owners *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->max = max;
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return 0;
}

static void forget_owner(struct stream_owners *s, struct owner *o)
{
    s->n_conflict -= o->conflict;
    HASH_DEL(s->owners, o);
    free(o);
}

void stream_owner_destroy(struct stream_owners *s)
{
    struct owner *o, *next;

    if (!s)
        return;
    HASH_ITER(hh, s->owners, o, next)
        forget_owner(s, o);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void add_owner(struct stream_owners *s, const uint8_t *stream, uint64_t number,
                      uint64_t now_ms)
{
    struct owner *o = HASH_COUNT(s->owners) < s->max ? calloc(1, sizeof(*o)) : NULL;

    if (!o)
        return;
    o->number = number;
    o->since_ms = o->batch_ms = now_ms;
    memcpy(o->stream, stream, MSG_STREAM);
    HASH_ADD(hh, s->owners, stream, MSG_STREAM, o);
    if (!o->hh.tbl)
        free(o);
}

/* Returns -EEXIST when this batch shows the conflict or it is known; else 0. */
static int take_batch(struct stream_owners *s, struct owner *o, bool conflict,
                      uint64_t now_ms)
{
    if (conflict && !o->conflict) {
        o->conflict = true;
        s->n_conflict++;
    }
    o->batch_ms = now_ms;
    return o->conflict ? -EEXIST : 0;
}

static int claim_of(struct stream_owners *s, struct owner *o, uint64_t number,
                    uint64_t now_ms)
{
    bool is_older = number < o->number && now_ms >= o->since_ms + CONFLICT_MS;
    bool was_refused = o->refused_ms > 0 && now_ms >= o->refused_ms + CONFLICT_MS;

    if (number == o->number)
        return take_batch(s, o, was_refused, now_ms);
    if (number < o->number && !is_older)
        return 0;                     /* sent before its connection was replaced */
    if (is_older || (!o->conflict && now_ms >= o->batch_ms + SILENT_MS)) {
        o->number = number;
        o->since_ms = now_ms;
        o->refused_ms = 0;
        return take_batch(s, o, is_older, now_ms);
    }
    if (o->refused_ms == 0)
        o->refused_ms = now_ms;
    s->n_refused++;
    return -EBUSY;
}

int stream_owner_claim(struct stream_owners *s, const uint8_t stream[MSG_STREAM],
                        uint64_t number, uint64_t now_ms)
{
    struct owner *o;
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    HASH_FIND(hh, s->owners, stream, MSG_STREAM, o);
    if (o)
        rc = claim_of(s, o, number, now_ms);
    else
        add_owner(s, stream, number, now_ms);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void stream_owner_close(struct stream_owners *s, uint64_t number)
{
    struct owner *o, *next;

    pthread_mutex_lock(&s->lock);
    HASH_ITER(hh, s->owners, o, next)
    {
        if (o->number == number)
            forget_owner(s, o);
    }
    pthread_mutex_unlock(&s->lock);
}

void stream_owner_stat(struct stream_owners *s, uint64_t *n_refused,
                        uint32_t *n_conflict)
{
    pthread_mutex_lock(&s->lock);
    *n_refused = s->n_refused;
    *n_conflict = s->n_conflict;
    pthread_mutex_unlock(&s->lock);
}
