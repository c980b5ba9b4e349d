/* fleet_cert -- keys on P-256, certificates and the list of revoked ones, by OpenSSL, as
 * texts in PEM.  What is written where is decided in fleet_ca.  Thread: any. */
#ifndef LARS_ROSTER_FLEET_CERT_H
#define LARS_ROSTER_FLEET_CERT_H

#include <openssl/x509.h>
#include <stdint.h>

#include "roster/cert_index.h"

/* A new key.  NULL: OpenSSL failed. */
EVP_PKEY *fleet_cert_new_key(void);

/* From and to PEM.  A private key has no password.  NULL: it is none, or no memory; the
 * caller frees the result. */
EVP_PKEY *fleet_cert_read_key(const char *pem);
X509 *fleet_cert_read(const char *pem);
X509_CRL *fleet_cert_read_crl(const char *pem);
char *fleet_cert_key_pem(EVP_PKEY *key);
char *fleet_cert_pem(X509 *x);
char *fleet_cert_crl_pem(X509_CRL *crl);

struct fleet_cert_wish {
    const char *name; /* CN */
    const char *san; /* as "URI:urn:x,IP:10.0.0.1"; NULL = of a CA */
    int64_t from_s, to_s; /* seconds of the epoch */
};

/* A certificate for <subject>, signed with <key> of <issuer>; NULL = by itself.  NULL:
 * OpenSSL failed. */
X509 *fleet_cert_new(const struct fleet_cert_wish *w, EVP_PKEY *subject, X509 *issuer,
                     EVP_PKEY *key);

/* The names of <x> are those of <san>. */
bool fleet_cert_has_san(X509 *x, const char *san);

void fleet_cert_serial(X509 *x, char out[CERT_INDEX_SERIAL]);
int64_t fleet_cert_end_s(X509 *x); /* seconds of the epoch; 0 = unreadable */

/* The list of the revoked certificates of <index>, as number <number>; it is due for
 * renewal at <to_s>.  NULL: OpenSSL failed. */
X509_CRL *fleet_cert_new_crl(const struct cert_index *index, long number, int64_t now_s,
                             int64_t to_s, X509 *issuer, EVP_PKEY *key);

/* <crl> has exactly the revoked certificates of <index>, and <key> signed it. */
bool fleet_cert_crl_is_of(X509_CRL *crl, const struct cert_index *index, EVP_PKEY *key);
long fleet_cert_crl_number(X509_CRL *crl);

#endif
