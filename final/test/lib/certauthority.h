/* certauthority -- an authority for tests: it signs certificates of daemons with roles
 * and addresses (net/tls_identity.h) and writes lists of those that it has revoked.  All
 * files are in PEM.  A failure fails the test.  Thread: any. */
#ifndef LARS_TEST_LIB_CERTAUTHORITY_H
#define LARS_TEST_LIB_CERTAUTHORITY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "../t.h"

struct certauthority {
    EVP_PKEY *key;
    X509 *cert;
    long serial; /* of the last certificate */
    long revoked[16]; /* serials */
    size_t n_revoked;
};

/* What a certificate says; zero stands for the usual. */
struct certauthority_names {
    const char *san; /* as "URI:urn:lars:role:agent,IP:127.0.0.1"; NULL = none */
    long from_s, to_s; /* from now; 0 = an hour ago, a day */
};

void certauthority_open(struct certauthority *ca);
void certauthority_close(struct certauthority *ca);

void certauthority_write(const struct certauthority *ca, const char *path);

/* Sign a certificate for a new key of ECDSA on P-256.  Returns its serial. */
long certauthority_sign(struct certauthority *ca, const struct certauthority_names *n,
                        const char *cert, const char *key);

/* Revoke <serial> (0 = none more) and write the list, which is to be replaced <until_s>
 * from now. */
void certauthority_revoke(struct certauthority *ca, long serial, const char *path,
                          long until_s);

#endif
