/* batchsrv -- the Report Service's side of acknowledged reports: answers hello, gives
 * each batch to the writer of its stream, and sends the acknowledgement when it is in the
 * database.  It lives inside a reportsrv, whose connections it shares. */
#ifndef LARS_REPORT_BATCHSRV_H
#define LARS_REPORT_BATCHSRV_H

#include <stdint.h>

#include "net/mtsrv.h"
#include "report/batchwriter.h"

struct batchsrv;

/* <n_threads>: the reportsrv's.  Returns 0 or -ENOMEM.  Thread: init. */
int batchsrv_create(struct batchsrv **out, unsigned n_threads);
void batchsrv_destroy(struct batchsrv *b); /* after the reportsrv.  NULL is fine */

/* For reportsrv_config: more, on_start, on_close; <arg> is the batchsrv. */
int batchsrv_more(struct dispatch *d, void *arg);
void batchsrv_on_start(struct conn *c, void *arg);
void batchsrv_on_close(struct conn *c, enum conn_why why, void *arg);

/* Serve: <srv> is the reportsrv's, at once after it was created; the writers were started
 * with batchsrv_on_applied() and this batchsrv.  Stop the writers, then destroy the
 * reportsrv, then them, then this.  Returns 0 or -errno.  Thread: init. */
int batchsrv_serve(struct batchsrv *b, struct mtsrv *srv, struct batchwriter **writer,
                   unsigned n_writers);

void batchsrv_on_applied(const struct msg_ack *ack, const uint64_t tag[2], void *arg);

#endif
