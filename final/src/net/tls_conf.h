/* tls_conf -- the [tls] section of every daemon that talks to daemons of other hosts, and
 * the rule that goes with it: an address that other hosts reach needs TLS, unless
 * insecure_plain is set.  Thread: any. */
#ifndef LARS_NET_TLS_CONF_H
#define LARS_NET_TLS_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/net_addr.h"
#include "net/tls_link.h"

struct tls_conf {
    char cert[200], key[200], ca[200], crl[200]; /* "" = not set */
    char insecure_plain[4], loopback[4]; /* "yes" or "no" */
};

/* The rows of a conf_key table for a struct tls_conf that lies at offset <at>. */
#define TLS_CONF_TEXT(at, field, preset, help)                                           \
    {                                                                                    \
        "tls", #field, CONF_TEXT, (at) + offsetof(struct tls_conf, field), 0,            \
            sizeof(((struct tls_conf *)0)->field), preset, help                          \
    }
#define TLS_CONF_KEYS(at)                                                                \
    TLS_CONF_TEXT(at, cert, "",                                                          \
                  "the file with the certificate of this program, in PEM; a name "       \
                  "without / is a file of the folder $CREDENTIALS_DIRECTORY; empty: no " \
                  "TLS"),                                                                \
        TLS_CONF_TEXT(at, key, "", "the file with its private key, without a password"), \
        TLS_CONF_TEXT(at, ca, "",                                                        \
                      "the file with the authority that signed the certificates of all " \
                      "hosts"),                                                          \
        TLS_CONF_TEXT(at, crl, "",                                                       \
                      "the file with the certificates that the authority has revoked; "  \
                      "empty: none is"),                                                 \
        TLS_CONF_TEXT(at, insecure_plain, "no",                                          \
                      "yes: addresses that other hosts reach may be without TLS; with "  \
                      "cert set, a server then accepts peers with and without it"),      \
        TLS_CONF_TEXT(at, loopback, "no",                                                \
                      "yes: TLS for loopback addresses (127.0.0.0/8, ::1) as well")

/* Returns NULL, or a static sentence that names the key that is wrong. */
const char *tls_conf_wrong_value(const struct tls_conf *c);

enum tls_conf_use { TLS_CONF_LISTENS, TLS_CONF_CONNECTS };

/* May a program listen at <at>, or connect to it?  <key> names the key of the
 * configuration that has it.  Returns 0; -EINVAL with a sentence in <err>: a value of
 * [tls] is wrong, or other hosts reach the address, there is no TLS, and insecure_plain
 * is not set. */
int tls_conf_check(const struct tls_conf *c, const char *key, const struct net_addr *at,
                   enum tls_conf_use use, char err[CONF_ERR_MAX]);

/* The same for <n> addresses. */
int tls_conf_check_all(const struct tls_conf *c, const char *key,
                       const struct net_addr *at, size_t n, char err[CONF_ERR_MAX]);

/* Is TLS configured? */
bool tls_conf_is_set(const struct tls_conf *c);
bool tls_conf_is_insecure(const struct tls_conf *c); /* insecure_plain = yes */

/* Can the files be read, and do they belong together?  For --check-config.  Returns 0, or
 * below 0 with a sentence in <err>. */
int tls_conf_try(const struct tls_conf *c, char err[CONF_ERR_MAX]);

/* As tls_link_create(). */
int tls_conf_open(struct tls_link **out, const struct tls_conf *c,
                  char err[CONF_ERR_MAX]);

#endif
