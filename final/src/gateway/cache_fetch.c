/* A response is collected in one allocation, head first, and becomes a copy when it is
 * complete; until then only its fetch knows it.  Its bytes count in the shard from the
 * beginning, so that many fetches at once stay within the bound as well.
 *
 * Invariant: the slot of a fetch is not evicted, because it is marked as fetching.
 * Rejected: to store while another request reads the beginning.  A response of 256 KiB
 * is complete in a few ms, and what breaks off would have been sent to many. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cache_private.h"

#define MODIFIED_MAX 64 /* bytes of a Last-Modified that is sent back */

struct cache_fetch {
    struct shard *shard;
    struct slot *slot;
    struct cache_copy copy; /* without its texts and its body */
    size_t fields_len, etag_len, modified_len;
    struct holder *old; /* a reference; NULL = no copy, or none that can be confirmed */
    char *bytes; /* fields, ETag, Last-Modified, body */
    size_t len, cap;
};

static bool can_be_confirmed(const struct cache_copy *c)
{
    return c->status == 200 && (cache_control_etag_usable(c->etag) ||
                                (c->modified.len > 0 && c->modified.len <= MODIFIED_MAX));
}

struct cache_fetch *cache_fetch_new(struct shard *s, struct slot *slot)
{
    struct cache_fetch *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->shard = s;
    f->slot = slot;
    slot->fetching = true;
    if (slot->holder && can_be_confirmed(&slot->holder->copy)) {
        f->old = slot->holder;
        atomic_fetch_add_explicit(&f->old->refs, 1, memory_order_relaxed);
    }
    return f;
}

struct cache_copy *cache_fetch_old(const struct cache_fetch *f)
{
    return f->old ? &f->old->copy : NULL;
}

/* Room for <len> more bytes, within the bound of the shard. */
static int reserve(struct cache_fetch *f, size_t len)
{
    size_t cap = f->cap * 2 > f->len + len ? f->cap * 2 : f->len + len, more;
    char *bytes;
    bool fits;

    if (f->cap - f->len >= len)
        return 0;
    more = cap - f->cap;
    pthread_mutex_lock(&f->shard->lock);
    fits = cache_make_room(f->shard, more);
    if (fits)
        f->shard->bytes += more;
    pthread_mutex_unlock(&f->shard->lock);
    if (!fits)
        return -ENOMEM;
    bytes = realloc(f->bytes, cap);
    if (!bytes) {
        f->shard->bytes -= more;
        return -ENOMEM;
    }
    f->bytes = bytes;
    f->cap = cap;
    return 0;
}

static void add(struct cache_fetch *f, const char *p, size_t len)
{
    if (len > 0)
        memcpy(f->bytes + f->len, p, len);
    f->len += len;
}

int cache_fetch_head(struct cache_fetch *f, const struct http_head *h,
                     struct http_text fields, const struct cache_control_times *t,
                     uint64_t now_ms)
{
    struct http_text etag = http_head_value(h, HTTP_ETAG);
    struct http_text modified = http_head_value(h, HTTP_LAST_MODIFIED);
    uint64_t length = h->framing == HTTP_LENGTH ? h->length : 0;
    int rc;

    if (length > CACHE_OBJECT_MAX)
        return -E2BIG;
    rc = reserve(f, fields.len + etag.len + modified.len + (size_t)length);
    if (rc < 0)
        return rc;
    f->copy.status = h->status;
    f->copy.born_ms = now_ms - cache_control_age_s(h) * 1000; /* may wrap: a difference */
    f->copy.fresh_ms = now_ms + t->fresh_ms;
    f->copy.stale_ms = f->copy.fresh_ms + t->stale_ms;
    f->copy.error_ms = f->copy.fresh_ms + t->stale_error_ms;
    f->fields_len = fields.len;
    f->etag_len = etag.len;
    f->modified_len = modified.len;
    add(f, fields.at, fields.len);
    add(f, etag.at, etag.len);
    add(f, modified.at, modified.len);
    return 0;
}

static size_t head_len(const struct cache_fetch *f)
{
    return f->fields_len + f->etag_len + f->modified_len;
}

int cache_fetch_body(struct cache_fetch *f, const char *p, size_t len)
{
    int rc;

    if (len > CACHE_OBJECT_MAX || f->len - head_len(f) + len > CACHE_OBJECT_MAX)
        return -E2BIG;
    rc = reserve(f, len);
    if (rc == 0)
        add(f, p, len);
    return rc;
}

/* The copy of a complete fetch; NULL: no memory. */
static struct holder *holder_of(const struct cache_fetch *f)
{
    struct holder *h = malloc(sizeof(*h) + f->len);
    const char *at;

    if (!h)
        return NULL;
    *h = (struct holder){
        .copy = f->copy, .shard = f->shard, .charge = sizeof(*h) + f->len, .refs = 1};
    if (f->len > 0)
        memcpy(h->bytes, f->bytes, f->len);
    at = h->bytes;
    h->copy.fields = (struct http_text){at, (uint32_t)f->fields_len};
    h->copy.etag = (struct http_text){at + f->fields_len, (uint32_t)f->etag_len};
    h->copy.modified =
        (struct http_text){at + f->fields_len + f->etag_len, (uint32_t)f->modified_len};
    h->copy.body = at + head_len(f);
    h->copy.body_len = f->len - head_len(f);
    return h;
}

/* The response is not to be kept, or has no room: an older copy does not serve either. */
static void do_not_keep(struct shard *s, struct slot *slot, uint64_t now_ms)
{
    cache_drop_copy(s, slot);
    slot->failed_ms = 0;
    slot->pass_ms = now_ms + CACHE_PASS_MS;
}

/* <h> is charged already. */
static void keep(struct shard *s, struct slot *slot, struct holder *h, uint64_t now_ms)
{
    cache_drop_copy(s, slot);
    if (!cache_make_room(s, 0)) {
        cache_copy_unref(&h->copy);
        do_not_keep(s, slot, now_ms);
        return;
    }
    slot->pass_ms = slot->failed_ms = 0;
    s->n_copies++;
    slot->holder = h;
}

/* The mark of the slot, those who wait, and the memory of <f>. */
static void finish(struct cache_fetch *f, enum cache_end how, struct holder *h,
                   uint64_t now_ms)
{
    struct shard *s = f->shard;
    struct slot *slot = f->slot;

    pthread_mutex_lock(&s->lock);
    s->bytes -= f->cap;
    if (h)
        s->bytes += h->charge;
    if (how == CACHE_KEPT && h)
        keep(s, slot, h, now_ms);
    else if (how == CACHE_NOT_KEPT || how == CACHE_KEPT)
        do_not_keep(s, slot, now_ms);
    else if (how == CACHE_FAILED)
        slot->failed_ms = now_ms + CACHE_FAILED_MS;
    slot->fetching = false;
    cache_wait_wake_all(s, slot);
    pthread_mutex_unlock(&s->lock);
    if (f->old)
        cache_copy_unref(&f->old->copy);
    free(f->bytes);
    free(f);
}

void cache_fetch_end(struct cache_fetch *f, enum cache_end how, uint64_t now_ms)
{
    finish(f, how, how == CACHE_KEPT ? holder_of(f) : NULL, now_ms);
}

struct cache_copy *cache_fetch_take(struct cache_fetch *f, bool kept, uint64_t now_ms)
{
    struct holder *h = holder_of(f);

    if (h && kept)
        h->refs = 2; /* of the slot, and of the caller */
    finish(f, kept ? CACHE_KEPT : CACHE_NOT_KEPT, h, now_ms);
    return h ? &h->copy : NULL;
}
