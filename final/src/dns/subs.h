/* subs -- the subscriptions of one thread: which connections get the changes of which
 * module.  Thread: the one that owns the connections. */
#ifndef LARS_DNS_SUBS_H
#define LARS_DNS_SUBS_H

#include <stddef.h>
#include <stdint.h>

struct conn;
struct subs;
struct subs_client;                   /* the subscriptions of one connection */

int subs_create(struct subs **out);   /* 0 or -ENOMEM */
void subs_destroy(struct subs *s);    /* after all its clients.  NULL is fine */

/* Borrows <c> until subs_client_destroy().  Returns 0 or -ENOMEM. */
int subs_client_create(struct subs_client **out, struct subs *s, struct conn *c);
void subs_client_destroy(struct subs_client *cl); /* removes its subscriptions */

struct subs *subs_of(const struct subs_client *cl); /* borrowed */

/* Subscribe a client to a module that exists.  Returns 1 when the subscription is new, 0
 * when it existed already; -EDQUOT when the client has <max> of these; -ENOMEM. */
int subs_add(struct subs_client *cl, uint32_t modid, uint32_t cmdid, size_t max);

/* The same for a module that does not exist, so that its creation is pushed.  At most
 * <max> of these are kept, 1 and more; the oldest one is dropped for a new one.  Returns
 * 1 or 0; -ENOMEM. */
int subs_add_unknown(struct subs_client *cl, uint32_t modid, uint32_t cmdid, size_t max);

/* Call <fn> for each module that has a subscriber.  <fn> must not add subscriptions. */
void subs_each_module(struct subs *s,
                      void (*fn)(uint32_t modid, uint32_t cmdid, void *arg), void *arg);

/* Call <fn> for each connection that is subscribed to the module.  <fn> may call
 * conn_close() for it, because a closed connection is freed only after the turn. */
void subs_each_conn(struct subs *s, uint32_t modid, uint32_t cmdid,
                    void (*fn)(struct conn *c, void *arg), void *arg);

size_t subs_n(const struct subs *s);  /* number of subscriptions */

#endif
