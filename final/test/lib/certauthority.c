#include "certauthority.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certfile.h"

#define HOUR_S 3600
#define DAY_S 86400

static void set_name(X509_NAME *name, const char *cn)
{
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1,
                               -1, 0);
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *ext;
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(ext);
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
}

static X509 *new_cert(long serial, const char *cn, EVP_PKEY *key, long from_s, long to_s)
{
    X509 *x = X509_new();

    assert_non_null(x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), from_s ? from_s : -HOUR_S);
    X509_gmtime_adj(X509_getm_notAfter(x), to_s ? to_s : DAY_S);
    set_name(X509_get_subject_name(x), cn);
    X509_set_pubkey(x, key);
    return x;
}

void certauthority_open(struct certauthority *ca)
{
    memset(ca, 0, sizeof(*ca));
    ca->key = EVP_EC_gen("P-256");
    assert_non_null(ca->key);
    ca->serial = 1;
    ca->cert = new_cert(ca->serial, "test authority", ca->key, 0, 0);
    X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
    add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    assert_true(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
}

void certauthority_close(struct certauthority *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    memset(ca, 0, sizeof(*ca));
}

static FILE *open_file(const char *path)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    return f;
}

static void write_cert(const char *path, X509 *x)
{
    FILE *f = open_file(path);

    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
}

void certauthority_write(const struct certauthority *ca, const char *path)
{
    write_cert(path, ca->cert);
}

long certauthority_sign(struct certauthority *ca, const struct certauthority_names *n,
                        const char *cert, const char *key)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *x;

    assert_non_null(k);
    x = new_cert(++ca->serial, "daemon", k, n->from_s, n->to_s);
    X509_set_issuer_name(x, X509_get_subject_name(ca->cert));
    add_extension(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
    if (n->san)
        add_extension(x, ca->cert, NID_subject_alt_name, n->san);
    assert_true(X509_sign(x, ca->key, EVP_sha256()) > 0);
    write_cert(cert, x);
    certfile_write_key(key, k, NULL);
    X509_free(x);
    EVP_PKEY_free(k);
    return ca->serial;
}

static void add_revoked(X509_CRL *crl, long serial)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *at = ASN1_TIME_new();

    assert_true(r && number && at);
    ASN1_INTEGER_set(number, serial);
    X509_gmtime_adj(at, -60);
    X509_REVOKED_set_serialNumber(r, number);
    X509_REVOKED_set_revocationDate(r, at);
    assert_int_equal(X509_CRL_add0_revoked(crl, r), 1);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(at);
}

void certauthority_revoke(struct certauthority *ca, long serial, const char *path,
                          long until_s)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *at = ASN1_TIME_new();
    FILE *f = open_file(path);
    size_t i;

    assert_true(crl && at);
    if (serial)
        ca->revoked[ca->n_revoked++] = serial;
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
    X509_gmtime_adj(at, -HOUR_S);
    X509_CRL_set1_lastUpdate(crl, at);
    X509_gmtime_adj(at, until_s);
    X509_CRL_set1_nextUpdate(crl, at);
    for (i = 0; i < ca->n_revoked; i++)
        add_revoked(crl, ca->revoked[i]);
    X509_CRL_sort(crl);
    assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509_CRL(f, crl), 1);
    fclose(f);
    ASN1_TIME_free(at);
    X509_CRL_free(crl);
}
