/* daemon_tls -- [tls] of a daemon (net/tls_conf.h): reads the certificate at the start,
 * and again at SIGHUP and within 5 s after one of its files changed; logs each day that a
 * certificate ends within 30 days, and each minute that a daemon which other hosts reach
 * is without TLS.  Thread: that of the daemon's loop, except where a function names
 * another. */
#ifndef LARS_OBS_DAEMON_TLS_H
#define LARS_OBS_DAEMON_TLS_H

#include <stdbool.h>

#include "net/tls_conf.h"
#include "net/tls_conn.h"
#include "obs/daemon.h"
#include "obs/metrics.h"

struct daemon_tls;

enum daemon_tls_hup {
    DAEMON_TLS_WATCH_HUP, /* watch SIGHUP */
    DAEMON_TLS_OTHER_HUP, /* the daemon watches it, and calls daemon_tls_reload() */
};

/* <is_exposed>: the daemon listens at an address, or connects to one, that is no loopback
 * address.  Borrows <d> and <c>.  Returns 0, or -errno after a line on standard error;
 * *out is NULL then.  Thread: init, after daemon_init() and before other threads exist.
 */
int daemon_tls_create(struct daemon_tls **out, struct daemon *d, const struct tls_conf *c,
                      bool is_exposed, enum daemon_tls_hup hup);

/* After the connections have ended, and before daemon_fini().  NULL is fine. */
void daemon_tls_destroy(struct daemon_tls *t);

/* For clients; NULL = there is no TLS.  Borrowed.  Thread: any. */
struct tls_link *daemon_tls_link(const struct daemon_tls *t);

/* As daemon_tls_create(), for a daemon that listens at <at>, with <n_threads>, and
 * connects to no other: <wanted> and <may_send> as in struct tls_server_config. */
int daemon_tls_serve(struct daemon_tls **out, struct daemon *d, const struct tls_conf *c,
                     const struct net_addr *at, unsigned n_threads, unsigned wanted,
                     unsigned (*may_send)(int32_t msgid));

/* For its server; NULL = there is no TLS.  Borrowed until daemon_tls_destroy(). */
struct tls_server *daemon_tls_server(const struct daemon_tls *t);

void daemon_tls_reload(struct daemon_tls *t); /* read the files again; logs the result */

/* Write lars_<program>_tls_...; t NULL: nothing. */
void daemon_tls_collect(struct metrics *m, const char *program, struct daemon_tls *t);

/* Is one of the <n> addresses no loopback address?  Thread: any. */
bool daemon_tls_is_exposed(const struct net_addr *at, size_t n);

#endif
