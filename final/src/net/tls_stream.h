/* tls_stream -- the server's side of a TLS connection, as a stream of the bytes inside
 * (net/stream.h).  on_connect is called when the handshake has ended; before that nothing
 * can be read.  A stream that ends without the alert close_notify is an error of
 * stream_read(), -ECONNRESET, because bytes may be missing.
 * The process must ignore SIGPIPE.  Thread: loop. */
#ifndef LARS_NET_TLS_STREAM_H
#define LARS_NET_TLS_STREAM_H

#include "net/stream.h"
#include "net/tls_context.h"

/* Use the connected, non-blocking <fd>.  Takes <fd>, on failure as well.  Borrows
 * <owner>; the certificate and the rules are those of <t>, which may be released.
 * on_connect gets 0; -EPROTO: no client of TLS 1.2 or 1.3, or it broke a rule;
 * -ECONNRESET, -EPIPE ...: it has gone.  A client can be slow: the owner bounds the time.
 * Returns 0; -ENOMEM; an error of evloop_add_fd(). */
int tls_stream_open(struct stream *s, struct evloop *l, int fd,
                    const struct stream_owner *owner, const struct tls_context *t);

/* "TLSv1.2", "TLSv1.3": a static string.  NULL = a stream without TLS. */
const char *tls_stream_version(const struct stream *s);
bool tls_stream_is_resumed(const struct stream *s); /* without a full handshake */

#endif
