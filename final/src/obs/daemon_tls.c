/* The files are looked at every 5 s instead of watched: a renewal replaces them by
 * renaming, perhaps through a link, which inotify shows in many ways, and stat() in one.
 *
 * A renewal writes two files, one after the other.  When they do not belong together yet,
 * the reload fails, what was in force stays, and the next change is read again. */
#include "obs/daemon_tls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/loopback.h"
#include "base/mono.h"
#include "net/tls_files.h"
#include "obs/sig_watch.h"

#define LOOK_MS 5000
#define MINUTE_MS 60000
#define DAY_MS 86400000
#define SOON_S (30 * 86400)
#define NAME_MAX_BYTES 80

struct daemon_tls {
    struct daemon *d;
    const struct tls_conf *conf;
    struct tls_link *link; /* NULL = no TLS */
    struct tls_server *server; /* NULL = none was asked for */
    struct sig_watch *hup;
    struct evtimer timer;
    bool is_exposed;
    uint64_t plain_ms, expiry_ms; /* monotonic; of the next warning */
};

/* --- what is logged ----------------------------------------------------------------- */

static void warn_plain(struct daemon_tls *t, uint64_t now_ms)
{
    if (!t->is_exposed || !tls_conf_is_insecure(t->conf) || now_ms < t->plain_ms)
        return;
    t->plain_ms = now_ms + MINUTE_MS;
    LOG_WARN("tls.insecure",
             "[tls] insecure_plain = yes: other hosts reach this program, or it connects "
             "to them, without TLS, so everyone on the network can read and change what "
             "is sent; set [tls] cert, key and ca, and remove insecure_plain");
}

static void warn_expiry(struct daemon_tls *t, uint64_t now_ms)
{
    int64_t now_s = (int64_t)time(NULL), end_s, crl_s;
    char at[TLS_FILES_DATE];

    if (!t->link || now_ms < t->expiry_ms)
        return;
    t->expiry_ms = now_ms + DAY_MS;
    end_s = tls_link_expiry_s(t->link);
    crl_s = tls_link_crl_until_s(t->link);
    if (end_s <= now_s)
        LOG_ERROR("tls.expired",
                  "[tls] cert: %s expired on %s, so other daemons refuse this one; "
                  "replace cert and key, or correct the clock of this host",
                  t->conf->cert, tls_files_date(end_s, at));
    else if (end_s - now_s < SOON_S)
        LOG_WARN("tls.expires", "[tls] cert: %s expires on %s; replace cert and key",
                 t->conf->cert, tls_files_date(end_s, at));
    if (crl_s > 0 && crl_s <= now_s)
        LOG_WARN("tls.crl_old",
                 "[tls] crl: %s was to be replaced before %s; it is still used, but does "
                 "not have what was revoked since",
                 t->conf->crl, tls_files_date(crl_s, at));
}

void daemon_tls_reload(struct daemon_tls *t)
{
    char err[CONF_ERR_MAX];

    if (!t || !t->link)
        return;
    if (tls_link_reload(t->link, err) < 0) {
        LOG_ERROR("tls.reload", "failed: %s; what was in force stays", err);
        return;
    }
    LOG_INFO("tls.reload", "cert=%s", t->conf->cert);
    t->expiry_ms = 0; /* of the new one */
}

/* --- the loop ----------------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct daemon_tls *t = arg;
    uint64_t now_ms = mono_ms();

    if (t->link && tls_link_is_changed(t->link))
        daemon_tls_reload(t);
    warn_plain(t, now_ms);
    warn_expiry(t, now_ms);
    evloop_set_timer(t->d->loop, &t->timer, LOOK_MS, on_timer, t);
}

static void on_hup(int signo, void *arg)
{
    (void)signo;
    daemon_tls_reload(arg);
}

static int open_link(struct daemon_tls *t)
{
    char err[CONF_ERR_MAX];
    int rc;

    if (!tls_conf_is_set(t->conf))
        return 0;
    rc = tls_conf_open(&t->link, t->conf, err);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", t->d->name, err);
    return rc;
}

int daemon_tls_create(struct daemon_tls **out, struct daemon *d, const struct tls_conf *c,
                      bool is_exposed, enum daemon_tls_hup hup)
{
    struct daemon_tls *t = calloc(1, sizeof(*t));
    int rc;

    *out = NULL;
    if (!t)
        return daemon_failed(d, -ENOMEM, "cannot read [tls]");
    *t = (struct daemon_tls){.d = d, .conf = c, .is_exposed = is_exposed};
    rc = open_link(t);
    if (rc < 0) {
        free(t);
        return rc;
    }
    if (t->link && hup == DAEMON_TLS_WATCH_HUP)
        rc = sig_watch_create(&t->hup, d->loop, SIGHUP, on_hup, t);
    if (rc == 0)
        rc = evloop_set_timer(d->loop, &t->timer, 0, on_timer, t);
    if (rc < 0) {
        daemon_tls_destroy(t);
        return daemon_failed(d, rc, "cannot watch SIGHUP");
    }
    *out = t;
    return 0;
}

void daemon_tls_destroy(struct daemon_tls *t)
{
    if (!t)
        return;
    evloop_clear_timer(t->d->loop, &t->timer);
    sig_watch_destroy(t->hup);
    tls_conn_server_destroy(t->server);
    tls_link_destroy(t->link);
    free(t);
}

struct tls_link *daemon_tls_link(const struct daemon_tls *t)
{
    return t->link;
}

int daemon_tls_serve(struct daemon_tls **out, struct daemon *d, const struct tls_conf *c,
                     const struct net_addr *at, unsigned n_threads, unsigned wanted,
                     unsigned (*may_send)(int32_t msgid))
{
    int rc =
        daemon_tls_create(out, d, c, daemon_tls_is_exposed(at, 1), DAEMON_TLS_WATCH_HUP);
    struct tls_server_config sc = {.n_threads = n_threads,
                                   .wanted = wanted,
                                   .may_send = may_send};

    if (rc < 0 || !(*out)->link)
        return rc;
    sc.link = (*out)->link;
    rc = tls_conn_server_create(&(*out)->server, &sc);
    return rc < 0 ? daemon_failed(d, rc, "cannot prepare the handshakes of TLS") : 0;
}

struct tls_server *daemon_tls_server(const struct daemon_tls *t)
{
    return t->server;
}

bool daemon_tls_is_exposed(const struct net_addr *at, size_t n)
{
    size_t i = 0;

    while (i < n && loopback_is(&at[i]))
        i++;
    return i < n;
}

/* --- metrics ------------------------------------------------------------------------ */

static const char *name_of(char out[NAME_MAX_BYTES], const char *program,
                           const char *what)
{
    snprintf(out, NAME_MAX_BYTES, "lars_%s_tls_%s", program, what);
    return out;
}

static void collect_link(struct metrics *m, const char *program, struct tls_link *l)
{
    struct metrics_part part[TLS_WHY_COUNT - 1];
    struct tls_link_stat st;
    char name[NAME_MAX_BYTES];
    size_t i;

    tls_link_stat(l, &st);
    for (i = 1; i < TLS_WHY_COUNT; i++)
        part[i - 1] =
            (struct metrics_part){tls_why_name((enum tls_why)i), (double)st.n_refused[i]};
    metrics_counter(m, name_of(name, program, "handshakes_total"),
                    "TLS connections to other daemons that were established.",
                    (double)st.n_handshakes);
    metrics_counter(m, name_of(name, program, "resumed_total"),
                    "Of these, those that resumed a session.", (double)st.n_resumed);
    metrics_counter(m, name_of(name, program, "plain_total"),
                    "Connections without TLS that insecure_plain let in.",
                    (double)st.n_plain);
    metrics_counter_parts(m, name_of(name, program, "refused_total"),
                          "TLS connections that were refused, by reason.", "why", part,
                          TLS_WHY_COUNT - 1);
    metrics_gauge(m, name_of(name, program, "certificate_expiry_seconds"),
                  "Unix time at which the certificate of this program expires.",
                  (double)tls_link_expiry_s(l));
}

void daemon_tls_collect(struct metrics *m, const char *program, struct daemon_tls *t)
{
    char name[NAME_MAX_BYTES];

    if (!t)
        return;
    if (t->link)
        collect_link(m, program, t->link);
    metrics_gauge(m, name_of(name, program, "insecure"),
                  "1 = other hosts are reached, or reach this program, without TLS.",
                  t->is_exposed && tls_conf_is_insecure(t->conf));
}
