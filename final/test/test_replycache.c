/* The cache of replies: a stored reply is found until it is replaced or forgotten, and a
 * module never gets the reply of another one. */
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

static void t_reply_is_found_until_forgotten(void **state)
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

static void t_module_never_gets_a_reply_of_another(void **state)
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
    assert_int_equal(n, 64); /* all 64 places are used */
}

static void t_reply_that_is_too_long_is_not_stored(void **state)
{
    static char big[REPLYCACHE_MAX_BODY + 1];

    (void)state;
    replycache_put(c, 1, 1, big, sizeof(big));
    assert_true(has_none(1, 1));
    replycache_put(c, 1, 1, big, sizeof(big) - 1);
    assert_false(has_none(1, 1));
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(C(t_reply_is_found_until_forgotten), C(t_module_never_gets_a_reply_of_another),
       C(t_reply_that_is_too_long_is_not_stored))
