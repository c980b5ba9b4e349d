/* Both sides decide by the address of the server: TLS unless it is a loopback address.
 * So a server that listens on all addresses serves the programs of its own host without
 * TLS and those of other hosts with it, and no client needs a switch for it. */
#include "net/tls_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loopback.h"

bool tls_conf_is_set(const struct tls_conf *c)
{
    return c->cert[0] != '\0';
}

static bool is_yes(const char *value)
{
    return strcmp(value, "yes") == 0;
}

bool tls_conf_is_insecure(const struct tls_conf *c)
{
    return is_yes(c->insecure_plain);
}

static bool is_yes_or_no(const char *value)
{
    return is_yes(value) || strcmp(value, "no") == 0;
}

const char *tls_conf_wrong_value(const struct tls_conf *c)
{
    bool any = c->cert[0] || c->key[0] || c->ca[0] || c->crl[0];

    if (!is_yes_or_no(c->insecure_plain))
        return "[tls] insecure_plain must be yes or no";
    if (!is_yes_or_no(c->loopback))
        return "[tls] loopback must be yes or no";
    if (any && (!c->cert[0] || !c->key[0] || !c->ca[0]))
        return "[tls] cert, key and ca belong together; set all three, or leave all of "
               "[tls] empty";
    if (is_yes(c->loopback) && !c->cert[0])
        return "[tls] loopback = yes needs cert, key and ca";
    return NULL;
}

int tls_conf_check(const struct tls_conf *c, const char *key, const struct net_addr *at,
                   enum tls_conf_use use, char err[CONF_ERR_MAX])
{
    const char *why = tls_conf_wrong_value(c);
    char text[NET_ADDR_STRLEN];

    if (why) {
        snprintf(err, CONF_ERR_MAX, "%s", why);
        return -EINVAL;
    }
    if (tls_conf_is_set(c) || tls_conf_is_insecure(c) || loopback_is(at))
        return 0;
    net_addr_str(at, text);
    if (use == TLS_CONF_LISTENS)
        snprintf(err, CONF_ERR_MAX,
                 "%s: other hosts reach %s, so [tls] needs cert, key and ca, which "
                 "`larsctl fleet render` makes; or listen on 127.0.0.1; or set [tls] "
                 "insecure_plain = yes, when the network keeps everyone else away",
                 key, text);
    else
        snprintf(err, CONF_ERR_MAX,
                 "%s: %s is no loopback address, so [tls] needs cert, key and ca, which "
                 "`larsctl fleet render` makes; or set [tls] insecure_plain = yes, when "
                 "the network keeps everyone else away",
                 key, text);
    return -EINVAL;
}

int tls_conf_check_all(const struct tls_conf *c, const char *key,
                       const struct net_addr *at, size_t n, char err[CONF_ERR_MAX])
{
    size_t i;
    int rc = 0;

    for (i = 0; i < n && rc == 0; i++)
        rc = tls_conf_check(c, key, &at[i], TLS_CONF_CONNECTS, err);
    return rc;
}

/* systemd copies LoadCredential= into a folder of the unit. */
static const char *find_file(const char *name, char to[300])
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");

    if (!name[0] || strchr(name, '/') || !dir || !dir[0])
        snprintf(to, 300, "%s", name);
    else
        snprintf(to, 300, "%.90s/%s", dir, name);
    return to;
}

int tls_conf_open(struct tls_link **out, const struct tls_conf *c, char err[CONF_ERR_MAX])
{
    char cert[300], key[300], ca[300], crl[300];
    const struct tls_link_config l = {.cert = find_file(c->cert, cert),
                                      .key = find_file(c->key, key),
                                      .ca = find_file(c->ca, ca),
                                      .crl = find_file(c->crl, crl),
                                      .on_loopback = is_yes(c->loopback),
                                      .plain_too = tls_conf_is_insecure(c)};

    return tls_link_create(out, &l, err);
}

int tls_conf_try(const struct tls_conf *c, char err[CONF_ERR_MAX])
{
    struct tls_link *l = NULL;
    int rc = tls_conf_is_set(c) ? tls_conf_open(&l, c, err) : 0;

    tls_link_destroy(l);
    return rc;
}
