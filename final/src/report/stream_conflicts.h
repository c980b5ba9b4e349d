/* stream_conflicts -- the report streams that two live agents send, and the addresses of
 * both: what stream_owner.h has found, in the form that an operator needs.
 * Thread: any. */
#ifndef LARS_REPORT_STREAM_CONFLICTS_H
#define LARS_REPORT_STREAM_CONFLICTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/net_addr.h"
#include "proto/msg_batch.h"

#define STREAM_CONFLICTS_MAX 64       /* known at once; further ones replace the oldest */
#define STREAM_CONFLICTS_MS 10000     /* after the last refusal a conflict is over */

struct stream_conflicts;

struct stream_conflict {
    uint8_t stream[MSG_STREAM];
    char owner[NET_ADDR_STRLEN];      /* whose batches are taken */
    char other[NET_ADDR_STRLEN];      /* whose batches are refused */
};

int stream_conflicts_create(struct stream_conflicts **out); /* 0, -ENOMEM */
void stream_conflicts_destroy(struct stream_conflicts *s);  /* NULL is fine */

/* stream_owner_claim() has returned -EEXIST for a batch of the agent <owner>. */
void stream_conflicts_taken(struct stream_conflicts *s, const uint8_t stream[MSG_STREAM],
                            const char *owner, uint64_t now_ms);
/* It has returned -EBUSY for a batch of the agent <other>.  That alone is no conflict. */
void stream_conflicts_refused(struct stream_conflicts *s,
                              const uint8_t stream[MSG_STREAM], const char *other,
                              uint64_t now_ms);

/* Copy at most <max> conflicts of now to <out>.  Returns how many. */
size_t stream_conflicts_list(struct stream_conflicts *s, struct stream_conflict *out,
                             size_t max, uint64_t now_ms);

#endif
