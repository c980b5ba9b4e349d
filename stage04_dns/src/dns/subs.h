/* subs -- which connections of one thread want to hear of which module.
 * Thread: one, the owner of the connections. */
#ifndef LARS_DNS_SUBS_H
#define LARS_DNS_SUBS_H

#include <stddef.h>
#include <stdint.h>

struct conn;
struct subs;
struct subs_client;                   /* the subscriptions of one connection */

int subs_create(struct subs **out);   /* 0 or -ENOMEM */
void subs_destroy(struct subs *s);    /* every client is gone before.  NULL is fine */

/* Borrows <c> until subs_client_destroy().  Returns 0 or -ENOMEM. */
int subs_client_create(struct subs_client **out, struct subs *s, struct conn *c);
void subs_client_destroy(struct subs_client *cl); /* unsubscribes.  NULL is fine */

struct subs *subs_of(const struct subs_client *cl); /* borrowed */

/* Returns 1 when it is new, 0 when it was there; -EDQUOT at <max> modules for this
 * client; -ENOMEM. */
int subs_add(struct subs_client *cl, uint32_t modid, uint32_t cmdid, size_t max);

/* For each module that somebody wants. */
void subs_each_module(struct subs *s,
                      void (*fn)(uint32_t modid, uint32_t cmdid, void *arg), void *arg);

/* For each connection that wants this module.  <fn> may close it. */
void subs_each_conn(struct subs *s, uint32_t modid, uint32_t cmdid,
                    void (*fn)(struct conn *c, void *arg), void *arg);

size_t subs_n(const struct subs *s);  /* subscriptions in all */

#endif
