/* tls_identity -- what a certificate of Lars says about its owner: its roles, its machine
 * and its IPv4 addresses.  They stand in the subject alternative name:
 *     URI:urn:lars:role:ROLE       one or more; base/role.h has the names
 *     URI:urn:lars:machine:NAME    at most one
 *     IP:ADDRESS                   the addresses of the host
 * Names that are unknown, and addresses above TLS_IDENTITY_IPS, count as not there.
 * Thread: any. */
#ifndef LARS_NET_TLS_IDENTITY_H
#define LARS_NET_TLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net_addr.h"

#define TLS_IDENTITY_MACHINE 64 /* bytes with the final 0 */
#define TLS_IDENTITY_IPS 16

struct x509_st;

struct tls_identity {
    unsigned roles; /* a set of enum role; 0 = it has none */
    char machine[TLS_IDENTITY_MACHINE]; /* letters, digits and .-_ only; "" = none */
    uint32_t ip[TLS_IDENTITY_IPS]; /* IPv4, in host order */
    size_t n_ip;
};

void tls_identity_read(struct tls_identity *out, struct x509_st *cert);

bool tls_identity_has_ip(const struct tls_identity *i, uint32_t ip);

/* Is the address of <at>, IPv4 or IPv6, in the certificate? */
bool tls_identity_names(struct x509_st *cert, const struct net_addr *at);

#endif
