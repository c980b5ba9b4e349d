/* A few entries, one for each stream of which a batch was refused or shown to be in
 * conflict lately.  An entry is a conflict once it has both addresses.
 *
 * Invariant: an entry whose times are both STREAM_CONFLICTS_MS ago is never used again
 * with its old addresses, so a refusal after a new connection of one agent is no
 * conflict, whatever happened to its stream before.
 *
 * Rejected: the addresses in stream_owner.c.  It decides by connections and times only,
 * and has an entry for each of all streams. */
#include "report/stream_conflicts.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct stream_conflict is;
    uint64_t taken_ms, refused_ms;    /* the last of each; 0 = none */
};

struct stream_conflicts {
    pthread_mutex_t lock;             /* guards the rest */
    struct entry entry[STREAM_CONFLICTS_MAX];
};

int stream_conflicts_create(struct stream_conflicts **out)
{
    struct stream_conflicts *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return 0;
}

void stream_conflicts_destroy(struct stream_conflicts *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static uint64_t last_ms(const struct entry *e)
{
    return e->taken_ms > e->refused_ms ? e->taken_ms : e->refused_ms;
}

static bool is_recent(uint64_t then_ms, uint64_t now_ms)
{
    return then_ms != 0 && now_ms < then_ms + STREAM_CONFLICTS_MS;
}

/* The entry of <stream>, or the oldest one, which becomes its entry. */
static struct entry *entry_of(struct stream_conflicts *s, const uint8_t *stream,
                              uint64_t now_ms)
{
    struct entry *e, *oldest = s->entry;

    for (e = s->entry; e < s->entry + STREAM_CONFLICTS_MAX; e++) {
        if (is_recent(last_ms(e), now_ms) &&
            memcmp(e->is.stream, stream, MSG_STREAM) == 0)
            return e;
        if (last_ms(e) < last_ms(oldest))
            oldest = e;
    }
    memset(oldest, 0, sizeof(*oldest));
    memcpy(oldest->is.stream, stream, MSG_STREAM);
    return oldest;
}

void stream_conflicts_taken(struct stream_conflicts *s, const uint8_t stream[MSG_STREAM],
                            const char *owner, uint64_t now_ms)
{
    struct entry *e;

    pthread_mutex_lock(&s->lock);
    e = entry_of(s, stream, now_ms);
    e->taken_ms = now_ms;
    snprintf(e->is.owner, sizeof(e->is.owner), "%s", owner);
    pthread_mutex_unlock(&s->lock);
}

void stream_conflicts_refused(struct stream_conflicts *s,
                              const uint8_t stream[MSG_STREAM], const char *other,
                              uint64_t now_ms)
{
    struct entry *e;

    pthread_mutex_lock(&s->lock);
    e = entry_of(s, stream, now_ms);
    e->refused_ms = now_ms;
    snprintf(e->is.other, sizeof(e->is.other), "%s", other);
    pthread_mutex_unlock(&s->lock);
}

size_t stream_conflicts_list(struct stream_conflicts *s, struct stream_conflict *out,
                             size_t max, uint64_t now_ms)
{
    const struct entry *e;
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    for (e = s->entry; e < s->entry + STREAM_CONFLICTS_MAX && n < max; e++)
        if (e->taken_ms != 0 && is_recent(e->refused_ms, now_ms))
            out[n++] = e->is;
    pthread_mutex_unlock(&s->lock);
    return n;
}
