/* Each subscription is in two lists: the list of its module, which is used to push a
 * change, and the list of its client, which is used to remove all its subscriptions when
 * the connection closes.  Two hash tables (uthash) find a module, and whether a client is
 * subscribed to it already, so a question costs the same however long the lists are.
 *
 * Invariant: a subscription is in both lists and in the table s->all, or it does not
 * exist; a topic exists only while it has subscriptions.
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
    struct sub *next_of_client;       /* list of the client, from subs_client.first */
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

/* Remove <t> from the hash table of topics and free it, when it has no subscription. */
static void drop_if_unused(struct subs *s, struct topic *t)
{
    /* begin drop_if_unused */
    (void)s;
    (void)t;
    /* end drop_if_unused */
}

/* Remove a subscription from the hash table and from the list of its module, free it,
 * and count it.  b->prev is the address of the pointer that points to b, so the first
 * element is no special case.  Its topic may now be unused. */
static void drop_sub(struct subs *s, struct sub *b)
{
    /* begin drop_sub */
    (void)s;
    (void)b;
    (void)drop_if_unused;
    /* end drop_sub */
}

/* NULL is fine.  Remove all subscriptions of the client: advance cl->first before a
 * subscription is freed.  Then free the client. */
void subs_client_destroy(struct subs_client *cl)
{
    /* begin subs_client_destroy */
    (void)cl;
    (void)drop_sub;
    /* end subs_client_destroy */
}

/* The topic of a module, or NULL.  HASH_FIND with the two numbers as the key. */
static struct topic *find_topic(const struct subs *s, uint32_t modid, uint32_t cmdid)
{
    /* begin find_topic */
    (void)s;
    (void)modid;
    (void)cmdid;
    return NULL;
    /* end find_topic */
}

/* The topic of a module, which is made when there is none.  Returns NULL when memory
 * ran out: either for the topic, or for the hash table.  HASH_ADD reports the second
 * by hh.tbl == NULL (HASH_NONFATAL_OOM). */
static struct topic *find_or_create_topic(struct subs *s, uint32_t modid, uint32_t cmdid)
{
    /* begin find_or_create_topic */
    (void)s;
    (void)modid;
    (void)cmdid;
    (void)find_topic;
    return NULL;
    /* end find_or_create_topic */
}

/* Whether the client is subscribed to the topic: one look into the table cl->s->all. */
static bool has(const struct subs_client *cl, const struct topic *t)
{
    /* begin has */
    (void)cl;
    (void)t;
    return false;
    /* end has */
}

/* Make a subscription that is in the hash table and in no list yet.  Zero it first:
 * the key is compared byte by byte.  Returns NULL when memory ran out, see
 * find_or_create_topic(). */
static struct sub *new_sub(struct subs_client *cl, struct topic *t)
{
    /* begin new_sub */
    (void)cl;
    (void)t;
    return NULL;
    /* end new_sub */
}

/* 1. When the client has this module already, return 0.  Use find_topic() here: a
 *    question must not make a topic.
 * 2. When the client has <max> subscriptions or more, return -EDQUOT.
 * 3. Find or make the topic, and make the subscription.  Without memory remove the
 *    topic again, if nothing uses it, and return -ENOMEM.
 * 4. Put the subscription at the head of both lists, count it for the client and for
 *    <s>, and return 1. */
int subs_add(struct subs_client *cl, uint32_t modid, uint32_t cmdid, size_t max)
{
    /* begin subs_add */
    (void)cl;
    (void)modid;
    (void)cmdid;
    (void)max;
    (void)find_or_create_topic;
    (void)has;
    (void)new_sub;
    return -ENOSYS;
    /* end subs_add */
}

/* HASH_ITER goes over the topics and allows that the current one is removed. */
void subs_each_module(struct subs *s,
                      void (*fn)(uint32_t modid, uint32_t cmdid, void *arg), void *arg)
{
    /* begin subs_each_module */
    (void)s;
    (void)fn;
    (void)arg;
    /* end subs_each_module */
}

/* Call <fn> for each subscription of the module.  Read the next pointer before the
 * call. */
void subs_each_conn(struct subs *s, uint32_t modid, uint32_t cmdid,
                    void (*fn)(struct conn *c, void *arg), void *arg)
{
    /* begin subs_each_conn */
    (void)s;
    (void)modid;
    (void)cmdid;
    (void)fn;
    (void)arg;
    /* end subs_each_conn */
}

size_t subs_n(const struct subs *s)
{
    return s->n;
}
