/* The index is the truth: a certificate is kept only when the index has it as valid, and
 * whatever the index has of a host or role that is gone becomes revoked.  A render that
 * was interrupted leaves at most rows of certificates that no host has.
 *
 * A renewed certificate keeps its key, and the old one stays accepted, because hosts get
 * the new one one after another.  A machine that was exchanged gets new keys, and the old
 * ones are revoked, because the old machine may still have them. */
#include "roster/fleet_ca.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "roster/fleet_cert.h"
#include "roster/text_file.h"

#define DAY_S INT64_C(86400)
#define SKEW_S 3600 /* clocks of hosts may be so far behind */
#define EARLIEST_S INT64_C(1704067200) /* 2024: a clock before it was never set */

struct fleet_ca {
    char dir[PATH_MAX];
    int64_t now_s, end_s; /* end_s: of the CA */
    EVP_PKEY *key;
    X509 *x;
    char *cert, *crl; /* PEM */
    struct cert_index index;
    unsigned n_issued, n_revoked;
};

static int say(char why[FLEET_CA_WHY], int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int say(char why[FLEET_CA_WHY], int rc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, FLEET_CA_WHY, fmt, ap);
    va_end(ap);
    return rc;
}

static int crypto_failed(char why[FLEET_CA_WHY])
{
    return say(why, -EIO,
               "OpenSSL could not make a key or a certificate; mend: see "
               "whether this machine has random numbers and memory");
}

static void path_of(const struct fleet_ca *ca, const char *name, char out[PATH_MAX + 20])
{
    snprintf(out, PATH_MAX + 20, "%s/%s", ca->dir, name);
}

/* Returns 0, with *out = NULL when there is no such file; -errno with a sentence. */
static int read_own(const struct fleet_ca *ca, const char *name, char **out,
                    char why[FLEET_CA_WHY])
{
    char path[PATH_MAX + 20];
    int rc;

    path_of(ca, name, path);
    *out = NULL;
    rc = text_file_read(path, out);
    if (rc == 0 || rc == -ENOENT)
        return 0;
    return say(why, rc, "%.200s cannot be read: %s", path, err_text(rc));
}

static int write_own(const struct fleet_ca *ca, const char *name, const char *text,
                     char why[FLEET_CA_WHY])
{
    char path[PATH_MAX + 20];
    int rc;

    path_of(ca, name, path);
    rc = text_file_write(path, text);
    return rc >= 0 ? 0 : say(why, rc, "%.200s cannot be written: %s", path, err_text(rc));
}

static void format_end(int64_t end_s, char out[CERT_INDEX_END])
{
    time_t t = (time_t)end_s;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(out, CERT_INDEX_END, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* --- the CA ------------------------------------------------------------------------- */

/* The key is written first: a certificate without its key could not be used. */
static int make_ca(struct fleet_ca *ca, const char *name, bool have_key,
                   char why[FLEET_CA_WHY])
{
    char title[ROSTER_NAME_LEN + 20];
    struct fleet_cert_wish w = {title, NULL, ca->now_s - SKEW_S,
                                ca->now_s + FLEET_CA_DAYS * DAY_S};
    char *pem;
    int rc;

    snprintf(title, sizeof(title), "Lars fleet %s", name);
    if (!have_key) {
        ca->key = fleet_cert_new_key();
        pem = ca->key ? fleet_cert_key_pem(ca->key) : NULL;
        if (!pem)
            return crypto_failed(why);
        rc = write_own(ca, "ca.key", pem, why);
        OPENSSL_cleanse(pem, strlen(pem));
        free(pem);
        if (rc < 0)
            return rc;
    }
    ca->x = fleet_cert_new(&w, ca->key, NULL, ca->key);
    ca->cert = ca->x ? fleet_cert_pem(ca->x) : NULL;
    return ca->cert ? write_own(ca, "ca.crt", ca->cert, why) : crypto_failed(why);
}

static int check_ca(struct fleet_ca *ca, const char *name, char why[FLEET_CA_WHY])
{
    char title[ROSTER_NAME_LEN + 20], has[100] = "";
    time_t now = (time_t)ca->now_s;

    if (X509_check_private_key(ca->x, ca->key) != 1)
        return say(why, -EINVAL,
                   "%.200s: ca.key is not the key of ca.crt; mend: restore both from one "
                   "backup",
                   ca->dir);
    snprintf(title, sizeof(title), "Lars fleet %s", name);
    X509_NAME_get_text_by_NID(X509_get_subject_name(ca->x), NID_commonName, has,
                              sizeof(has));
    if (strcmp(has, title) != 0)
        return say(why, -EINVAL,
                   "%.200s belongs to \"%.60s\" and the file names the fleet %s; mend: "
                   "correct name in [fleet], or render into another folder",
                   ca->dir, has, name);
    if (X509_cmp_time(X509_get0_notBefore(ca->x), &now) > 0)
        return say(why, -EINVAL,
                   "the clock of this machine is before the time at which %.200s/ca.crt "
                   "was made; mend: set the clock",
                   ca->dir);
    ca->end_s = fleet_cert_end_s(ca->x);
    if (ca->end_s - ca->now_s < FLEET_CA_RENEW_DAYS * DAY_S)
        return say(why, -EINVAL,
                   "%.200s/ca.crt ends in less than %d days; mend: render into a new "
                   "folder and install it on all hosts",
                   ca->dir, FLEET_CA_RENEW_DAYS);
    return 0;
}

static int read_ca(struct fleet_ca *ca, const char *name, char why[FLEET_CA_WHY])
{
    char *key = NULL;
    int rc = read_own(ca, "ca.key", &key, why);

    if (rc == 0)
        rc = read_own(ca, "ca.crt", &ca->cert, why);
    if (rc == 0 && ca->cert && !key)
        rc = say(why, -ENOENT,
                 "%.200s has ca.crt and no ca.key; mend: restore ca.key from the backup, "
                 "or render into a new folder and install it on all hosts",
                 ca->dir);
    if (rc == 0 && key)
        ca->key = fleet_cert_read_key(key);
    if (rc == 0 && ca->cert)
        ca->x = fleet_cert_read(ca->cert);
    if (rc == 0 && ((key && !ca->key) || (ca->cert && !ca->x)))
        rc = say(why, -EINVAL,
                 "%.200s: %s is damaged; mend: restore ca.crt and ca.key from the backup",
                 ca->dir, key && !ca->key ? "ca.key" : "ca.crt");
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    free(key);
    if (rc == 0 && !ca->x)
        rc = make_ca(ca, name, ca->key != NULL, why);
    return rc < 0 ? rc : check_ca(ca, name, why);
}

static int read_index(struct fleet_ca *ca, char why[FLEET_CA_WHY])
{
    char *text = NULL;
    int line = 0, rc = read_own(ca, "index", &text, why);

    if (rc < 0)
        return rc;
    rc = cert_index_read(&ca->index, text ? text : "", &line);
    free(text);
    if (rc == -EINVAL)
        return say(why, rc,
                   "%.200s/index:%d: not SERIAL HOST MACHINE ROLE END STATE; mend: "
                   "restore the file from the backup",
                   ca->dir, line);
    return rc;
}

int fleet_ca_open(struct fleet_ca **out, const char *dir, const char *name, int64_t now_s,
                  char why[FLEET_CA_WHY])
{
    struct fleet_ca *ca = calloc(1, sizeof(*ca));
    int rc;

    why[0] = '\0';
    if (!ca)
        return -ENOMEM;
    snprintf(ca->dir, sizeof(ca->dir), "%s", dir);
    ca->now_s = now_s;
    if (now_s < EARLIEST_S)
        rc =
            say(why, -EINVAL,
                "the clock of this machine is before the year 2024; mend: set the clock");
    else
        rc = read_ca(ca, name, why);
    if (rc == 0)
        rc = read_index(ca, why);
    if (rc == 0)
        rc = read_own(ca, "crl.pem", &ca->crl, why);
    if (rc < 0) {
        fleet_ca_close(ca);
        return rc;
    }
    *out = ca;
    return 0;
}

void fleet_ca_close(struct fleet_ca *ca)
{
    if (!ca)
        return;
    cert_index_free(&ca->index);
    EVP_PKEY_free(ca->key);
    X509_free(ca->x);
    free(ca->cert);
    free(ca->crl);
    free(ca);
}

/* --- certificates ------------------------------------------------------------------- */

/* At least one certificate of this machine and role was issued: its key is its own. */
static bool is_known(const struct fleet_ca *ca, const struct fleet_ca_subject *s)
{
    size_t i;

    for (i = 0; i < ca->index.n; i++) {
        const struct cert_index_row *row = &ca->index.row[i];

        if (strcmp(row->host, s->host) == 0 && strcmp(row->role, s->role) == 0 &&
            row->machine == s->machine && row->state != CERT_INDEX_REVOKED)
            return true;
    }
    return false;
}

/* Returns the row of the certificate <x> when it can stay as it is. */
static struct cert_index_row *usable(const struct fleet_ca *ca, X509 *x, EVP_PKEY *key,
                                     const struct fleet_ca_subject *s, const char *san)
{
    char serial[CERT_INDEX_SERIAL];
    struct cert_index_row *row;

    if (!x || !key || X509_check_private_key(x, key) != 1 ||
        X509_verify(x, ca->key) != 1 || !fleet_cert_has_san(x, san) ||
        fleet_cert_end_s(x) - ca->now_s < FLEET_CA_RENEW_DAYS * DAY_S)
        return NULL;
    fleet_cert_serial(x, serial);
    row = cert_index_find(&ca->index, serial);
    return row && row->state == CERT_INDEX_VALID && row->machine == s->machine &&
                   strcmp(row->host, s->host) == 0 && strcmp(row->role, s->role) == 0
               ? row
               : NULL;
}

static void replace_rows(struct fleet_ca *ca, const struct fleet_ca_subject *s)
{
    size_t i;

    for (i = 0; i < ca->index.n; i++) {
        struct cert_index_row *row = &ca->index.row[i];

        if (strcmp(row->host, s->host) != 0 || strcmp(row->role, s->role) != 0 ||
            row->machine != s->machine || row->state == CERT_INDEX_REVOKED)
            continue;
        row->state = CERT_INDEX_REPLACED;
        row->wanted = true;
    }
}

/* A new certificate for <key>, and its row. */
static int issue(struct fleet_ca *ca, const struct fleet_ca_subject *s, const char *san,
                 EVP_PKEY *key, char **out, char why[FLEET_CA_WHY])
{
    char name[ROSTER_NAME_LEN + CERT_INDEX_ROLE + 2];
    int64_t end_s = ca->now_s + FLEET_CA_CERT_DAYS * DAY_S;
    struct fleet_cert_wish w = {name, san, ca->now_s - SKEW_S,
                                end_s < ca->end_s ? end_s : ca->end_s};
    struct cert_index_row row = {.machine = s->machine, .wanted = true};
    X509 *x;
    int rc;

    snprintf(name, sizeof(name), "%s-%s", s->host, s->role);
    x = fleet_cert_new(&w, key, ca->x, ca->key);
    *out = x ? fleet_cert_pem(x) : NULL;
    if (!*out) {
        X509_free(x);
        return crypto_failed(why);
    }
    replace_rows(ca, s);
    fleet_cert_serial(x, row.serial);
    snprintf(row.host, sizeof(row.host), "%s", s->host);
    snprintf(row.role, sizeof(row.role), "%s", s->role);
    format_end(w.to_s, row.end);
    X509_free(x);
    rc = cert_index_add(&ca->index, &row);
    if (rc == -E2BIG)
        say(why, rc,
            "%.200s/index has more than %d lines; mend: render into a new folder",
            ca->dir, CERT_INDEX_MAX);
    ca->n_issued += rc == 0;
    return rc;
}

/* Keep both, or issue a certificate for the key that <key> is, or for a new one. */
static int choose(struct fleet_ca *ca, const struct fleet_ca_subject *s, const char *cert,
                  const char *key, char **new_cert, char **new_key,
                  char why[FLEET_CA_WHY])
{
    X509 *x = cert ? fleet_cert_read(cert) : NULL;
    EVP_PKEY *k = key ? fleet_cert_read_key(key) : NULL;
    struct cert_index_row *row;
    char san[150];
    int rc = 0;

    snprintf(san, sizeof(san), "URI:urn:lars:role:%s,URI:urn:lars:machine:%u%s%s",
             s->role, s->machine, s->ip ? ",IP:" : "", s->ip ? s->ip : "");
    row = usable(ca, x, k, s, san);
    if (row) {
        row->wanted = true;
        *new_cert = strdup(cert);
    } else {
        if (k && !is_known(ca, s)) {
            EVP_PKEY_free(k);
            k = NULL;
        }
        k = k ? k : fleet_cert_new_key();
        rc = k ? issue(ca, s, san, k, new_cert, why) : crypto_failed(why);
    }
    if (rc == 0)
        *new_key = fleet_cert_key_pem(k);
    X509_free(x);
    EVP_PKEY_free(k);
    return rc;
}

int fleet_ca_certificate(struct fleet_ca *ca, const struct fleet_ca_subject *s,
                         const char *cert, const char *key, char **new_cert,
                         char **new_key, char why[FLEET_CA_WHY])
{
    char *c = NULL, *k = NULL;
    int rc = choose(ca, s, cert, key, &c, &k, why);

    if (rc == 0 && (!c || !k))
        rc = -ENOMEM;
    if (rc < 0) {
        free(c);
        free(k);
        return rc;
    }
    *new_cert = c;
    *new_key = k;
    return 0;
}

/* --- the end of a render ------------------------------------------------------------ */

/* Of a row that is wanted, older ones of the same machine are wanted, too. */
static bool is_wanted(const struct cert_index *x, const struct cert_index_row *row)
{
    size_t i;

    for (i = 0; i < x->n; i++)
        if (x->row[i].wanted && x->row[i].machine == row->machine &&
            strcmp(x->row[i].host, row->host) == 0 &&
            strcmp(x->row[i].role, row->role) == 0)
            return true;
    return false;
}

static void revoke_rest(struct fleet_ca *ca)
{
    size_t i;

    for (i = 0; i < ca->index.n; i++) {
        struct cert_index_row *row = &ca->index.row[i];

        if (row->state == CERT_INDEX_REVOKED || is_wanted(&ca->index, row))
            continue;
        row->state = CERT_INDEX_REVOKED;
        ca->n_revoked++;
    }
}

/* It is due for renewal when the CA ends: a list that was not renewed in time would stop
 * the fleet. */
static int renew_crl(struct fleet_ca *ca, char why[FLEET_CA_WHY])
{
    X509_CRL *old = ca->crl ? fleet_cert_read_crl(ca->crl) : NULL, *crl;
    long number = old ? fleet_cert_crl_number(old) : 0;
    bool same = old && fleet_cert_crl_is_of(old, &ca->index, ca->key);

    X509_CRL_free(old);
    if (same)
        return 0;
    crl =
        fleet_cert_new_crl(&ca->index, number + 1, ca->now_s, ca->end_s, ca->x, ca->key);
    free(ca->crl);
    ca->crl = crl ? fleet_cert_crl_pem(crl) : NULL;
    X509_CRL_free(crl);
    return ca->crl ? 0 : crypto_failed(why);
}

int fleet_ca_save(struct fleet_ca *ca, char why[FLEET_CA_WHY])
{
    char *text;
    int rc;

    revoke_rest(ca);
    text = cert_index_text(&ca->index);
    if (!text)
        return -ENOMEM;
    rc = write_own(ca, "index", text, why);
    free(text);
    if (rc == 0)
        rc = renew_crl(ca, why);
    return rc < 0 ? rc : write_own(ca, "crl.pem", ca->crl, why);
}

unsigned fleet_ca_n_issued(const struct fleet_ca *ca)
{
    return ca->n_issued;
}

unsigned fleet_ca_n_revoked(const struct fleet_ca *ca)
{
    return ca->n_revoked;
}

const char *fleet_ca_cert(const struct fleet_ca *ca)
{
    return ca->cert;
}

const char *fleet_ca_crl(const struct fleet_ca *ca)
{
    return ca->crl;
}
