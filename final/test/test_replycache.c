/* What was put is there until something newer is. */
#include "dns/replycache.h"

#include "t.h"

static struct replycache *c;

static int setup(void **state)
{
    (void)state;
    return replycache_create(&c, 64);
}

static int teardown(void **state)
{
    (void)state;
    replycache_destroy(c);
    replycache_destroy(NULL);
    return 0;
}

static bool has(uint32_t modid, uint32_t cmdid, const char *text)
{
    size_t len = 0;
    const void *p = replycache_get(c, modid, cmdid, &len);

    return p && len == strlen(text) && memcmp(p, text, len) == 0;
}

static bool has_none(uint32_t modid, uint32_t cmdid)
{
    size_t len;

    return !replycache_get(c, modid, cmdid, &len);
}

static void put(uint32_t modid, uint32_t cmdid, const char *text)
{
    replycache_put(c, modid, cmdid, text, strlen(text));
}

static void t_put_is_got_until_forgotten(void **state)
{
    (void)state;
    assert_true(has_none(1, 1));
    assert_true(has_none(0, 0)); /* an empty place belongs to no module */
    put(1, 1, "abc");
    assert_true(has(1, 1, "abc"));
    put(1, 1, "longer than before");
    assert_true(has(1, 1, "longer than before"));
    put(1, 1, "");
    assert_true(has(1, 1, ""));
    replycache_forget(c);
    assert_true(has_none(1, 1));
    put(1, 1, "new");
    assert_true(has(1, 1, "new"));
}

static void t_modules_never_get_each_others(void **state)
{
    char text[40];
    uint32_t i;
    int n = 0;

    (void)state;
    for (i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "%u", i);
        put(i / 100, i % 100, text);
    }
    for (i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "%u", i);
        assert_true(has_none(i / 100, i % 100) || has(i / 100, i % 100, text));
        n += !has_none(i / 100, i % 100);
    }
    assert_int_equal(n, 64); /* every place is used */
}

static void t_too_long_is_not_kept(void **state)
{
    static char big[REPLYCACHE_MAX_BODY + 1];

    (void)state;
    replycache_put(c, 1, 1, big, sizeof(big));
    assert_true(has_none(1, 1));
    replycache_put(c, 1, 1, big, sizeof(big) - 1);
    assert_false(has_none(1, 1));
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(C(t_put_is_got_until_forgotten), C(t_modules_never_get_each_others),
       C(t_too_long_is_not_kept))
