/* A list is packed for each connection and compared with the bytes that it got last, so
 * there is no second notion of "changed" that could miss a field.
 *
 * Rejected: comparing tables of two reads.  A connection that comes between them has seen
 * neither, and a list that could not be sent would count as sent. */
#include "dns/slot_peers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* or it would end the process */
#include <uthash.h>

#include "base/log.h"

#define BODY_MAX 16384 /* MSG_SLOT_MAX orders of less than 48 bytes */

struct slot_peer {
    const struct conn *key;
    struct conn *c;
    char host[MSG_SLOT_HOST];
    void *sent; /* the body that it got last; NULL = none */
    size_t sent_len;
    uint64_t sent_ms; /* monotonic */
    UT_hash_handle hh;
};

struct slot_peers {
    struct slot_peer *peers;
    struct msg_slot_orders orders; /* the list that is being sent, and its body */
    char body[BODY_MAX];
};

int slot_peers_create(struct slot_peers **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

static void drop_peer(struct slot_peers *p, struct slot_peer *s)
{
    HASH_DEL(p->peers, s);
    free(s->sent);
    free(s);
}

void slot_peers_destroy(struct slot_peers *p)
{
    struct slot_peer *s, *next;

    if (!p)
        return;
    HASH_ITER(hh, p->peers, s, next)
    drop_peer(p, s);
    free(p);
}

static struct slot_peer *peer_of(struct slot_peers *p, const struct conn *c)
{
    struct slot_peer *s;

    HASH_FIND_PTR(p->peers, &c, s);
    return s;
}

static struct slot_peer *new_peer(struct slot_peers *p, struct conn *c)
{
    struct slot_peer *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->key = s->c = c;
    HASH_ADD_PTR(p->peers, key, s);
    if (s->hh.tbl)
        return s;
    free(s);
    return NULL;
}

int slot_peers_add(struct slot_peers *p, struct conn *c, const char *host)
{
    struct slot_peer *s = peer_of(p, c);
    bool is_new = s == NULL;

    if (is_new)
        s = new_peer(p, c);
    if (!s)
        return -ENOMEM;
    snprintf(s->host, sizeof(s->host), "%s", host);
    free(s->sent); /* the next table is an answer */
    s->sent = NULL;
    return is_new;
}

int slot_peers_forget(struct slot_peers *p, const struct conn *c)
{
    struct slot_peer *s = peer_of(p, c);

    if (!s)
        return 0;
    drop_peer(p, s);
    return 1;
}

static bool has_changed(const struct slot_peers *p, const struct slot_peer *s, size_t len)
{
    return !s->sent || s->sent_len != len || memcmp(s->sent, p->body, len) != 0;
}

/* Without memory for it the list counts as not sent; the next table sends it again. */
static void keep_sent(struct slot_peers *p, struct slot_peer *s, size_t len,
                      uint64_t now_ms)
{
    free(s->sent);
    s->sent = malloc(len);
    if (s->sent)
        memcpy(s->sent, p->body, len);
    s->sent_len = len;
    s->sent_ms = now_ms;
}

static bool push_to(struct slot_peers *p, struct slot_peer *s,
                    const struct slot_order_table *t, uint64_t now_ms)
{
    ssize_t len;
    bool changed;

    slot_order_table_of(t, s->host, &p->orders);
    len = msg_slot_pack_orders(&p->orders, p->body, sizeof(p->body));
    if (len <= 0)
        return false;
    changed = has_changed(p, s, (size_t)len);
    if (!changed && now_ms - s->sent_ms < SLOT_PEERS_REPEAT_MS)
        return false;
    if (conn_send(s->c, MSG_SLOT_ORDERS, p->body, (size_t)len) < 0)
        return false;
    if (changed)
        LOG_DEBUG("slot_orders.pushed", "host=%s fence=%llu orders=%zu", s->host,
                  (unsigned long long)p->orders.fence, p->orders.n);
    keep_sent(p, s, (size_t)len, now_ms);
    return true;
}

size_t slot_peers_push(struct slot_peers *p, const struct slot_order_table *t,
                       uint64_t now_ms)
{
    struct slot_peer *s, *next;
    size_t n = 0;

    HASH_ITER(hh, p->peers, s, next)
    n += push_to(p, s, t, now_ms);
    return n;
}
