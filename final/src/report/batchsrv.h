/* batchsrv -- the Report Service's side of acknowledged reports: answers hello, gives
 * each batch to the writer of its stream, and sends the acknowledgement when the batch is
 * in the database.  It adds its handlers to a reportsrv and shares that server's
 * connections. */
#ifndef LARS_REPORT_BATCHSRV_H
#define LARS_REPORT_BATCHSRV_H

#include <stdbool.h>
#include <stdint.h>

#include "net/admission.h"
#include "net/mtsrv.h"
#include "report/batchwriter.h"
#include "report/stream_conflicts.h"

struct batchsrv;

/* <n_threads>: as the reportsrv has.  Returns 0 or -ENOMEM.  Thread: init. */
int batchsrv_create(struct batchsrv **out, unsigned n_threads);
void batchsrv_destroy(struct batchsrv *b); /* after the reportsrv.  NULL is fine */

/* For reportsrv_config: more, on_start, on_close; <arg> is the batchsrv. */
int batchsrv_more(struct dispatch *d, void *arg);
void batchsrv_on_start(struct conn *c, void *arg);
void batchsrv_on_close(struct conn *c, enum conn_why why, void *arg);

/* Begin to serve.  Call it right after the reportsrv was created, with its server <srv>,
 * its <admission>, and writers that were started with batchsrv_on_applied() and this one.
 * Borrows all.  The order of the end: stop the writers, destroy the reportsrv, destroy
 * the writers, destroy this.  Returns 0 or -errno.  Thread: init. */
int batchsrv_serve(struct batchsrv *b, struct mtsrv *srv, struct admission *admission,
                   struct batchwriter **writer, unsigned n_writers);

/* The writers' callback: acknowledge the batch on the connection that it came by. */
void batchsrv_on_applied(const struct msg_ack *ack, const uint64_t tag[2], void *arg);

/* Names the connection <c> for batchsrv_send(); false: it has no name, because memory was
 * short.  Thread: that of the connection. */
bool batchsrv_tag(const struct conn *c, uint64_t tag[2]);

/* Sends a frame of at most BATCHSRV_SEND bytes on the connection that <tag> names, unless
 * it has ended.  Copies <body>.  A frame that cannot be sent is dropped.  Thread: any,
 * until the reportsrv is destroyed. */
#define BATCHSRV_SEND 64
void batchsrv_send(struct batchsrv *b, const uint64_t tag[2], int32_t msgid,
                   const void *body, size_t len);

/* How many connections have ended so far, by reason.  Thread: any. */
void batchsrv_ended(const struct batchsrv *b, uint64_t ended[CONN_WHY_COUNT]);

/* Batches that were refused because another connection has their stream, and streams that
 * two live connections send now; see stream_owner.h.  Thread: any. */
void batchsrv_conflicts(const struct batchsrv *b, uint64_t *n_refused,
                        uint32_t *n_conflict);

/* As stream_conflicts_list(), now. */
size_t batchsrv_list_conflicts(const struct batchsrv *b, struct stream_conflict *out,
                               size_t max);

#endif
