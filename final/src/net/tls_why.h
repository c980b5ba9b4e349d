/* tls_why -- the reasons for which a TLS connection between daemons is refused.
 * Thread: any. */
#ifndef LARS_NET_TLS_WHY_H
#define LARS_NET_TLS_WHY_H

#include "base/net_addr.h"

enum tls_why {
    TLS_WHY_NONE,
    TLS_WHY_NO_CERTIFICATE, /* the peer shows none */
    TLS_WHY_UNTRUSTED, /* it is not of our authority */
    TLS_WHY_EXPIRED, /* or not valid yet */
    TLS_WHY_REVOKED,
    TLS_WHY_NO_CRL, /* [tls] crl has no list of its authority */
    TLS_WHY_ADDRESS, /* the server's has not the address that we connect to */
    TLS_WHY_ROLE, /* it has no role that is wanted here */
    TLS_WHY_VERSION, /* the peer does not speak TLS 1.3 */
    TLS_WHY_PLAIN, /* the peer does not speak TLS */
    TLS_WHY_SLOW, /* the handshake took too long */
    TLS_WHY_MANY, /* too many handshakes at a time */
    TLS_WHY_BROKEN, /* the handshake ended before it was complete, or broke a rule */
    TLS_WHY_MESSAGE, /* the peer's role may not send this message */
    TLS_WHY_HOST, /* the peer reports for an address that is not in its certificate */
    TLS_WHY_BY_PEER, /* the peer refused our certificate */
    TLS_WHY_COUNT
};

/* The value of the label why= of the metrics: a static string. */
const char *tls_why_name(enum tls_why why);

/* What it means and how to mend it: a static sentence. */
const char *tls_why_mend(enum tls_why why);

/* What the error <e> of OpenSSL means for a handshake; TLS_WHY_BROKEN: anything else. */
enum tls_why tls_why_of_error(unsigned long e);

/* Logs that <peer> is refused, and how to mend it; <more> adds keys or is "".  At most
 * one line in 10 s for each reason. */
void tls_why_log(enum tls_why why, const struct net_addr *peer, const char *more);

#endif
