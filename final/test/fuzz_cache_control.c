/* fuzz_cache_control -- any head may be read: the times are within their bounds, a
 * response with Set-Cookie or "Vary: *" is never kept, and a request with credentials or
 * a range uses no copy. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/cache_control.h"
#include "http/http_parse.h"

#define MAX_MS (0x80000000ull * 1000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_response(const char *p, size_t len)
{
    struct cache_control_request r = {.may_use = true, .gzip = true};
    struct cache_control_times t = {1000, 10000, 600000};
    struct http_parse parse = {0};
    struct http_head h;
    enum http_why why;

    if (http_parse_response(&parse, p, len, HTTP_METHOD_GET, &h, &why) <= 0)
        return;
    if (cache_control_read_response(&h, &r, &t) != CACHE_CONTROL_KEEP)
        return;
    if (t.fresh_ms == 0 || t.fresh_ms > MAX_MS || t.stale_ms > MAX_MS ||
        t.stale_error_ms > MAX_MS || h.at[HTTP_SET_COOKIE] ||
        http_head_has_token(&h, HTTP_VARY, "*"))
        abort();
}

static void read_request(const char *p, size_t len)
{
    struct cache_control_request r;
    struct http_parse parse = {0};
    struct http_head h;
    struct http_text tags;
    enum http_why why;

    if (http_parse_request(&parse, p, len, &h, &why) <= 2)
        return;
    cache_control_read_request(&h, len & 1, "lars_v", &r);
    if (r.may_use && (h.at[HTTP_AUTHORIZATION] || h.at[HTTP_RANGE] ||
                      r.language > CACHE_CONTROL_OTHER))
        abort();
    tags = http_head_value(&h, HTTP_IF_NONE_MATCH);
    cache_control_etag_matches(tags, tags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *p = malloc(size + 1);

    if (!p)
        return 0;
    memcpy(p, data, size);
    p[size] = '\0';
    read_response(p, size);
    read_request(p, size);
    free(p);
    return 0;
}
