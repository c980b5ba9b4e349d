/* A pair is made when a test needs it, because one in the repository would expire. */
#include "certfile.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

void certfile_write_cert(const char *path, EVP_PKEY *k, long from_s, long to_s)
{
    X509 *x = X509_new();
    X509_EXTENSION *ext =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    FILE *f = fopen(path, "w");

    assert_true(x && ext && f);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), to_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, k);
    X509_add_ext(x, ext, -1);
    assert_true(X509_sign(x, k, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    X509_EXTENSION_free(ext);
    X509_free(x);
}

void certfile_write_key(const char *path, EVP_PKEY *k, const char *password)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(
        PEM_write_PrivateKey(f, k, password ? EVP_aes_256_cbc() : NULL,
                             (const unsigned char *)password,
                             password ? (int)strlen(password) : 0, NULL, NULL),
        1);
    fclose(f);
}

void certfile_write_pair(const char *cert, const char *key, long from_s, long to_s)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");

    assert_non_null(k);
    certfile_write_cert(cert, k, from_s, to_s);
    certfile_write_key(key, k, NULL);
    EVP_PKEY_free(k);
}
