/* reportsrv -- the server of the Report Service: receives ReportStatusRequest from agents
 * and passes its rows to the writer of the module.  A module always has the same writer,
 * so its rows stay in order and two writers never wait for a lock on the same row. */
#ifndef LARS_REPORT_REPORTSRV_H
#define LARS_REPORT_REPORTSRV_H

#include <stdint.h>

#include "net/admission.h"
#include "net/mtsrv.h"
#include "net/tls_conn.h"
#include "report/writer.h"

struct reportsrv;

struct reportsrv_config {
    unsigned n_threads;               /* 1 to LOOPPOOL_MAX */
    unsigned max_conns;               /* connections; 0 = limited by descriptors only */
    uint32_t first_frame_ms;          /* admission.h; 0 = its default */
    struct tls_server *tls; /* borrowed, until reportsrv_destroy(); NULL: plain */
    struct writer **writer;           /* borrowed, until reportsrv_destroy() */
    unsigned n_writers;               /* 1 or more */
    /* Hooks with which a program adds messages and sees connections.  Each may be NULL;
     * on_start() and on_close() are called in the thread of the connection. */
    int (*more)(struct dispatch *d, void *arg); /* adds handlers; 0 or -errno */
    void (*on_start)(struct conn *c, void *arg);
    void (*on_close)(struct conn *c, enum conn_why why, void *arg);
    void *arg;
};

/* Start serving on the listening socket <lfd>.  Takes <lfd>, on failure as well; borrows
 * <main_loop>.  Returns 0 or -errno.  Thread: the one that runs <main_loop>. */
int reportsrv_create(struct reportsrv **out, struct evloop *main_loop, int lfd,
                     const struct reportsrv_config *cfg);

/* Close all connections and stop the threads.  Call it before writer_stop(), because the
 * threads use the writers.  NULL is fine.  Thread: as reportsrv_create(). */
void reportsrv_destroy(struct reportsrv *s);

struct mtsrv *reportsrv_server(struct reportsrv *s); /* borrowed, as the next one */
struct admission *reportsrv_admission(struct reportsrv *s);

struct reportsrv_stat {
    uint64_t n_report, n_bad;         /* messages: accepted, refused */
    uint64_t n_row;                   /* results in the accepted messages */
};

/* Totals since the start.  Thread: any. */
void reportsrv_stat(const struct reportsrv *s, struct reportsrv_stat *out);

#endif
