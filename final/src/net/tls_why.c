#include "net/tls_why.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/log.h"

#define LOG_GAP_MS 10000

static const struct {
    const char *name, *mend;
} reasons[TLS_WHY_COUNT] = {
    [TLS_WHY_NONE] = {"none", ""},
    [TLS_WHY_NO_CERTIFICATE] = {"no_certificate",
                                "the peer shows no certificate; set [tls] cert and key "
                                "there"},
    [TLS_WHY_UNTRUSTED] = {"untrusted",
                           "the certificate of the peer is not of an authority in [tls] "
                           "ca; render both with the same authority"},
    [TLS_WHY_EXPIRED] = {"expired",
                         "the certificate of the peer has expired, or is not valid yet; "
                         "renew it, or correct the clocks of both hosts (`timedatectl`)"},
    [TLS_WHY_REVOKED] = {"revoked",
                         "the certificate of the peer is in [tls] crl; render a new one "
                         "if that host is to come back"},
    [TLS_WHY_NO_CRL] = {"no_crl",
                        "[tls] crl has no list of the authority that signed the "
                        "certificate of the peer; put the lists of all authorities of "
                        "[tls] ca into it"},
    [TLS_WHY_ADDRESS] = {"address",
                         "the certificate of the server does not name the address that "
                         "we connect to; correct the address in the configuration, or "
                         "render a certificate with it"},
    [TLS_WHY_ROLE] = {"role",
                      "the certificate of the peer has no role that may do this; see its "
                      "URI urn:lars:role:, and the addresses in the configuration"},
    [TLS_WHY_VERSION] = {"version",
                         "the peer does not speak TLS 1.3; it is no program of Lars, or "
                         "its OpenSSL is older than 1.1.1"},
    [TLS_WHY_PLAIN] = {"plain",
                       "the peer does not speak TLS; set [tls] cert, key and ca there, "
                       "or find out what connects from this address"},
    [TLS_WHY_SLOW] = {"slow",
                      "the handshake was not complete in time; look whether the host of "
                      "the peer and its network work"},
    [TLS_WHY_MANY] = {"many",
                      "too many handshakes are in progress; find out what connects from "
                      "this address if this lasts"},
    [TLS_WHY_BROKEN] = {"broken",
                        "the peer ended the handshake; its log may say why, and when it "
                        "is a server without [tls], set it there"},
    [TLS_WHY_MESSAGE] = {"message",
                         "the role in the certificate of the peer may not send this "
                         "message; see docs/ref/protocol.md"},
    [TLS_WHY_HOST] = {"host",
                      "the peer sends for an address that is not in its certificate; "
                      "correct [agent] caller or [slots] address there, or render a "
                      "certificate with it"},
    [TLS_WHY_BY_PEER] = {"by_peer",
                         "the peer refused the certificate of this program; its log says "
                         "why"},
};

const char *tls_why_name(enum tls_why why)
{
    return reasons[why].name;
}

const char *tls_why_mend(enum tls_why why)
{
    return reasons[why].mend;
}

/* Alerts by which a peer refuses a certificate. */
static bool is_refusal(int reason)
{
    switch (reason) {
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: /* by net/tls_peer */
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

enum tls_why tls_why_of_error(unsigned long e)
{
    int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;

    switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return TLS_WHY_NO_CERTIFICATE;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return TLS_WHY_VERSION;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
        return TLS_WHY_PLAIN;
    default:
        return is_refusal(reason) ? TLS_WHY_BY_PEER : TLS_WHY_BROKEN;
    }
}

void tls_why_log(enum tls_why why, const struct net_addr *peer, const char *more)
{
    static struct log_gate gate[TLS_WHY_COUNT];
    char text[NET_ADDR_STRLEN];
    uint32_t quiet;

    if (log_gate_open(&gate[why], LOG_GAP_MS, &quiet))
        LOG_WARN("tls.refused", "peer=%s why=%s%s: %s quiet=%u", net_addr_str(peer, text),
                 reasons[why].name, more, reasons[why].mend, quiet);
}
