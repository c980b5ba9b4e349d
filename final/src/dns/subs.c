/* Each subscription is in two lists: the list of its module, which is used to push a
 * change, and the list of its client, which is used to remove all its subscriptions when
 * the connection closes.  Two hash tables (uthash) find a module, and whether a client is
 * subscribed to it already, so a question costs the same however long the lists are.
 *
 * Invariant: a subscription is in both lists and in the table s->all, or it does not
 * exist; a topic exists only while it has subscriptions.
 * Modules that do not exist have a list of their own in their client, oldest first, and a
 * limit of their own: a client that asks for ten thousand of them by mistake still gets
 * the modules that exist.
 * Rejected: one list of connections for each module.  A closing connection would have to
 * search the lists of all modules, of which it may have subscribed to thousands. */
#include "dns/subs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1           /* without it uthash calls exit() */
#include <uthash.h>

/* One module that has subscribers. */
struct topic {
    uint32_t key[2];                  /* modid, cmdid */
    struct sub *first;
    UT_hash_handle hh;
};

struct sub {
    struct {
        struct subs_client *cl;
        struct topic *topic;
    } key;                            /* two pointers, so there is no padding */
    struct conn *c;
    UT_hash_handle hh;
    struct sub *next, **prev;         /* list of the module, from topic->first */
    struct sub *next_of_client, **prev_of_client; /* list of the client, from first */
    bool is_unknown;                  /* in the list of the client's unknown ones */
    struct sub *newer, *older;        /* that list */
};

struct subs {
    struct topic *topics;
    struct sub *all;                  /* hash table; key: client and topic */
    size_t n;
};

struct subs_client {
    struct subs *s;
    struct conn *c;
    struct sub *first;
    size_t n;                         /* subscriptions to modules that exist */
    struct sub *oldest, *newest;      /* to modules that do not */
    size_t n_unknown;
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

/* Takes <b> out of the list of its client's unknown ones. */
static void leave_unknown(struct sub *b)
{
    struct subs_client *cl = b->key.cl;

    *(b->older ? &b->older->newer : &cl->oldest) = b->newer;
    *(b->newer ? &b->newer->older : &cl->newest) = b->older;
    b->is_unknown = false;
    cl->n_unknown--;
}

static void join_unknown(struct sub *b)
{
    struct subs_client *cl = b->key.cl;

    b->is_unknown = true;
    b->newer = NULL;
    b->older = cl->newest;
    *(cl->newest ? &cl->newest->newer : &cl->oldest) = b;
    cl->newest = b;
    cl->n_unknown++;
}

static void drop_sub(struct subs *s, struct sub *b)
{
    struct topic *t = b->key.topic;

    if (b->is_unknown)
        leave_unknown(b);
    else
        b->key.cl->n--;
    *b->prev_of_client = b->next_of_client;
    if (b->next_of_client)
        b->next_of_client->prev_of_client = b->prev_of_client;
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
    while (cl->first)
        drop_sub(cl->s, cl->first);
    free(cl);
}

static struct topic *find_topic(const struct subs *s, uint32_t modid, uint32_t cmdid)
{
    const uint32_t key[2] = {modid, cmdid};
    struct topic *t;

    HASH_FIND(hh, s->topics, key, sizeof(key), t);
    return t;
}

static struct topic *find_or_create_topic(struct subs *s, uint32_t modid, uint32_t cmdid)
{
    struct topic *t = find_topic(s, modid, cmdid);

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
    free(t);                          /* no memory left for the hash table */
    return NULL;
}

static struct sub *find_sub(const struct subs_client *cl, const struct topic *t)
{
    const void *const key[2] = {cl, t};
    struct sub *b;

    HASH_FIND(hh, cl->s->all, key, sizeof(key), b);
    return b;
}

/* Make a subscription that is in the hash table and in no list yet.  Returns NULL when
 * memory ran out. */
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

/* Subscribes the client, which is not subscribed yet.  NULL: no memory. */
static struct sub *subscribe(struct subs_client *cl, uint32_t modid, uint32_t cmdid)
{
    struct topic *t = find_or_create_topic(cl->s, modid, cmdid);
    struct sub *b = t ? new_sub(cl, t) : NULL;

    if (!b) {
        if (t)
            drop_if_unused(cl->s, t);
        return NULL;
    }
    b->next = t->first;
    b->prev = &t->first;
    if (b->next)
        b->next->prev = &b->next;
    t->first = b;
    b->next_of_client = cl->first;
    b->prev_of_client = &cl->first;
    if (cl->first)
        cl->first->prev_of_client = &b->next_of_client;
    cl->first = b;
    cl->s->n++;
    return b;
}

int subs_add(struct subs_client *cl, uint32_t modid, uint32_t cmdid, size_t max)
{
    struct topic *t = find_topic(cl->s, modid, cmdid);
    struct sub *b = t ? find_sub(cl, t) : NULL;

    if (b && !b->is_unknown)
        return 0;
    if (cl->n >= max)
        return -EDQUOT;
    if (b)
        leave_unknown(b);             /* the module has been created since */
    else if (!subscribe(cl, modid, cmdid))
        return -ENOMEM;
    cl->n++;
    return b ? 0 : 1;
}

int subs_add_unknown(struct subs_client *cl, uint32_t modid, uint32_t cmdid, size_t max)
{
    struct topic *t = find_topic(cl->s, modid, cmdid);
    struct sub *b = t ? find_sub(cl, t) : NULL;

    if (b)
        return 0;
    while (cl->n_unknown > 0 && cl->n_unknown >= max)
        drop_sub(cl->s, cl->oldest);
    b = subscribe(cl, modid, cmdid);
    if (!b)
        return -ENOMEM;
    join_unknown(b);
    return 1;
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
    struct topic *t = find_topic(s, modid, cmdid);
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
