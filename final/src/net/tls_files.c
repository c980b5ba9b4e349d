/* OpenSSL's own sentences name neither the file nor the key of the configuration, so each
 * file is looked at by itself first.
 * Rejected: to pass on the first sentence of OpenSSL, for that reason. */
#include "net/tls_files.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

/* There is no terminal to ask for a password. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

int tls_files_check(const char *section, const char *name, const char *path,
                    char err[CONF_ERR_MAX])
{
    int rc;

    if (path[0] && access(path, R_OK) == 0)
        return 0;
    rc = path[0] ? -errno : -EINVAL;
    if (!path[0])
        snprintf(err, CONF_ERR_MAX, "%s %s is empty; name a file in PEM there", section,
                 name);
    else
        snprintf(err, CONF_ERR_MAX,
                 "%s %s: the file %.150s cannot be read: %s; correct the path, or give "
                 "the user of the program the right to read it",
                 section, name, path, err_text(rc));
    return rc;
}

/* Returns 0; -EXDEV when it belongs to another certificate; -EINVAL.  A key of another
 * kind than the certificate is accepted at first, as one of a second pair. */
static int use_key(SSL_CTX *ssl, const char *path)
{
    if (SSL_CTX_use_PrivateKey_file(ssl, path, SSL_FILETYPE_PEM) != 1)
        return ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509 ? -EXDEV : -EINVAL;
    return SSL_CTX_check_private_key(ssl) == 1 ? 0 : -EXDEV;
}

int tls_files_use(SSL_CTX *ssl, const struct tls_files *f, char err[CONF_ERR_MAX])
{
    int rc = tls_files_check(f->section, "cert", f->cert, err);

    if (rc == 0)
        rc = tls_files_check(f->section, "key", f->key, err);
    if (rc < 0)
        return rc;
    SSL_CTX_set_default_passwd_cb(ssl, no_password);
    if (SSL_CTX_use_certificate_chain_file(ssl, f->cert) != 1)
        snprintf(
            err, CONF_ERR_MAX,
            "%s cert: the file %.150s has no usable certificate in PEM, which begins "
            "with \"-----BEGIN CERTIFICATE-----\" and has RSA with 2048 bits or "
            "more, or ECDSA; `openssl x509 -in FILE -text` shows it",
            f->section, f->cert);
    else if ((rc = use_key(ssl, f->key)) == 0)
        return 0;
    else if (rc == -EXDEV)
        snprintf(
            err, CONF_ERR_MAX,
            "%s key: the file %.150s is not the private key of the first certificate "
            "of cert; configure a pair, and put the certificate of this host before "
            "those of its issuers",
            f->section, f->key);
    else
        snprintf(err, CONF_ERR_MAX,
                 "%s key: the file %.150s has no private key in PEM without a password; "
                 "`openssl pkey -in FILE -out NEW` removes the password",
                 f->section, f->key);
    return -EINVAL;
}

int64_t tls_files_seconds(const ASN1_TIME *t)
{
    struct tm tm;

    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

const char *tls_files_date(int64_t s, char to[TLS_FILES_DATE])
{
    time_t at = (time_t)s;
    struct tm tm;

    if (!gmtime_r(&at, &tm) ||
        strftime(to, TLS_FILES_DATE, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(to, TLS_FILES_DATE, "%lld s after 1970", (long long)s);
    return to;
}
