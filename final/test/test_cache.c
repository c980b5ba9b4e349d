/* The cache by itself: what it finds, what it passes, and how much memory it takes. */
#include "lib/cachefix.h"

static void t_a_stored_response_is_found_whole_while_it_is_fresh(void **state)
{
    struct cache_found f;

    (void)state;
    cachefix_open(MB);
    cachefix_put("a", 100, &cachefix_usual);
    cachefix.now_ms += 999;
    assert_int_equal(cachefix_ask("a", &f), CACHE_HIT);
    assert_int_equal(f.copy->status, 200);
    assert_int_equal(f.copy->body_len, 100);
    assert_int_equal(f.copy->body[99], 'x');
    assert_int_equal(f.copy->fields.len, 6);
    assert_memory_equal(f.copy->fields.at, "A: b\r\n", 6);
    assert_memory_equal(f.copy->etag.at, "\"e\"", 3);
    assert_int_equal(f.copy->modified.len, 9);
    assert_int_equal(cachefix.now_ms - f.copy->born_ms, 3999);
    cache_copy_unref(f.copy);
    assert_int_equal(cachefix_look("b"), CACHE_FETCH);
    assert_int_equal(cachefix_look("aa"), CACHE_FETCH);
    cachefix.now_ms += 1;
    assert_int_equal(cachefix_look("a"), CACHE_FETCH);
    cachefix_close();
}

static void t_a_copy_outlives_its_place_in_the_cache(void **state)
{
    struct cache_found f;

    (void)state;
    cachefix_open(MB);
    cachefix_put("a", 10, &cachefix_strict);
    assert_int_equal(cachefix_ask("a", &f), CACHE_HIT);
    cachefix.now_ms += 1000;
    cachefix_put("a", 20, &cachefix_strict);
    assert_int_equal(f.copy->body_len, 10);
    assert_int_equal(f.copy->body[9], 'x');
    cache_copy_unref(f.copy);
    cachefix_close();
}

static void t_a_stale_copy_serves_while_one_request_refreshes(void **state)
{
    struct cache_found f;

    (void)state;
    cachefix_open(MB);
    cachefix_put("a", 10, &cachefix_usual);
    cachefix.now_ms += 1000;
    assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
    assert_non_null(f.copy);
    assert_int_equal(cachefix_look("a"), CACHE_STALE);
    cachefix.now_ms += 9999;
    assert_int_equal(cachefix_look("a"), CACHE_STALE);
    cachefix.now_ms += 1;
    assert_int_equal(cachefix_look("a"), CACHE_WAIT);
    cache_copy_unref(f.copy);
    cachefix_store(f.fetch, 5, &cachefix_usual);
    assert_int_equal(cachefix_look("a"), CACHE_HIT);
    cachefix_close();
}

static void t_a_stale_copy_serves_all_for_a_second_after_a_failure(void **state)
{
    struct cache_found f;

    (void)state;
    cachefix_open(MB);
    cachefix_put("a", 10, &cachefix_usual);
    cachefix.now_ms += 500000;
    assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
    assert_non_null(f.copy); /* serves if the fetch fails */
    cache_copy_unref(f.copy);
    cache_fetch_end(f.fetch, CACHE_FAILED, cachefix.now_ms);
    assert_int_equal(cachefix_look("a"), CACHE_STALE);
    cachefix.now_ms += CACHE_FAILED_MS;
    assert_int_equal(cachefix_look("a"), CACHE_FETCH);
    cachefix.now_ms += 101000 - CACHE_FAILED_MS;
    assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
    assert_null(f.copy); /* 600 s are over */
    cache_fetch_end(f.fetch, CACHE_FAILED, cachefix.now_ms);
    assert_int_equal(cachefix_look("a"), CACHE_PASS);
    cachefix_close();
}

static void t_a_copy_that_must_be_revalidated_never_serves_stale(void **state)
{
    struct cache_found f;

    (void)state;
    cachefix_open(MB);
    cachefix_put("a", 10, &cachefix_strict);
    cachefix.now_ms += 1000;
    assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
    assert_null(f.copy);
    assert_int_equal(cachefix_look("a"), CACHE_WAIT);
    cache_fetch_end(f.fetch, CACHE_FAILED, cachefix.now_ms);
    assert_int_equal(cachefix_look("a"), CACHE_PASS);
    cachefix_close();
}

static void t_a_key_that_was_not_kept_is_passed_for_ten_seconds(void **state)
{
    struct cache_found f;

    (void)state;
    cachefix_open(MB);
    cachefix_put("a", 10, &cachefix_usual);
    cachefix.now_ms += 1000;
    assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
    cache_copy_unref(f.copy);
    cache_fetch_end(f.fetch, CACHE_NOT_KEPT, cachefix.now_ms);
    assert_int_equal(cachefix_look("a"), CACHE_PASS);
    cachefix.now_ms += CACHE_PASS_MS - 1;
    assert_int_equal(cachefix_look("a"), CACHE_PASS);
    cachefix.now_ms += 1;
    assert_int_equal(cachefix_look("a"), CACHE_FETCH);
    cachefix_close();
}

/* Otherwise a crowd for such a key would stop every 10 s, and then come at once. */
static void t_a_key_in_use_that_was_not_kept_is_never_waited_for(void **state)
{
    struct cache_found f;
    int i;

    (void)state;
    cachefix_open(MB);
    assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
    assert_int_equal(cachefix_look("a"), CACHE_WAIT);
    cache_fetch_end(f.fetch, CACHE_NOT_KEPT, cachefix.now_ms);
    for (i = 0; i < 3; i++) {
        cachefix.now_ms += CACHE_PASS_MS;
        assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
        assert_int_equal(cachefix_look("a"), CACHE_PASS);
        cache_fetch_end(f.fetch, CACHE_NOT_KEPT, cachefix.now_ms);
    }
    cachefix.now_ms += 2 * CACHE_PASS_MS; /* it was not in use */
    assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
    assert_int_equal(cachefix_look("a"), CACHE_WAIT);
    cache_fetch_end(f.fetch, CACHE_DROPPED, cachefix.now_ms);
    cachefix_close();
}

static void t_a_request_that_may_not_fetch_or_wait_is_passed(void **state)
{
    struct cache_ask a = {
        .key = "a", .len = 1, .now_ms = cachefix.now_ms, .may_wait = true};
    struct cache_found f, g;

    (void)state;
    cachefix_open(MB);
    cache_find(cachefix.cache, &a, &f);
    assert_int_equal(f.result, CACHE_PASS);
    assert_int_equal(cachefix_bytes(), 0);
    assert_int_equal(cachefix_ask("a", &f), CACHE_FETCH);
    a.may_fetch = true;
    a.may_wait = false;
    cache_find(cachefix.cache, &a, &g);
    assert_int_equal(g.result, CACHE_PASS);
    cache_fetch_end(f.fetch, CACHE_DROPPED, cachefix.now_ms);
    cachefix_close();
}

static void t_a_key_that_is_too_long_is_passed(void **state)
{
    static char key[CACHE_KEY_MAX + 2];

    (void)state;
    cachefix_open(MB);
    memset(key, 'k', sizeof(key) - 1);
    assert_int_equal(cachefix_look(key), CACHE_PASS);
    key[CACHE_KEY_MAX] = '\0';
    assert_int_equal(cachefix_look(key), CACHE_FETCH);
    cachefix_close();
}

static void t_an_object_that_is_too_large_is_not_kept(void **state)
{
    struct cache_found f;

    (void)state;
    cachefix_open(64 * MB);
    cachefix_put("a", CACHE_OBJECT_MAX, &cachefix_usual);
    assert_int_equal(cachefix_look("a"), CACHE_HIT);
    assert_int_equal(cachefix_ask("b", &f), CACHE_FETCH);
    assert_int_equal(cachefix_store(f.fetch, CACHE_OBJECT_MAX + 1, &cachefix_usual),
                     -E2BIG);
    assert_int_equal(cachefix_look("b"), CACHE_PASS);
    cachefix_close();
}

static void t_memory_stays_within_the_bound_and_old_copies_go_first(void **state)
{
    struct cache_stats s;
    char key[16];
    int i;

    (void)state;
    cachefix_open(4 * MB);
    for (i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        cachefix_put(key, 1024, &cachefix_usual);
        assert_in_range(cachefix_bytes(), 1, 4 * MB);
        if (i > 0)
            assert_int_equal(cachefix_look("k0"), CACHE_HIT); /* used all the time */
    }
    cache_read_stats(cachefix.cache, &s);
    assert_true(s.evicted > 5000 && s.copies > 1000 && s.copies + s.evicted == 10000);
    assert_int_equal(cachefix_look("k9999"), CACHE_HIT);
    assert_int_equal(cachefix_look("k1"), CACHE_FETCH);
    cachefix_close();
}

static void t_copies_that_are_being_sent_count_after_they_were_evicted(void **state)
{
    struct cache_copy *held[200];
    struct cache_found f;
    char key[16];
    int i, n = 0;

    (void)state;
    cachefix_open(MB);
    for (i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        if (cachefix_ask(key, &f) != CACHE_FETCH)
            continue; /* its shard is full of copies in use */
        cachefix_store(f.fetch, 20000, &cachefix_usual);
        assert_in_range(cachefix_bytes(), 1, MB);
        if (cachefix_ask(key, &f) == CACHE_HIT)
            held[n++] = f.copy;
    }
    assert_in_range(n, 16, MB / 20000);
    while (n > 0)
        cache_copy_unref(held[--n]);
    cachefix_put("z", 20000, &cachefix_usual);
    assert_int_equal(cachefix_look("z"), CACHE_HIT);
    cachefix_close();
}

static void t_a_lower_bound_holds_at_once_and_a_higher_one_again(void **state)
{
    struct cache_stats s;
    char key[8];
    int i;

    (void)state;
    cachefix_open(MB);
    for (i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "%d", i);
        cachefix_put(key, 1000, &cachefix_usual);
    }
    assert_in_range(cachefix_bytes(), MB / 2, MB);
    cache_set_bytes(cachefix.cache, MB / 4);
    assert_in_range(cachefix_bytes(), MB / 8, MB / 4);
    cachefix_put("500", 1000, &cachefix_usual);
    assert_in_range(cachefix_bytes(), MB / 8, MB / 4);
    cache_read_stats(cachefix.cache, &s);
    assert_int_equal(s.bytes_max, MB / 4);
    assert_int_equal(cachefix_look("500"), CACHE_HIT);
    cache_set_bytes(cachefix.cache, MB);
    for (i = 1000; i < 1500; i++) {
        snprintf(key, sizeof(key), "%d", i);
        cachefix_put(key, 1000, &cachefix_usual);
    }
    assert_in_range(cachefix_bytes(), MB / 2, MB);
    cachefix_close();
}

T_MAIN(T(t_a_stored_response_is_found_whole_while_it_is_fresh),
       T(t_a_copy_outlives_its_place_in_the_cache),
       T(t_a_stale_copy_serves_while_one_request_refreshes),
       T(t_a_stale_copy_serves_all_for_a_second_after_a_failure),
       T(t_a_copy_that_must_be_revalidated_never_serves_stale),
       T(t_a_key_that_was_not_kept_is_passed_for_ten_seconds),
       T(t_a_key_in_use_that_was_not_kept_is_never_waited_for),
       T(t_a_request_that_may_not_fetch_or_wait_is_passed),
       T(t_a_key_that_is_too_long_is_passed),
       T(t_an_object_that_is_too_large_is_not_kept),
       T(t_memory_stays_within_the_bound_and_old_copies_go_first),
       T(t_copies_that_are_being_sent_count_after_they_were_evicted),
       T(t_a_lower_bound_holds_at_once_and_a_higher_one_again))
