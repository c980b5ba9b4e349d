/* Serial numbers are 16 random bytes, so two folders that were restored from one backup
 * do not issue the same number twice.
 *
 * Rejected: the program openssl.  Its output changes between versions, a private key
 * would be in a file for a moment, and its errors are not ours to explain. */
#include "roster/fleet_cert.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_BYTES 16

/* --- PEM ---------------------------------------------------------------------------- */

EVP_PKEY *fleet_cert_new_key(void)
{
    return EVP_EC_gen("P-256");
}

EVP_PKEY *fleet_cert_read_key(const char *pem)
{
    BIO *b = BIO_new_mem_buf(pem, -1);
    char none[] = ""; /* else OpenSSL would ask the terminal */
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, none) : NULL;

    BIO_free(b);
    return key;
}

X509 *fleet_cert_read(const char *pem)
{
    BIO *b = BIO_new_mem_buf(pem, -1);
    X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

    BIO_free(b);
    return x;
}

X509_CRL *fleet_cert_read_crl(const char *pem)
{
    BIO *b = BIO_new_mem_buf(pem, -1);
    X509_CRL *crl = b ? PEM_read_bio_X509_CRL(b, NULL, NULL, NULL) : NULL;

    BIO_free(b);
    return crl;
}

/* What was written to <b>, when <good>.  Takes <b>. */
static char *take_text(BIO *b, bool good)
{
    char *from, *text = NULL;
    long len = b ? BIO_get_mem_data(b, &from) : 0;

    if (b && good)
        text = strndup(from, (size_t)len);
    BIO_free(b);
    return text;
}

char *fleet_cert_key_pem(EVP_PKEY *key)
{
    BIO *b = BIO_new(BIO_s_mem());

    return take_text(b, b && PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL,
                                                      NULL) == 1);
}

char *fleet_cert_pem(X509 *x)
{
    BIO *b = BIO_new(BIO_s_mem());

    return take_text(b, b && PEM_write_bio_X509(b, x) == 1);
}

char *fleet_cert_crl_pem(X509_CRL *crl)
{
    BIO *b = BIO_new(BIO_s_mem());

    return take_text(b, b && PEM_write_bio_X509_CRL(b, crl) == 1);
}

/* --- certificates ------------------------------------------------------------------- */

static bool set_serial(X509 *x)
{
    unsigned char bytes[SERIAL_BYTES];
    BIGNUM *n = NULL;
    bool good;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* above 0, of one length */
    n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    good = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return good;
}

static bool add_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool good = e && X509_add_ext(x, e, -1) == 1;

    X509_EXTENSION_free(e);
    return good;
}

static bool add_extensions(X509 *x, X509 *issuer, const char *san)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    if (!add_extension(x, &ctx, NID_subject_key_identifier, "hash") ||
        !add_extension(x, &ctx, NID_authority_key_identifier, "keyid"))
        return false;
    if (!san)
        return add_extension(x, &ctx, NID_basic_constraints,
                             "critical,CA:TRUE,pathlen:0") &&
               add_extension(x, &ctx, NID_key_usage, "critical,keyCertSign,cRLSign");
    return add_extension(x, &ctx, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, &ctx, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, &ctx, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(x, &ctx, NID_subject_alt_name, san);
}

X509 *fleet_cert_new(const struct fleet_cert_wish *w, EVP_PKEY *subject, X509 *issuer,
                     EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

    if (x && X509_set_version(x, 2) == 1 && set_serial(x) &&
        ASN1_TIME_set(X509_getm_notBefore(x), (time_t)w->from_s) &&
        ASN1_TIME_set(X509_getm_notAfter(x), (time_t)w->to_s) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   (const unsigned char *)w->name, -1, -1, 0) == 1 &&
        X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name) == 1 &&
        X509_set_pubkey(x, subject) == 1 &&
        add_extensions(x, issuer ? issuer : x, w->san) &&
        X509_sign(x, key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

bool fleet_cert_has_san(X509 *x, const char *san)
{
    int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
    X509_EXTENSION *wanted = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    bool same = at >= 0 && wanted &&
                ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_get_ext(x, at)),
                                      X509_EXTENSION_get_data(wanted)) == 0;

    X509_EXTENSION_free(wanted);
    return same;
}

static void serial_text(const ASN1_INTEGER *serial, char out[CERT_INDEX_SERIAL])
{
    BIGNUM *n = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = n ? BN_bn2hex(n) : NULL;

    out[0] = '\0';
    if (hex && strlen(hex) < CERT_INDEX_SERIAL)
        memcpy(out, hex, strlen(hex) + 1);
    OPENSSL_free(hex);
    BN_free(n);
}

void fleet_cert_serial(X509 *x, char out[CERT_INDEX_SERIAL])
{
    serial_text(X509_get0_serialNumber(x), out);
}

int64_t fleet_cert_end_s(X509 *x)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    bool good =
        epoch && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(x)) == 1;

    ASN1_TIME_free(epoch);
    return good ? days * INT64_C(86400) + seconds : 0;
}

/* --- the list of revoked certificates ----------------------------------------------- */

static bool add_revoked(X509_CRL *crl, const char *serial, const ASN1_TIME *now)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *number = NULL;
    BIGNUM *n = NULL;
    bool good = r && BN_hex2bn(&n, serial) > 0 &&
                (number = BN_to_ASN1_INTEGER(n, NULL)) != NULL &&
                X509_REVOKED_set_serialNumber(r, number) == 1 &&
                X509_REVOKED_set_revocationDate(r, (ASN1_TIME *)(uintptr_t)now) == 1 &&
                X509_CRL_add0_revoked(crl, r) == 1;

    if (!good)
        X509_REVOKED_free(r);
    ASN1_INTEGER_free(number);
    BN_free(n);
    return good;
}

static bool add_all_revoked(X509_CRL *crl, const struct cert_index *index,
                            const ASN1_TIME *now)
{
    size_t i;

    for (i = 0; i < index->n; i++)
        if (index->row[i].state == CERT_INDEX_REVOKED &&
            !add_revoked(crl, index->row[i].serial, now))
            return false;
    return X509_CRL_sort(crl) == 1;
}

static bool number_crl(X509_CRL *crl, long number, X509 *issuer)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    X509_EXTENSION *e = NULL;
    X509V3_CTX ctx;
    bool good;

    X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid");
    good = n && ASN1_INTEGER_set(n, number) == 1 &&
           X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) == 1 && e &&
           X509_CRL_add_ext(crl, e, -1) == 1;
    X509_EXTENSION_free(e);
    ASN1_INTEGER_free(n);
    return good;
}

X509_CRL *fleet_cert_new_crl(const struct cert_index *index, long number, int64_t now_s,
                             int64_t to_s, X509 *issuer, EVP_PKEY *key)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)now_s);
    ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)to_s);
    bool good = crl && now && to && X509_CRL_set_version(crl, 1) == 1 &&
                X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
                X509_CRL_set1_lastUpdate(crl, now) == 1 &&
                X509_CRL_set1_nextUpdate(crl, to) == 1 &&
                add_all_revoked(crl, index, now) && number_crl(crl, number, issuer) &&
                X509_CRL_sign(crl, key, EVP_sha256()) > 0;

    ASN1_TIME_free(to);
    ASN1_TIME_free(now);
    if (good)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

bool fleet_cert_crl_is_of(X509_CRL *crl, const struct cert_index *index, EVP_PKEY *key)
{
    STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(crl);
    int n = list ? sk_X509_REVOKED_num(list) : 0, found = 0, i;
    size_t k;

    if (X509_CRL_verify(crl, key) != 1)
        return false;
    for (k = 0; k < index->n; k++)
        found += index->row[k].state == CERT_INDEX_REVOKED;
    for (i = 0; i < n && found == n; i++) {
        char serial[CERT_INDEX_SERIAL];
        const struct cert_index_row *row;

        serial_text(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(list, i)),
                    serial);
        row = cert_index_find(index, serial);
        if (!row || row->state != CERT_INDEX_REVOKED)
            return false;
    }
    return found == n;
}

long fleet_cert_crl_number(X509_CRL *crl)
{
    ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    long number = n ? ASN1_INTEGER_get(n) : 0;

    ASN1_INTEGER_free(n);
    return number > 0 ? number : 0;
}
