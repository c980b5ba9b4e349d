/* Every answer has the same headers, because one function adds them to each:
 * docs/ref/console.md says what each is for.
 *
 * Rejected: headers by kind of answer.  The one that lacks its policy is the one that an
 * attacker frames. */
#include "web/send.h"

#include <string.h>

static void add_common(bool tls, struct MHD_Response *r)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy",
         "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
         "frame-ancestors 'none'; form-action 'self'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    size_t i;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        MHD_add_response_header(r, headers[i][0], headers[i][1]);
    if (tls)
        MHD_add_response_header(r, "Strict-Transport-Security", "max-age=31536000");
}

static enum MHD_Result queue(struct MHD_Connection *con, unsigned status,
                             struct MHD_Response *r)
{
    enum MHD_Result rc = MHD_queue_response(con, status, r);

    MHD_destroy_response(r);
    return rc;
}

enum MHD_Result send_reply(bool tls, struct MHD_Connection *con, struct reply *r)
{
    struct MHD_Response *m =
        MHD_create_response_from_buffer(r->len, r->text ? r->text : (void *)"",
                                        r->text ? MHD_RESPMEM_MUST_FREE
                                                : MHD_RESPMEM_PERSISTENT);
    unsigned i;

    if (!m)
        return MHD_NO;
    r->text = NULL;
    if (r->type)
        MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
    MHD_add_response_header(m, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    for (i = 0; i < r->n_header; i++)
        MHD_add_response_header(m, r->header[i].name, r->header[i].value);
    add_common(tls, m);
    return queue(con, r->status, m);
}

enum MHD_Result send_file(bool tls, struct MHD_Connection *con,
                          const struct assets_file *f)
{
    const char *accept = MHD_lookup_connection_value(con, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_ACCEPT_ENCODING);
    bool gzip = f->gzip && accept && strstr(accept, "gzip");
    struct MHD_Response *m = MHD_create_response_from_buffer(
        gzip ? f->n_gzip : f->n_plain, gzip ? f->gzip : f->plain, MHD_RESPMEM_PERSISTENT);

    if (!m)
        return MHD_NO;
    MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_TYPE, f->type);
    if (gzip)
        MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    MHD_add_response_header(m, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    MHD_add_response_header(m, MHD_HTTP_HEADER_CACHE_CONTROL,
                            f->is_hashed ? "public, max-age=31536000, immutable"
                                         : "no-cache");
    add_common(tls, m);
    return queue(con, MHD_HTTP_OK, m);
}

enum MHD_Result send_stream(bool tls, struct MHD_Connection *con,
                            struct MHD_Response *body)
{
    MHD_add_response_header(body, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(body, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(body, "X-Accel-Buffering", "no");
    add_common(tls, body);
    return queue(con, MHD_HTTP_OK, body);
}
