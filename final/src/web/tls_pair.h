/* tls_pair -- the certificate of the console and its private key, read from files and
 * checked before a browser meets them.  Thread: init. */
#ifndef LARS_WEB_TLS_PAIR_H
#define LARS_WEB_TLS_PAIR_H

#include "base/conf.h"

struct tls_pair {
    char *cert, *key; /* texts in PEM; owned; NULL = no TLS */
};

/* Read both files, of which <cert> may have a chain: the certificate of this host, then
 * those of its issuers.  Returns 0; -EINVAL with a sentence in <err> that names the file
 * and what to do.  tls_pair_free() is needed in every case. */
int tls_pair_read(struct tls_pair *out, const char *cert, const char *key,
                  char err[CONF_ERR_MAX]);

/* 0: browsers accept the certificate of <pair>, from the file <cert>, at this time;
 * -EINVAL: it has expired or is not valid yet, with a sentence in <err>. */
int tls_pair_check_time(const struct tls_pair *pair, const char *cert,
                        char err[CONF_ERR_MAX]);

void tls_pair_free(struct tls_pair *pair);

#endif
