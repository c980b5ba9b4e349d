/* The certificate was verified before, so its issuer vouches for the names; they are
 * bounded and checked all the same, because they get into log lines.
 * Rejected: the common name of the subject.  It is one text, and a host has a role, a
 * machine and addresses. */
#include "net/tls_identity.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>

#include "base/role.h"

#define ROLE_URN "urn:lars:role:"
#define MACHINE_URN "urn:lars:machine:"
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

/* The part of the <len> bytes at <uri> behind <urn>, or NULL. */
static const char *after_urn(const char *uri, size_t len, const char *urn)
{
    size_t n = strlen(urn);

    return len > n && memcmp(uri, urn, n) == 0 ? uri + n : NULL;
}

static void take_uri(struct tls_identity *id, const char *uri, size_t len)
{
    const char *name = after_urn(uri, len, ROLE_URN);
    char text[TLS_IDENTITY_MACHINE];
    size_t n;

    if (name)
        id->roles |= role_of(name, len - (size_t)(name - uri));
    name = after_urn(uri, len, MACHINE_URN);
    n = name ? len - (size_t)(name - uri) : 0;
    if (!name || n >= sizeof(text))
        return;
    memcpy(text, name, n);
    text[n] = '\0';
    if (strspn(text, NAME_CHARS) == n)
        memcpy(id->machine, text, n + 1);
}

static void take_ip(struct tls_identity *id, const unsigned char *p, int len)
{
    if (len == 4 && id->n_ip < TLS_IDENTITY_IPS)
        id->ip[id->n_ip++] =
            (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void take_name(struct tls_identity *id, const GENERAL_NAME *n)
{
    const ASN1_STRING *s;

    if (n->type == GEN_URI) {
        s = n->d.uniformResourceIdentifier;
        take_uri(id, (const char *)ASN1_STRING_get0_data(s),
                 (size_t)ASN1_STRING_length(s));
    } else if (n->type == GEN_IPADD) {
        take_ip(id, ASN1_STRING_get0_data(n->d.iPAddress),
                ASN1_STRING_length(n->d.iPAddress));
    }
}

void tls_identity_read(struct tls_identity *out, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int i;

    memset(out, 0, sizeof(*out));
    for (i = 0; i < sk_GENERAL_NAME_num(names); i++) /* NULL has -1 */
        take_name(out, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
}

bool tls_identity_has_ip(const struct tls_identity *i, uint32_t ip)
{
    size_t k = 0;

    while (k < i->n_ip && i->ip[k] != ip)
        k++;
    return k < i->n_ip;
}

bool tls_identity_names(X509 *cert, const struct net_addr *at)
{
    return X509_check_ip(cert, at->ip, at->family == AF_INET ? 4 : 16, 0) == 1;
}
