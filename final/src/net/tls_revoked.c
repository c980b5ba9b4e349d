#include "net/tls_revoked.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "net/tls_files.h"

static int add_list(struct tls_revoked *out, X509_STORE *store, X509_CRL *crl)
{
    int64_t until_s = tls_files_seconds(X509_CRL_get0_nextUpdate(crl));

    out->list[out->n++] = crl;
    if (out->n == 1 || until_s < out->until_s)
        out->until_s = until_s;
    return X509_STORE_add_crl(store, crl) == 1 ? 0 : -ENOMEM;
}

/* Returns 0, -ENOMEM, or -EINVAL: the file ends in the middle of a list. */
static int read_lists(struct tls_revoked *out, X509_STORE *store, const char *path)
{
    BIO *in = BIO_new_file(path, "re");
    X509_CRL *crl;
    bool at_end;
    int rc = 0;

    ERR_clear_error();
    while (in && rc == 0 && out->n <= TLS_REVOKED_LISTS &&
           (crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL)))
        rc = add_list(out, store, crl);
    at_end = out->n <= TLS_REVOKED_LISTS &&
             ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(in);
    if (rc == 0 && out->n > 0 && !at_end)
        rc = -EINVAL;
    return rc;
}

/* A list is used after its time, too (net/tls_peer). */
static int on_verify(int ok, X509_STORE_CTX *ctx)
{
    int error = X509_STORE_CTX_get_error(ctx);

    if (error != X509_V_ERR_CRL_HAS_EXPIRED && error != X509_V_ERR_CRL_NOT_YET_VALID)
        return ok;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

/* Looks our own certificate up in the lists, as peers do.  Other faults of it, such as
 * its time, are found elsewhere.  Returns 0, -ENOMEM, or -EINVAL: no list is of its
 * authority. */
static int find_own_authority(SSL_CTX *ssl)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *issuers = NULL;
    int error = X509_V_OK;

    SSL_CTX_get0_chain_certs(ssl, &issuers);
    if (!ctx || X509_STORE_CTX_init(ctx, SSL_CTX_get_cert_store(ssl),
                                    SSL_CTX_get0_certificate(ssl), issuers) != 1) {
        X509_STORE_CTX_free(ctx);
        return -ENOMEM;
    }
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK);
    X509_STORE_CTX_set_verify_cb(ctx, on_verify);
    if (X509_verify_cert(ctx) != 1)
        error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    return error == X509_V_ERR_UNABLE_TO_GET_CRL ||
                   error == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER ||
                   error == X509_V_ERR_CRL_SIGNATURE_FAILURE
               ? -EINVAL
               : 0;
}

int tls_revoked_read(struct tls_revoked *out, SSL_CTX *ssl, const char *section,
                     const char *path, char err[CONF_ERR_MAX])
{
    int rc = tls_files_check(section, "crl", path, err);

    *out = (struct tls_revoked){0};
    if (rc < 0)
        return rc;
    rc = read_lists(out, SSL_CTX_get_cert_store(ssl), path);
    if (rc == -EINVAL) {
        snprintf(err, CONF_ERR_MAX,
                 "%s crl: the file %.150s ends in the middle of a list, or has more than "
                 "%d lists; write it again, and rename it to this name when it is "
                 "complete",
                 section, path, TLS_REVOKED_LISTS);
    } else if (rc == 0 && out->n == 0) {
        snprintf(err, CONF_ERR_MAX,
                 "%s crl: the file %.150s has no list of revoked certificates in PEM, "
                 "which begins with \"-----BEGIN X509 CRL-----\"; leave the key empty "
                 "when there is none",
                 section, path);
        rc = -EINVAL;
    } else if (rc == 0) {
        rc = find_own_authority(ssl);
        if (rc == -EINVAL)
            snprintf(err, CONF_ERR_MAX,
                     "%s crl: the file %.150s has no list of the authority that signed "
                     "%s cert, so every peer would be refused; put the lists of all "
                     "authorities of %s ca into it",
                     section, path, section, section);
    }
    ERR_clear_error();
    return rc;
}

bool tls_revoked_has(const struct tls_revoked *r, X509 *cert)
{
    X509_REVOKED *found;
    size_t i;

    for (i = 0; i < r->n; i++)
        if (X509_CRL_get0_by_cert(r->list[i], &found, cert) == 1)
            return true;
    return false;
}

void tls_revoked_free(struct tls_revoked *r)
{
    size_t i;

    for (i = 0; i < r->n; i++)
        X509_CRL_free(r->list[i]);
    *r = (struct tls_revoked){0};
}
