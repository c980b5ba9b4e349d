/* The library for TLS only reports that it cannot start.  So both files are read and
 * compared here first, and the sentence names the file and its fault.
 *
 * A certificate that has expired does not stop the console: the clock of a host that has
 * just started may be wrong, and the console must be there when it is corrected.
 *
 * Rejected: reading the files again while the console runs.  A pair of which one half is
 * new would end all connections; a restart takes a second and keeps the sessions. */
#include "web/tls_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

#define PEM_MAX ((size_t)64 << 10)

/* The whole file as a text, or NULL with a sentence.  A pipe has nothing to read. */
static char *read_text(const char *what, const char *path, char err[CONF_ERR_MAX])
{
    char *text = calloc(1, PEM_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;
    ssize_t n = text && fd >= 0 ? read(fd, text, PEM_MAX - 1) : -1;

    rc = n < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    if (rc == 0)
        return text;
    free(text);
    snprintf(
        err, CONF_ERR_MAX,
        "[console] %s: the file %s cannot be read: %s; correct the path, or give the "
        "user lars-console the right to read it",
        what, path, err_text(rc));
    return NULL;
}

/* A key with a password is an error: there is no terminal to ask for it. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static X509 *first_cert(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *x = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return x;
}

static EVP_PKEY *first_key(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *k = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return k;
}

static int compare(const struct tls_pair *p, const char *cert, const char *key,
                   char err[CONF_ERR_MAX])
{
    X509 *x = first_cert(p->cert);
    EVP_PKEY *k = first_key(p->key);
    int rc = x && k && X509_check_private_key(x, k) == 1 ? 0 : -EINVAL;

    ERR_clear_error();
    if (!x)
        snprintf(err, CONF_ERR_MAX,
                 "[console] cert: the file %s has no certificate in PEM, which begins "
                 "with \"-----BEGIN CERTIFICATE-----\"; `openssl x509` converts it",
                 cert);
    else if (!k)
        snprintf(
            err, CONF_ERR_MAX,
            "[console] key: the file %s has no private key in PEM without a password; "
            "`openssl pkey -in FILE -out NEW` removes it",
            key);
    else if (rc < 0)
        snprintf(err, CONF_ERR_MAX,
                 "[console] key: the file %s is not the private key of the first "
                 "certificate of [console] cert; configure a pair, and put the "
                 "certificate of this host before those of its issuers",
                 key);
    X509_free(x);
    EVP_PKEY_free(k);
    return rc;
}

static enum MHD_Result refuse(void *arg, struct MHD_Connection *con, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *n, void **state)
{
    (void)arg;
    (void)con;
    (void)url;
    (void)method;
    (void)version;
    (void)data;
    (void)n;
    (void)state;
    return MHD_NO;
}

/* The library can use fewer kinds of keys than OpenSSL, which has read this one. */
static int try_library(const struct tls_pair *p, const char *key, char err[CONF_ERR_MAX])
{
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_TLS | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, refuse, NULL,
        MHD_OPTION_HTTPS_MEM_CERT, p->cert, MHD_OPTION_HTTPS_MEM_KEY, p->key,
        MHD_OPTION_END);

    if (d) {
        MHD_stop_daemon(d);
        return 0;
    }
    snprintf(err, CONF_ERR_MAX,
             "[console] key: the TLS library cannot use the kind of key in %s; use a "
             "pair of RSA with 2048 bits or more, or of ECDSA on P-256 or P-384",
             key);
    return -EINVAL;
}

int tls_pair_read(struct tls_pair *out, const char *cert, const char *key,
                  char err[CONF_ERR_MAX])
{
    *out = (struct tls_pair){NULL, NULL};
    out->cert = read_text("cert", cert, err);
    out->key = out->cert ? read_text("key", key, err) : NULL;
    if (!out->key || compare(out, cert, key, err) < 0)
        return -EINVAL;
    return try_library(out, key, err);
}

static const char *date(const ASN1_TIME *t, char to[32])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(to, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(to, 32, "a time that is not readable");
    return to;
}

int tls_pair_check_time(const struct tls_pair *pair, const char *cert,
                        char err[CONF_ERR_MAX])
{
    X509 *x = first_cert(pair->cert);
    const ASN1_TIME *end = x ? X509_get0_notAfter(x) : NULL;
    const ASN1_TIME *start = x ? X509_get0_notBefore(x) : NULL;
    char at[32];
    int rc = -EINVAL;

    if (!x)
        snprintf(err, CONF_ERR_MAX, "[console] cert: there is no memory to read it");
    else if (X509_cmp_current_time(end) <= 0)
        snprintf(err, CONF_ERR_MAX,
                 "[console] cert: the certificate in %s has expired on %s, so browsers "
                 "refuse the console; replace cert and key and restart lars-console",
                 cert, date(end, at));
    else if (X509_cmp_current_time(start) > 0)
        snprintf(err, CONF_ERR_MAX,
                 "[console] cert: the certificate in %s is not valid before %s; correct "
                 "the clock of this host (`timedatectl`), or replace cert and key",
                 cert, date(start, at));
    else
        rc = 0;
    X509_free(x);
    return rc;
}

void tls_pair_free(struct tls_pair *pair)
{
    free(pair->cert);
    free(pair->key);
    *pair = (struct tls_pair){NULL, NULL};
}
