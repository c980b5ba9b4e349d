/* http_parse -- reads the head of an HTTP/1.x message.  llhttp parses; before it, a guard
 * reads every byte and refuses what servers are known to read differently: a carriage
 * return or a line feed alone, control characters, folded lines.  After it, the framing
 * of the body is decided by rules that leave one reading only.  An ambiguous message is
 * refused and never repaired, because a node might repair it in another way (request
 * smuggling).  Sources: RFC 9110, RFC 9112.  Thread: any. */
#ifndef LARS_HTTP_HTTP_PARSE_H
#define LARS_HTTP_HTTP_PARSE_H

#include "http/http_head.h"

/* Why a message is refused. */
enum http_why {
    HTTP_FINE,
    HTTP_WHY_CONTROL,                     /* CR or LF alone, NUL, another control byte */
    HTTP_WHY_FOLDED,                      /* a line that begins with a blank */
    HTTP_WHY_LINE,                        /* the first line is not one of HTTP/1.x */
    HTTP_WHY_VERSION,                     /* neither HTTP/1.0 nor HTTP/1.1 */
    HTTP_WHY_LINE_LONG,                   /* longer than HTTP_LINE_MAX */
    HTTP_WHY_HEAD_LONG,                   /* longer than HTTP_HEAD_MAX */
    HTTP_WHY_FIELDS,                      /* more than HTTP_FIELDS_MAX */
    HTTP_WHY_FIELD,                       /* a name or a value that is not allowed */
    HTTP_WHY_HOST,                        /* not exactly one Host, or not a name */
    HTTP_WHY_TARGET,                      /* neither a path nor the URL of this host */
    HTTP_WHY_PATH,                        /* servers differ about it (http_path.h) */
    HTTP_WHY_LENGTH,                      /* several Content-Length, or not a number */
    HTTP_WHY_BOTH,                        /* Content-Length and Transfer-Encoding */
    HTTP_WHY_CODING,                      /* a Transfer-Encoding other than chunked */
    HTTP_WHY_CODING_1_0,                  /* Transfer-Encoding in HTTP/1.0 */
    HTTP_WHY_BODY,                        /* a body with GET, HEAD or OPTIONS */
    HTTP_WHY_METHOD,                      /* CONNECT or TRACE */
    HTTP_WHY_UNKNOWN_METHOD,
    HTTP_WHY_EXPECT,                      /* Expect with another value than 100-continue
                                           * */
    HTTP_WHY_CHUNK,                       /* a chunk that is not allowed (http_body.h) */
    HTTP_WHYS
};

/* The status that answers a request that is refused for <why>: 400, 405 ... */
uint16_t http_parse_status(enum http_why why);
const char *http_parse_why_name(enum http_why why); /* static, such as "bare_cr_lf" */

/* What has been read of a head.  Zeroed = nothing. */
struct http_parse {
    uint16_t at;                          /* bytes that the guard has accepted */
    uint16_t line;                        /* where the current line begins */
    uint16_t n_lines;                     /* complete lines */
};

_Static_assert(2 * HTTP_HEAD_MAX <= UINT16_MAX, "the guard reads so many bytes at most");

/* Read the head of a request at the beginning of <buf>.  When it is not complete, call
 * again with more bytes behind the same ones.  Returns
 *     1 or more    the length of the head; <out> borrows from <buf>.  2, with an empty
 *                  out->target: an empty line before the request
 *     -EAGAIN      not complete
 *     -EBADMSG     refused, for *why */
ssize_t http_parse_request(struct http_parse *p, const char *buf, size_t len,
                           struct http_head *out, enum http_why *why);

/* As http_parse_request(), the head of a response to a request of method <to>.  A
 * response with a status below 200 has no body and is followed by another one. */
ssize_t http_parse_response(struct http_parse *p, const char *buf, size_t len,
                            enum http_method to, struct http_head *out,
                            enum http_why *why);

#endif
