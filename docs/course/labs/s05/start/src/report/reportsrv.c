/* The threads of the server unpack a report, convert it to rows and pass them to a
 * writer.
 *
 * Invariant: no thread of the server ever waits for the database, so a slow database does
 * not delay the connections.
 * Invariant: the writer depends only on the module, so all rows of a key pass through one
 * queue and an older total cannot overtake a newer one.
 * Rejected: a writer for each thread, because two agents of different threads report
 * the same module, and their writers would wait for each other's row locks. */
#include "report/reportsrv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/sock.h"
#include "proto/msg_report.h"

#define LOG_GAP_MS 60000
#define DEAD_S 30                     /* see sock_keepalive() */

struct reportsrv {
    struct reportsrv_config cfg;
    struct dispatch *dispatch;
    struct mtsrv *srv;
    _Atomic uint64_t n_report, n_bad, n_row;
};

static struct status_row row_of(const struct msg_report *m, const struct msg_result *r)
{
    /* begin row_of */
    /* One result becomes one row: module, caller and time come from <m>, the rest from
     * <r>. */
    (void)m;
    (void)r;
    return (struct status_row){0};
    /* end row_of */
}

/* The writer of a module.  The multiplier is 2^32 divided by the golden ratio (Knuth,
 * multiplicative hashing), which spreads consecutive module ids over the writers. */
static struct writer *writer_of(const struct reportsrv *s, const struct module_id *m)
{
    /* begin writer_of */
    /* Compute an index from modid and cmdid, and from nothing else.  Consecutive
     * module ids, and modules that differ only in modid, must be spread over all
     * cfg.n_writers.  The index is computed in unsigned arithmetic: a modid may be
     * 0xffffffff. */
    (void)s;
    (void)m;
    return NULL;
    /* end writer_of */
}

static void on_report(struct conn *c, const struct frame *f, void *arg)
{
    /* begin on_report */
    /* 1. Unpack the body with msg_report_unpack(); there is room for MSG_MAX_RESULTS
     *    results.
     * 2. A bad report is counted in n_bad and logged (report.refused, LOG_EVERY,
     *    LOG_GAP_MS); the connection stays open.
     * 3. Make a row of each result, pass all of them to the writer of the module with
     *    one writer_put(), count them in n_report and n_row.
     * Several threads run this at once, and the rows are too many for the stack:
     * arrays are static _Thread_local. */
    (void)c;
    (void)f;
    (void)arg;
    (void)row_of;
    (void)writer_of;
    /* end on_report */
}

static void on_start(struct conn *c, void *arg)
{
    /* begin on_start */
    /* Turn keepalive on (DEAD_S), then call cfg.on_start(), when there is one. */
    (void)c;
    (void)arg;
    /* end on_start */
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    /* begin on_close */
    /* Call cfg.on_close(), when there is one. */
    (void)c;
    (void)why;
    (void)arg;
    /* end on_close */
}

int reportsrv_create(struct reportsrv **out, struct evloop *main_loop, int lfd,
                     const struct reportsrv_config *cfg)
{
    /* begin reportsrv_create */
    /* 1. Allocate, copy <cfg>, create the dispatch table and set on_report() for
     *    MSG_REPORT_STATUS; then call cfg->more(), when there is one.
     * 2. mtsrv_create() with the dispatch table, on_start() and on_close(); it takes
     *    <lfd> on failure as well.
     * 3. Every failure frees everything, and before step 2 it closes <lfd>.  <out> is
     *    written only on success. */
    (void)out;
    (void)main_loop;
    (void)cfg;
    (void)on_report;
    (void)on_start;
    (void)on_close;
    close(lfd);
    return -ENOSYS;
    /* end reportsrv_create */
}

void reportsrv_destroy(struct reportsrv *s)
{
    /* begin reportsrv_destroy */
    /* Stop the threads first, because they use the rest.  NULL is fine. */
    (void)s;
    /* end reportsrv_destroy */
}

struct mtsrv *reportsrv_server(struct reportsrv *s)
{
    return s->srv;
}

void reportsrv_stat(const struct reportsrv *s, struct reportsrv_stat *out)
{
    /* begin reportsrv_stat */
    /* Copy the three counters. */
    (void)s;
    *out = (struct reportsrv_stat){0};
    /* end reportsrv_stat */
}
