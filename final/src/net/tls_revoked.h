/* tls_revoked -- the lists of revoked certificates of a file in PEM.  Thread: any; the
 * caller guards what it changes. */
#ifndef LARS_NET_TLS_REVOKED_H
#define LARS_NET_TLS_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"

#define TLS_REVOKED_LISTS 15

struct ssl_ctx_st;
struct x509_st;
struct X509_crl_st;

struct tls_revoked { /* zeroed = there is no list */
    struct X509_crl_st *list[TLS_REVOKED_LISTS + 1];
    size_t n;
    int64_t until_s; /* the first list is to be replaced then, in s of the wall clock */
};

/* Read every list of <path> into the store of <ssl>, which has its certificate and its
 * authorities already, and into <out>, for tls_revoked_free() whatever is returned.
 * One list must be of the authority that signed the certificate of <ssl>: with lists of
 * others alone, every peer would be refused.  Returns 0; -ENOENT, -EACCES ... or -EINVAL
 * with a sentence in <err> that names the key of the section <section>, the file and
 * what to do; -ENOMEM. */
int tls_revoked_read(struct tls_revoked *out, struct ssl_ctx_st *ssl, const char *section,
                     const char *path, char err[CONF_ERR_MAX]);

bool tls_revoked_has(const struct tls_revoked *r, struct x509_st *cert);

void tls_revoked_free(struct tls_revoked *r); /* <r> is zeroed then */

#endif
