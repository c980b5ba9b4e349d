/* tls_files -- reads the certificate and the private key of this program into a context
 * of OpenSSL.  What is wrong becomes a sentence that names the key of the configuration,
 * the file and what to do.  Thread: any. */
#ifndef LARS_NET_TLS_FILES_H
#define LARS_NET_TLS_FILES_H

#include <stdint.h>

#include "base/conf.h"

#define TLS_FILES_DATE 40 /* bytes of a date */

struct ssl_ctx_st;
struct asn1_string_st;

struct tls_files {
    const char *section; /* for messages, as "[gateway]" */
    const char *cert; /* PEM: the certificate, then its issuers */
    const char *key; /* PEM, without a password */
};

/* Use both files, which must be a pair.  Returns 0; -ENOENT, -EACCES ... or -EINVAL with
 * a sentence in <err>. */
int tls_files_use(struct ssl_ctx_st *ssl, const struct tls_files *f,
                  char err[CONF_ERR_MAX]);

/* Is <path>, the value of <name>, a file that can be read?  As tls_files_use(). */
int tls_files_check(const char *section, const char *name, const char *path,
                    char err[CONF_ERR_MAX]);

/* A time of a certificate in seconds of the wall clock; 0 = it has none. */
int64_t tls_files_seconds(const struct asn1_string_st *t);
const char *tls_files_date(int64_t s, char to[TLS_FILES_DATE]); /* returns <to> */

#endif
