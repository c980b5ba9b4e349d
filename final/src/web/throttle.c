/* A count for each account and for each address, in a table that holds the newest 4,096
 * of them.  A count begins anew when its window of 15 minutes is over.
 *
 * Rejected: locking the account in the database.  An attacker could lock out every
 * operator permanently; here the refusal ends by itself after the window. */
#include "web/throttle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#define KEYS_MAX 4096
#define KEY 72

struct count {
    char key[KEY];                    /* "a:ACCOUNT" or "p:ADDRESS" */
    unsigned n;
    uint64_t begin_ms;
    UT_hash_handle hh;
};

struct throttle {
    struct count *counts;
};

int throttle_create(struct throttle **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

static void drop(struct throttle *t, struct count *c)
{
    HASH_DEL(t->counts, c);
    free(c);
}

void throttle_destroy(struct throttle *t)
{
    if (!t)
        return;
    while (t->counts)
        drop(t, t->counts);
    free(t);
}

static struct count *find(const struct throttle *t, char kind, const char *text)
{
    char key[KEY];
    struct count *c;

    snprintf(key, sizeof(key), "%c:%.64s", kind, text);
    HASH_FIND_STR(t->counts, key, c);
    return c;
}

static uint32_t wait_of(const struct count *c, unsigned limit, uint64_t now_ms)
{
    uint64_t end_ms = c ? c->begin_ms + THROTTLE_WINDOW_S * 1000ull : 0;

    return c && c->n >= limit && now_ms < end_ms
               ? (uint32_t)((end_ms - now_ms) / 1000) + 1
               : 0;
}

uint32_t throttle_wait_s(const struct throttle *t, const char *account, const char *peer,
                         uint64_t now_ms)
{
    uint32_t a = wait_of(find(t, 'a', account), THROTTLE_ACCOUNT, now_ms);
    uint32_t p = wait_of(find(t, 'p', peer), THROTTLE_PEER, now_ms);

    return a > p ? a : p;
}

static void count(struct throttle *t, char kind, const char *text, uint64_t now_ms)
{
    struct count *c = find(t, kind, text);

    if (!c) {
        c = calloc(1, sizeof(*c));
        if (!c)
            return;
        snprintf(c->key, sizeof(c->key), "%c:%.64s", kind, text);
        c->begin_ms = now_ms;
        HASH_ADD_STR(t->counts, key, c);
        if (HASH_COUNT(t->counts) > KEYS_MAX)
            drop(t, t->counts);
    }
    if (now_ms - c->begin_ms >= THROTTLE_WINDOW_S * 1000ull) {
        c->n = 0;
        c->begin_ms = now_ms;
    }
    c->n++;
}

void throttle_failed(struct throttle *t, const char *account, const char *peer,
                     uint64_t now_ms)
{
    count(t, 'a', account, now_ms);
    count(t, 'p', peer, now_ms);
}

void throttle_succeeded(struct throttle *t, const char *account)
{
    struct count *c = find(t, 'a', account);

    if (c)
        drop(t, c);
}
