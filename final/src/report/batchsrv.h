/* batchsrv -- the Report Service's side of acknowledged reports: answers hello, gives
 * each batch to the writer of its stream, and sends the acknowledgement when the batch is
 * in the database.  It adds its handlers to a reportsrv and shares that server's
 * connections. */
#ifndef LARS_REPORT_BATCHSRV_H
#define LARS_REPORT_BATCHSRV_H

#include <stdint.h>

#include "net/mtsrv.h"
#include "report/batchwriter.h"

struct batchsrv;

/* <n_threads>: as the reportsrv has.  Returns 0 or -ENOMEM.  Thread: init. */
int batchsrv_create(struct batchsrv **out, unsigned n_threads);
void batchsrv_destroy(struct batchsrv *b); /* after the reportsrv.  NULL is fine */

/* For reportsrv_config: more, on_start, on_close; <arg> is the batchsrv. */
int batchsrv_more(struct dispatch *d, void *arg);
void batchsrv_on_start(struct conn *c, void *arg);
void batchsrv_on_close(struct conn *c, enum conn_why why, void *arg);

/* Begin to serve.  Call it right after the reportsrv was created, with its server <srv>
 * and with writers that were started with batchsrv_on_applied() and this batchsrv.
 * Borrows all.  The order of the end: stop the writers, destroy the reportsrv, destroy
 * the writers, destroy this.  Returns 0 or -errno.  Thread: init. */
int batchsrv_serve(struct batchsrv *b, struct mtsrv *srv, struct batchwriter **writer,
                   unsigned n_writers);

/* The writers' callback: acknowledge the batch on the connection that it came by. */
void batchsrv_on_applied(const struct msg_ack *ack, const uint64_t tag[2], void *arg);

/* How many connections have ended so far, by reason.  Thread: any. */
void batchsrv_ended(const struct batchsrv *b, uint64_t ended[CONN_WHY_COUNT]);

#endif
