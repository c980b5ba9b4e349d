/* reportsrv -- the Report Service: takes ReportStatusRequest from agents and gives each
 * row to the writer of its module.  One module, one writer: its rows keep their order,
 * and two writers never wait for the same row of the table. */
#ifndef LARS_REPORT_REPORTSRV_H
#define LARS_REPORT_REPORTSRV_H

#include <stdint.h>

#include "net/mtsrv.h"
#include "report/writer.h"

struct reportsrv;

struct reportsrv_config {
    unsigned n_threads;               /* 1 to LOOPPOOL_MAX */
    unsigned max_conns;               /* 0 = no limit but the fds */
    struct writer **writer;           /* borrowed, until reportsrv_destroy() */
    unsigned n_writers;               /* 1 and more */
    /* For more messages than ours.  Each may be NULL; borrowed. */
    int (*more)(struct dispatch *d, void *arg); /* adds handlers; 0 or -errno */
    void (*on_start)(struct conn *c, void *arg);
    void (*on_close)(struct conn *c, enum conn_why why, void *arg);
    void *arg;
};

/* Takes <lfd>, on failure as well; borrows <main_loop>.  Returns 0 or -errno.  Thread:
 * the one that runs <main_loop>. */
int reportsrv_create(struct reportsrv **out, struct evloop *main_loop, int lfd,
                     const struct reportsrv_config *cfg);

/* Closes every connection; stop the writers after it.  NULL is fine. */
void reportsrv_destroy(struct reportsrv *s);

struct mtsrv *reportsrv_server(struct reportsrv *s); /* to post tasks */

struct reportsrv_stat {
    uint64_t n_report, n_bad;         /* messages: good, refused */
    uint64_t n_row;                   /* results in the good ones */
};

void reportsrv_stat(const struct reportsrv *s, struct reportsrv_stat *out); /* any */

#endif
