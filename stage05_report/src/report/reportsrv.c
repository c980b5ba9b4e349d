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
    return (struct status_row){.modid = m->mod.modid,
                               .cmdid = m->mod.cmdid,
                               .ip = r->ip,
                               .port = r->port,
                               .caller = m->caller,
                               .succ = r->succ,
                               .err = r->err,
                               .ts = m->ts,
                               .overload = r->overload};
}

/* The writer of a module.  The multiplier is 2^32 divided by the golden ratio (Knuth,
 * multiplicative hashing), which spreads consecutive module ids over the writers. */
static struct writer *writer_of(const struct reportsrv *s, const struct module_id *m)
{
    unsigned i = 0;

    i = ((m->modid * 2654435761u ^ m->cmdid) * 2654435761u >> 16) % s->cfg.n_writers;
    return i < s->cfg.n_writers ? s->cfg.writer[i] : NULL;
}

static void on_report(struct conn *c, const struct frame *f, void *arg)
{
    static _Thread_local struct msg_result res[MSG_MAX_RESULTS];
    static _Thread_local struct status_row row[MSG_MAX_RESULTS];
    struct reportsrv *s = arg;
    struct msg_report m;
    struct writer *w;
    char peer[NET_ADDR_STRLEN];
    size_t n, i;
    int rc = msg_report_unpack(&m, res, MSG_MAX_RESULTS, &n, f->body, f->len);

    if (rc < 0) {
        s->n_bad++;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "report.refused", "err=%s peer=%s",
                  err_str(rc), net_addr_str(conn_peer(c), peer));
        return;
    }
    for (i = 0; i < n; i++)
        row[i] = row_of(&m, &res[i]);
    w = writer_of(s, &m.mod);
    if (w)
        writer_put(w, row, n);
    s->n_report++;
    s->n_row += n;
}

static void on_start(struct conn *c, void *arg)
{
    struct reportsrv *s = arg;

    sock_keepalive(conn_fd(c), DEAD_S); /* no idle limit: an agent may be silent */
    if (s->cfg.on_start)
        s->cfg.on_start(c, s->cfg.arg);
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct reportsrv *s = arg;

    if (s->cfg.on_close)
        s->cfg.on_close(c, why, s->cfg.arg);
}

int reportsrv_create(struct reportsrv **out, struct evloop *main_loop, int lfd,
                     const struct reportsrv_config *cfg)
{
    struct mtsrv_config mc = {.n_threads = cfg->n_threads, .max_conns = cfg->max_conns};
    struct reportsrv *s = calloc(1, sizeof(*s));
    int rc = s ? dispatch_create(&s->dispatch) : -ENOMEM;

    if (rc == 0) {
        s->cfg = *cfg;
        rc = dispatch_set(s->dispatch, MSG_REPORT_STATUS, on_report, s);
    }
    if (rc == 0 && cfg->more)
        rc = cfg->more(s->dispatch, cfg->arg);
    if (rc < 0) {
        close(lfd);
        reportsrv_destroy(s);
        return rc;
    }
    mc.conn = (struct conn_config){
        .dispatch = s->dispatch, .on_start = on_start, .on_close = on_close, .arg = s};
    rc = mtsrv_create(&s->srv, main_loop, lfd, &mc);
    if (rc < 0)
        reportsrv_destroy(s);
    else
        *out = s;
    return rc;
}

void reportsrv_destroy(struct reportsrv *s)
{
    if (!s)
        return;
    mtsrv_destroy(s->srv);
    dispatch_destroy(s->dispatch);
    free(s);
}

struct mtsrv *reportsrv_server(struct reportsrv *s)
{
    return s->srv;
}

void reportsrv_stat(const struct reportsrv *s, struct reportsrv_stat *out)
{
    *out = (struct reportsrv_stat){s->n_report, s->n_bad, s->n_row};
}
