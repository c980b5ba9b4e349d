/* tls_context -- what all TLS connections of a server have in common: its certificate and
 * key, the rules of the handshake, and the keys of its session tickets.  Threads share
 * it.  To change the certificate, make a new one: connections keep the one they began
 * with, because each has a reference.
 * Thread: any, except where a function names another. */
#ifndef LARS_NET_TLS_CONTEXT_H
#define LARS_NET_TLS_CONTEXT_H

#include <stdint.h>

#include "base/conf.h"
#include "net/tls_files.h"

struct tls_context;
struct ssl_ctx_st;

/* Read the files, which must be a pair.  With <before>, which may be NULL, clients can
 * resume the sessions that they began with that one.  The first reference is the
 * caller's.  Returns 0; -ENOENT, -EACCES ... or -EINVAL with a sentence in <err> that
 * names the key of the configuration, the file and what to do; -ENOMEM. */
int tls_context_create(struct tls_context **out, const struct tls_files *f,
                       const struct tls_context *before, char err[CONF_ERR_MAX]);

struct tls_context *tls_context_ref(struct tls_context *t); /* returns <t> */
void tls_context_unref(struct tls_context *t); /* frees it after the last; NULL is fine */

/* The end of the certificate's time, in seconds of the wall clock. */
int64_t tls_context_expiry_s(const struct tls_context *t);

/* Browsers accept the certificate at the time <now_s>: 0.  -EINVAL: it has expired, is
 * not valid yet, or expires within 14 days, with a sentence in <err>. */
int tls_context_check_time(const struct tls_context *t, int64_t now_s,
                           char err[CONF_ERR_MAX]);

struct ssl_ctx_st *tls_context_ssl(const struct tls_context *t); /* borrowed */

#endif
