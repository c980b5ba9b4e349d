/* Each subscription is in two lists: its module's, to push a change, and its client's, to
 * take all of them out when the connection closes.  uthash finds the module, and whether
 * a client has it already: neither list may be walked for each question. */
#include "dns/subs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

struct topic {
    uint32_t key[2];                  /* modid, cmdid */
    struct sub *first;
    UT_hash_handle hh;
};

struct sub {
    struct {
        struct subs_client *cl;
        struct topic *topic;
    } key;                            /* of the hash table: no padding in it */
    struct conn *c;
    UT_hash_handle hh;
    struct sub *next, **prev;         /* in topic->first */
    struct sub *next_of_client;
};

struct subs {
    struct topic *topics;
    struct sub *all;                  /* by client and topic */
    size_t n;
};

struct subs_client {
    struct subs *s;
    struct conn *c;
    struct sub *first;
    size_t n;
};

int subs_create(struct subs **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void subs_destroy(struct subs *s)
{
    free(s);
}

int subs_client_create(struct subs_client **out, struct subs *s, struct conn *c)
{
    struct subs_client *cl = calloc(1, sizeof(*cl));

    if (!cl)
        return -ENOMEM;
    cl->s = s;
    cl->c = c;
    *out = cl;
    return 0;
}

struct subs *subs_of(const struct subs_client *cl)
{
    return cl->s;
}

static void drop_if_unused(struct subs *s, struct topic *t)
{
    if (t->first)
        return;
    HASH_DEL(s->topics, t);
    free(t);
}

static void drop(struct subs *s, struct sub *b)
{
    struct topic *t = b->key.topic;

    HASH_DEL(s->all, b);
    *b->prev = b->next;
    if (b->next)
        b->next->prev = b->prev;
    drop_if_unused(s, t);
    free(b);
    s->n--;
}

void subs_client_destroy(struct subs_client *cl)
{
    if (!cl)
        return;
    while (cl->first) {
        struct sub *b = cl->first;

        cl->first = b->next_of_client;
        drop(cl->s, b);
    }
    free(cl);
}

static struct topic *find(const struct subs *s, uint32_t modid, uint32_t cmdid)
{
    const uint32_t key[2] = {modid, cmdid};
    struct topic *t;

    HASH_FIND(hh, s->topics, key, sizeof(key), t);
    return t;
}

static struct topic *find_or_create(struct subs *s, uint32_t modid, uint32_t cmdid)
{
    struct topic *t = find(s, modid, cmdid);

    if (t)
        return t;
    t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->key[0] = modid;
    t->key[1] = cmdid;
    HASH_ADD(hh, s->topics, key, sizeof(t->key), t);
    if (t->hh.tbl)
        return t;
    free(t);                          /* no memory for the hash table */
    return NULL;
}

static bool has(const struct subs_client *cl, const struct topic *t)
{
    const void *const key[2] = {cl, t};
    struct sub *b;

    HASH_FIND(hh, cl->s->all, key, sizeof(key), b);
    return b != NULL;
}

/* Found by has(), in no list yet.  NULL = out of memory. */
static struct sub *new_sub(struct subs_client *cl, struct topic *t)
{
    struct sub *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    b->key.cl = cl;
    b->key.topic = t;
    b->c = cl->c;
    HASH_ADD(hh, cl->s->all, key, sizeof(b->key), b);
    if (b->hh.tbl)
        return b;
    free(b);
    return NULL;
}

int subs_add(struct subs_client *cl, uint32_t modid, uint32_t cmdid, size_t max)
{
    struct topic *t;
    struct sub *b;

    /* lab s04.subscribe: Once per client and module, bounded; into both lists. */
    /* stub: return 0; */
    t = find(cl->s, modid, cmdid);
    if (t && has(cl, t))
        return 0;
    if (cl->n >= max)
        return -EDQUOT;
    t = find_or_create(cl->s, modid, cmdid);
    b = t ? new_sub(cl, t) : NULL;
    if (!b) {
        if (t)
            drop_if_unused(cl->s, t);
        return -ENOMEM;
    }
    b->next = t->first;
    b->prev = &t->first;
    b->next_of_client = cl->first;
    if (b->next)
        b->next->prev = &b->next;
    t->first = b;
    cl->first = b;
    cl->n++;
    cl->s->n++;
    return 1;
    /* end lab */
}

void subs_each_module(struct subs *s,
                      void (*fn)(uint32_t modid, uint32_t cmdid, void *arg), void *arg)
{
    struct topic *t, *next;

    HASH_ITER(hh, s->topics, t, next)
    fn(t->key[0], t->key[1], arg);
}

void subs_each_conn(struct subs *s, uint32_t modid, uint32_t cmdid,
                    void (*fn)(struct conn *c, void *arg), void *arg)
{
    struct topic *t = find(s, modid, cmdid);
    struct sub *b, *next;

    for (b = t ? t->first : NULL; b; b = next) {
        next = b->next;
        fn(b->c, arg);
    }
}

size_t subs_n(const struct subs *s)
{
    return s->n;
}
