/* http_head -- the head of an HTTP/1.x message as a table: its first line and its fields.
 * The texts are parts of the bytes that were parsed and are borrowed from them.
 * Thread: any. */
#ifndef LARS_HTTP_HTTP_HEAD_H
#define LARS_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HTTP_HEAD_MAX 16384               /* bytes of a head */
#define HTTP_LINE_MAX 4096                /* bytes of its first line */
#define HTTP_FIELDS_MAX 64

struct http_text {
    const char *at;                       /* not followed by a 0 byte */
    uint32_t len;
};

enum http_method {
    HTTP_METHOD_OTHER,                           /* any method that is not below */
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_CONNECT,
    HTTP_METHOD_TRACE
};

/* Fields that the gateway knows.  Their names are in http_head.c. */
enum http_id {
    HTTP_UNKNOWN,
    HTTP_TE,
    HTTP_AGE,
    HTTP_VIA,
    HTTP_DATE,
    HTTP_ETAG,
    HTTP_HOST,
    HTTP_VARY,
    HTTP_COOKIE,
    HTTP_EXPECT,
    HTTP_ACCEPT_ENCODING,
    HTTP_ACCEPT_LANGUAGE,
    HTTP_AUTHORIZATION,
    HTTP_CACHE_CONTROL,
    HTTP_CONNECTION,
    HTTP_CONTENT_ENCODING,
    HTTP_CONTENT_LENGTH,
    HTTP_EXPIRES,
    HTTP_FORWARDED,
    HTTP_IF_MATCH,
    HTTP_IF_MODIFIED_SINCE,
    HTTP_IF_NONE_MATCH,
    HTTP_IF_RANGE,
    HTTP_IF_UNMODIFIED_SINCE,
    HTTP_KEEP_ALIVE,
    HTTP_LARS_DRILL,
    HTTP_LARS_LOAD,
    HTTP_LARS_SOURCE,
    HTTP_LAST_MODIFIED,
    HTTP_PRAGMA,
    HTTP_PROXY_CONNECTION,
    HTTP_RANGE,
    HTTP_SET_COOKIE,
    HTTP_TRAILER,
    HTTP_TRANSFER_ENCODING,
    HTTP_UPGRADE,
    HTTP_X_FORWARDED_FOR,
    HTTP_X_FORWARDED_HOST,
    HTTP_X_FORWARDED_PROTO,
    HTTP_X_REQUEST_ID,
    HTTP_IDS
};

struct http_field {
    struct http_text name, value;         /* value: without blanks around it */
    enum http_id id;
};

/* How the end of the body is found. */
enum http_framing {
    HTTP_NO_BODY,
    HTTP_LENGTH,                          /* Content-Length: <length> bytes, 0 too */
    HTTP_CHUNKED,
    HTTP_TO_END                           /* until the connection ends; responses only */
};

struct http_head {
    enum http_method method;              /* of a request */
    uint16_t status;                      /* of a response: 100 to 999 */
    uint8_t minor;                        /* HTTP/1.<minor>: 0 or 1 */
    bool keep_alive;                      /* the sender would keep the connection open */
    enum http_framing framing;
    uint64_t length;                      /* HTTP_LENGTH */
    struct http_text method_name;
    struct http_text target;              /* origin form: from the first '/'; or "*" */
    struct http_text host;                /* of a request: the value of Host */
    struct http_text reason;              /* of a response */
    unsigned n_fields;
    struct http_field field[HTTP_FIELDS_MAX];
    uint8_t at[HTTP_IDS];                 /* index of the first + 1; 0 = none */
    uint64_t twice;                       /* bit <id>: it comes more than once */
};

_Static_assert(HTTP_IDS <= 64, "a bit of <twice> for each");

/* Add a field at the end of the table.  Borrows both texts.  Returns 0; -E2BIG when the
 * table is full; -EINVAL when <name> has other characters than a name may have. */
int http_head_add(struct http_head *h, struct http_text name, struct http_text value);

/* The value of the first field <id>; {NULL, 0} when there is none. */
struct http_text http_head_value(const struct http_head *h, enum http_id id);

/* Whether the comma-separated list of <id>, in all its fields, has <token>, in any
 * case. */
bool http_head_has_token(const struct http_head *h, enum http_id id, const char *token);

/* The method may be repeated without another effect: RFC 9110, 9.2.2. */
bool http_head_is_idempotent(const struct http_head *h);

/* After how many seconds without a request the sender closes the connection: timeout=N of
 * Keep-Alive, the shortest of several; UINT32_MAX when there is no number. */
uint32_t http_head_keep_alive_s(const struct http_head *h);

bool http_head_text_is(struct http_text t, const char *s); /* in any case (ASCII) */

/* Fields of one connection, which a proxy does not pass on (RFC 9110, 7.6.1): the known
 * ones and those that Connection names. */
bool http_head_is_hop(const struct http_head *h, const struct http_field *f);

#endif
