/* One request fetches and others wait: which are woken, and what threads find. */
#include <pthread.h>

#include "lib/cachefix.h"

static void t_one_request_fetches_and_the_others_are_woken_once(void **state)
{
    struct cache_found first, f[50];
    struct cache_ask a = {.key = "a",
                          .len = 1,
                          .now_ms = cachefix.now_ms,
                          .may_fetch = true,
                          .may_wait = true,
                          .wake = cachefix_count_wake};
    int i;

    (void)state;
    cachefix_open(MB);
    cachefix.n_woken = 0;
    cache_find(cachefix.cache, &a, &first);
    for (i = 0; i < 50; i++) {
        a.loop = (unsigned)i % 2;
        cache_find(cachefix.cache, &a, &f[i]);
        assert_int_equal(f[i].result, CACHE_WAIT);
    }
    assert_int_equal(cachefix.n_woken, 0);
    cachefix_store(first.fetch, 10, &cachefix_usual);
    T_WAIT(cachefix.n_woken == 50);
    assert_int_equal(cachefix_look("a"), CACHE_HIT);
    cachefix_close();
    assert_int_equal(cachefix.n_woken, 50);
}

static void t_when_the_request_that_fetches_has_gone_another_one_fetches(void **state)
{
    struct cache_found f, g;

    (void)state;
    cachefix_open(MB);
    cachefix.n_woken = 0;
    cachefix_ask("a", &f);
    assert_int_equal(cachefix_ask("a", &g), CACHE_WAIT);
    cache_fetch_end(f.fetch, CACHE_DROPPED, cachefix.now_ms);
    T_WAIT(cachefix.n_woken == 1);
    assert_int_equal(cachefix_look("a"), CACHE_FETCH);
    cachefix_close();
}

static void t_a_wait_that_was_left_is_not_woken(void **state)
{
    struct cache_found f, w[3];
    int i;

    (void)state;
    cachefix_open(MB);
    cachefix.n_woken = 0;
    cachefix_ask("a", &f);
    for (i = 0; i < 3; i++)
        assert_int_equal(cachefix_ask("a", &w[i]), CACHE_WAIT);
    cache_wait_end(w[1].wait);
    cachefix_store(f.fetch, 1, &cachefix_usual);
    T_WAIT(cachefix.n_woken == 2);
    cachefix_close();
    assert_int_equal(cachefix.n_woken, 2);
}

/* A wait that is left between its wake-up and its task: in the loop, as visitors do. */
static struct cache_found first_wait, second_wait;

static void leave_the_other(void *arg)
{
    struct cache_found *other = arg;

    cachefix.n_woken++;
    if (other->wait)
        cache_wait_end(other->wait);
    first_wait.wait = second_wait.wait = NULL;
}

static void t_a_wait_may_be_left_when_its_task_is_posted(void **state)
{
    struct cache_ask a = {.key = "a",
                          .len = 1,
                          .now_ms = cachefix.now_ms,
                          .may_fetch = true,
                          .may_wait = true,
                          .wake = leave_the_other};
    struct cache_found f;

    (void)state;
    cachefix_open(MB);
    cachefix.n_woken = 0;
    cachefix_ask("a", &f);
    a.arg = &second_wait;
    cache_find(cachefix.cache, &a, &first_wait);
    a.arg = &first_wait;
    cache_find(cachefix.cache, &a, &second_wait);
    cache_fetch_end(f.fetch, CACHE_FAILED, cachefix.now_ms);
    T_WAIT(cachefix.n_woken == 1);
    cachefix_close();
    assert_int_equal(cachefix.n_woken, 1);
}

static void t_waits_that_were_not_woken_are_freed_with_the_pool(void **state)
{
    struct cache_found f, w;

    (void)state;
    cachefix_open(MB);
    cachefix.n_woken = 0;
    cachefix_ask("a", &f);
    cachefix_ask("a", &w);
    looppool_stop(cachefix.pool);
    cache_fetch_end(f.fetch, CACHE_DROPPED, cachefix.now_ms);
    cache_wait_end(w.wait);
    cachefix_close();
    assert_int_equal(cachefix.n_woken, 0);
}

/* --- threads ------------------------------------------------------------------------ */

static atomic_int n_fetching[8], n_fetches, n_errors;

static void use_key(unsigned k, unsigned step)
{
    char key[2] = {(char)('a' + k), 0};
    struct cache_ask a = {.key = key,
                          .len = 1,
                          .now_ms = cachefix.now_ms + step,
                          .may_fetch = true,
                          .may_wait = false};
    struct cache_found f;

    cache_find(cachefix.cache, &a, &f);
    if (f.copy && f.copy->body_len > 0 && f.copy->body[f.copy->body_len - 1] != 'x')
        n_errors++;
    if (f.fetch) {
        n_fetches++;
        if (n_fetching[k]++ != 0)
            n_errors++;
        n_fetching[k]--;
        if (step % 7 == 0)
            cache_fetch_end(f.fetch, CACHE_DROPPED, a.now_ms);
        else if (cache_fetch_body(f.fetch, "xxxx", 4) == 0)
            cache_fetch_end(f.fetch, CACHE_KEPT, a.now_ms);
        else
            cache_fetch_end(f.fetch, CACHE_NOT_KEPT, a.now_ms);
    }
    cache_copy_unref(f.copy);
}

static void *use_keys(void *arg)
{
    unsigned i;

    for (i = 0; i < 20000; i++)
        use_key((i + *(unsigned *)arg) % 8, i);
    return NULL;
}

static void t_threads_share_the_cache_and_one_at_a_time_fetches_a_key(void **state)
{
    unsigned offset[4] = {0, 1, 2, 3}, i;
    pthread_t thread[4];

    (void)state;
    cachefix_open(MB);
    n_errors = n_fetches = 0;
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, use_keys, &offset[i]), 0);
    for (i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(n_errors, 0);
    assert_true(n_fetches > 100);
    cachefix_close();
}

T_MAIN(T(t_one_request_fetches_and_the_others_are_woken_once),
       T(t_when_the_request_that_fetches_has_gone_another_one_fetches),
       T(t_a_wait_that_was_left_is_not_woken),
       T(t_a_wait_may_be_left_when_its_task_is_posted),
       T(t_waits_that_were_not_woken_are_freed_with_the_pool),
       T(t_threads_share_the_cache_and_one_at_a_time_fetches_a_key))
