#include "cachefix.h"

#include "http/http_parse.h"

struct cachefix cachefix = {.now_ms = 1000000};

void cachefix_open(size_t bytes)
{
    assert_int_equal(looppool_create(&cachefix.pool, 2), 0);
    assert_int_equal(looppool_start(cachefix.pool), 0);
    assert_int_equal(cache_create(&cachefix.cache, bytes, cachefix.pool), 0);
}

void cachefix_close(void)
{
    looppool_destroy(cachefix.pool);
    cache_destroy(cachefix.cache);
}

uint64_t cachefix_bytes(void)
{
    struct cache_stats s;

    cache_read_stats(cachefix.cache, &s);
    return s.bytes;
}

void cachefix_count_wake(void *arg)
{
    (void)arg;
    cachefix.n_woken++;
}

enum cache_result cachefix_ask(const char *key, struct cache_found *out)
{
    struct cache_ask a = {.key = key,
                          .len = strlen(key),
                          .now_ms = cachefix.now_ms,
                          .may_fetch = true,
                          .may_wait = true,
                          .wake = cachefix_count_wake};

    cache_find(cachefix.cache, &a, out);
    return out->result;
}

/* Ask, and keep nothing of what is found. */
enum cache_result cachefix_look(const char *key)
{
    struct cache_found f;

    cachefix_ask(key, &f);
    cache_copy_unref(f.copy);
    if (f.fetch)
        cache_fetch_end(f.fetch, CACHE_DROPPED, cachefix.now_ms);
    if (f.wait)
        cache_wait_end(f.wait);
    return f.result;
}

/* Store <len> bytes by <f>. */
int cachefix_store(struct cache_fetch *f, size_t len, const struct cache_control_times *t)
{
    static char body[CACHE_OBJECT_MAX + 1];
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"e\"\r\n"
                               "Age: 3\r\nLast-Modified: yesterday\r\n\r\n";
    struct http_parse parse = {0};
    struct http_head h;
    enum http_why why;
    int rc;

    assert_true(http_parse_response(&parse, text, sizeof(text) - 1, HTTP_METHOD_GET, &h,
                                    &why) > 0);
    memset(body, 'x', len < sizeof(body) ? len : sizeof(body));
    rc = cache_fetch_head(f, &h, (struct http_text){"A: b\r\n", 6}, t, cachefix.now_ms);
    if (rc == 0)
        rc = cache_fetch_body(f, body, len);
    cache_fetch_end(f, rc == 0 ? CACHE_KEPT : CACHE_NOT_KEPT, cachefix.now_ms);
    return rc;
}

const struct cache_control_times cachefix_usual = {1000, 10000, 600000};
const struct cache_control_times cachefix_strict = {1000, 0, 0};

void cachefix_put(const char *key, size_t len, const struct cache_control_times *t)
{
    struct cache_found f;

    assert_int_equal(cachefix_ask(key, &f), CACHE_FETCH);
    cache_copy_unref(f.copy);
    assert_int_equal(cachefix_store(f.fetch, len, t), 0);
}
