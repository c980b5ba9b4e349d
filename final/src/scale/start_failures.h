/* start_failures -- hosts on which a module does not start.  After three failed starts
 * within ten minutes the host rests for ten minutes: it gets an order of the module only
 * when no other host has a free slot, and a minute after the last failure.  Pure.
 * Thread: one at a time. */
#ifndef LARS_SCALE_START_FAILURES_H
#define LARS_SCALE_START_FAILURES_H

#include <stdbool.h>

#include "scale/snapshot.h"

#define START_FAILURES_MAX 1024 /* hosts and modules; the oldest is forgotten */

struct start_failures;
int start_failures_create(struct start_failures **out); /* 0 or -ENOMEM */
void start_failures_destroy(struct start_failures *f); /* NULL is fine */

/* A start of the module failed on the host; without memory it is not remembered. */
void start_failures_add(struct start_failures *f, const char *host, struct module_id id,
                        uint64_t now_ms);

/* How many of the last ten minutes are known, at most three; three: no order now. */
unsigned start_failures_recent(const struct start_failures *f, const char *host,
                               struct module_id id, uint64_t now_ms);

/* Hosts that rest, for each module. */
unsigned start_failures_n_resting(const struct start_failures *f, uint64_t now_ms);

#endif
