/* All responses get the same headers of security in one place.  The policy allows no
 * script at all: an exhibit is written by others, and a page needs none.
 *
 * Rejected: compressing or hashing here; site_bodies has done both. */
#include "site/site_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *header(struct MHD_Connection *con, const char *name)
{
    const char *value = MHD_lookup_connection_value(con, MHD_HEADER_KIND, name);

    return value ? value : "";
}

struct MHD_Response *site_answer_make(const char *bytes, size_t len, const char *type,
                                      const char *cache)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)bytes,
                                        MHD_RESPMEM_PERSISTENT);

    if (r && type)
        MHD_add_response_header(r, "Content-Type", type);
    if (r)
        MHD_add_response_header(r, "Cache-Control", cache);
    return r;
}

/* Does Accept-Encoding name gzip, without the weight 0? */
static bool takes_gzip(struct MHD_Connection *con)
{
    const char *at = header(con, "Accept-Encoding");
    size_t n;

    for (; *at; at += n + (at[n] == ',')) {
        const char *q;

        at += strspn(at, " \t");
        n = strcspn(at, ",");
        if (n < 4 || strncasecmp(at, "gzip", 4) != 0 || strcspn(at, " \t;,") != 4)
            continue;
        q = strstr(at, "q=");
        return !q || q > at + n || strtod(q + 2, NULL) > 0;
    }
    return false;
}

static bool has_it(struct MHD_Connection *con, const char *etag)
{
    const char *known = header(con, "If-None-Match");

    return strstr(known, etag) || strcmp(known, "*") == 0;
}

struct MHD_Response *site_answer_body(struct MHD_Connection *con,
                                      const struct site_body *b, unsigned *status)
{
    bool gzip = b->gzip && takes_gzip(con);
    bool known = *status == MHD_HTTP_OK && has_it(con, b->etag);
    const char *bytes = known ? "" : gzip ? b->gzip : b->plain;
    size_t len = known ? 0 : gzip ? b->n_gzip : b->n_plain;
    char etag[SITE_BODIES_ETAG_MAX + 8];
    struct MHD_Response *r =
        site_answer_make(bytes, len, b->type,
                         b->is_immutable ? SITE_ANSWER_FOREVER : SITE_ANSWER_PAGE);

    if (!r)
        return NULL;
    if (gzip && !known)
        MHD_add_response_header(r, "Content-Encoding", "gzip");
    if (b->gzip)
        MHD_add_response_header(r, "Vary", "Accept-Encoding");
    snprintf(etag, sizeof(etag), "\"%s%s\"", b->etag, gzip ? "-gz" : "");
    if (*status == MHD_HTTP_OK)
        MHD_add_response_header(r, "ETag", etag);
    if (known)
        *status = MHD_HTTP_NOT_MODIFIED;
    return r;
}

enum MHD_Result site_answer_send(struct MHD_Connection *con, unsigned status,
                                 struct MHD_Response *r, bool is_closing)
{
    enum MHD_Result rc;

    MHD_add_response_header(
        r, "Content-Security-Policy",
        "default-src 'none'; img-src 'self'; style-src 'self' 'unsafe-inline'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Referrer-Policy", "same-origin");
    if (is_closing)
        MHD_add_response_header(r, "Connection", "close");
    rc = MHD_queue_response(con, status, r);
    MHD_destroy_response(r);
    return rc;
}

bool site_answer_prefers_english(struct MHD_Connection *con)
{
    const char *accept = header(con, "Accept-Language");
    const char *en = strcasestr(accept, "en"), *zh = strcasestr(accept, "zh");

    return en && (!zh || en < zh);
}
