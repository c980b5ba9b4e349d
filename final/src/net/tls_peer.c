/* The rules run as OpenSSL's callback, before the handshake is complete.  So a peer that
 * is refused gets an alert, by which its own log can say that it was refused, and not
 * only that the connection ended.
 *
 * A session that is resumed brings the certificate of the full handshake with it.  Its
 * signature is not verified again; its time, the list of revoked certificates and the
 * roles are looked at again.
 *
 * A list of revoked certificates that is older than it should be is used all the same: it
 * still says who is revoked, and an operator who forgot to replace it must not find that
 * no host can connect.  A warning in the log reports it (obs/daemon_tls).  So is one that
 * is not valid yet, because the clock of this host is slow. */
#include "net/tls_peer.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stddef.h>

static enum tls_why why_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_WHY_EXPIRED;
    case X509_V_ERR_CERT_REVOKED:
        return TLS_WHY_REVOKED;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        return TLS_WHY_NO_CRL;
    default:
        return TLS_WHY_UNTRUSTED;
    }
}

static enum tls_why check_names(struct tls_peer *p, X509 *cert)
{
    tls_identity_read(&p->id, cert);
    if ((p->id.roles & p->wanted) == 0)
        return TLS_WHY_ROLE;
    if (p->server && !tls_identity_names(cert, p->server))
        return TLS_WHY_ADDRESS;
    return TLS_WHY_NONE;
}

static int on_certificate(int ok, X509_STORE_CTX *ctx)
{
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_peer *p = SSL_get_app_data(ssl);
    int error = X509_STORE_CTX_get_error(ctx);

    if (!ok &&
        (error == X509_V_ERR_CRL_HAS_EXPIRED || error == X509_V_ERR_CRL_NOT_YET_VALID)) {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }
    if (!ok) {
        p->why = why_of(error);
        return 0;
    }
    if (X509_STORE_CTX_get_error_depth(ctx) > 0)
        return 1;
    p->why = check_names(p, X509_STORE_CTX_get_current_cert(ctx));
    if (p->why == TLS_WHY_NONE)
        return 1;
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

void tls_peer_attach(struct tls_peer *p, SSL *ssl)
{
    SSL_set_app_data(ssl, p);
    SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                   on_certificate);
}

enum tls_why tls_peer_check(struct tls_peer *p, SSL *ssl)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);

    if (!cert)
        p->why = TLS_WHY_NO_CERTIFICATE;
    else if (SSL_session_reused(ssl)) {
        p->why = tls_link_check_again(p->link, cert);
        if (p->why == TLS_WHY_NONE)
            p->why = check_names(p, cert);
        if (p->why != TLS_WHY_NONE && p->server) /* it may have another one by now */
            tls_link_forget(p->link, p->server);
    }
    return p->why;
}
