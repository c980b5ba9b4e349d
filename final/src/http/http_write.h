/* http_write -- writes heads anew from their tables.  A proxy passes on what it has
 * understood and not the bytes that it received, so that the next program cannot read
 * them in another way.  Thread: any. */
#ifndef LARS_HTTP_HTTP_WRITE_H
#define LARS_HTTP_HTTP_WRITE_H

#include "base/buf.h"
#include "http/http_head.h"

#define HTTP_WRITE_SOURCE "Lars-Source"   /* who has sent it, when no visitor has */

/* What a proxy tells a node about a request. */
struct http_forward {
    const char *peer;                     /* address of the visitor, without a port */
    bool trusted;                         /* the peer is a proxy of ours: its Forwarded
                                           * and X-Forwarded-* stay, and <peer> is added
                                           * */
    bool tls;                             /* the visitor came by TLS */
    const char *request_id;
    const char *cookie_drop;              /* the cookie of this name is not passed on;
                                           * NULL = all are */
    bool whole;                           /* the response is kept for other visitors: the
                                           * conditions of this one (If-None-Match,
                                           * If-Modified-Since) are not passed on */
    struct http_text none_match, modified; /* <whole>: If-None-Match, If-Modified-Since of
                                           * the copy that there is; len 0 = without it */
    const char *source;                   /* "drill": the value of Lars-Source, since no
                                           * visitor has sent it; NULL = without.  That of
                                           * a visitor is never passed on */
    const char *encoding, *language;      /* <whole>: Accept-Encoding, Accept-Language;
                                           * "" = without it; NULL = as it is */
};

/* Append the head of the request that is sent to a node, as HTTP/1.1.  Returns 0 or
 * -ENOMEM. */
int http_write_request(struct buf *out, const struct http_head *in,
                       const struct http_forward *f);

/* How a response is passed on. */
struct http_pass {
    uint8_t minor;                        /* HTTP/1.<minor> of the visitor */
    bool keep_alive;                      /* the visitor's connection stays open */
    enum http_framing framing;            /* HTTP_LENGTH: in->length */
    uint64_t length;
    const char *request_id;
    const char *extra;                    /* whole fields, each with CR LF; "" = none */
    bool is_private;                      /* Cache-Control becomes "private, no-store" */
};

/* Append the head of a node's response for the visitor.  Returns 0 or -ENOMEM. */
int http_write_response(struct buf *out, const struct http_head *in,
                        const struct http_pass *p);

/* How a response that was kept is sent. */
struct http_copy {
    struct http_text fields;              /* of http_write_fields() */
    uint16_t status;                      /* 304: the fields without a body */
    uint64_t length;                      /* of the body; not with 304 */
    uint8_t minor;
    bool keep_alive;
    uint64_t age_s;
    const char *request_id;
    const char *extra;                    /* as above */
    bool is_private;                      /* as above */
};

/* Append the fields of a node's response that are the same for every visitor, to be kept:
 * neither the first line nor the empty line at the end.  Returns 0 or -ENOMEM. */
int http_write_fields(struct buf *out, const struct http_head *in);

/* Append <fields> of a response that was kept as the head <in> of a 304 renews them
 * (RFC 9111, 3.2): its fields replace those of the same names, but what describes the
 * body stays as it is.  Returns 0 or -ENOMEM. */
int http_write_renewed(struct buf *out, struct http_text fields,
                       const struct http_head *in);

/* Append the head of a response that was kept.  Returns 0 or -ENOMEM. */
int http_write_copy(struct buf *out, const struct http_copy *p);

/* Append a whole response of our own.  <type> is its Content-Type; <extra> as above.
 * <no_body>: the answer to HEAD.  Returns 0 or -ENOMEM. */
int http_write_own(struct buf *out, uint16_t status, const char *type, const char *body,
                   size_t len, const char *extra, bool keep_alive, bool no_body);

/* Append <len> > 0 bytes as a chunk, or the end of a chunked body.  0 or -ENOMEM. */
int http_write_chunk(struct buf *out, const char *p, size_t len);
int http_write_last_chunk(struct buf *out);

const char *http_write_reason(uint16_t status); /* "Not Found"; "" = not known */

#endif
