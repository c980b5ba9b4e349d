/* A pool of loops: tasks reach the right thread, and a stop loses none. */
#include "t.h"

#include <pthread.h>
#include <stdatomic.h>

#include "net/looppool.h"

static atomic_int n_run, n_drop;
static _Atomic(void *) who[8];

static void note_thread(void *arg, void *user)
{
    (void)arg;
    *(_Atomic(void *) *)user = (void *)pthread_self();
    n_run++;
}

static void drop(void *arg)
{
    (void)arg;
    n_drop++;
}

static const struct msgq_task task = {note_thread, drop, NULL};

static struct looppool *create(unsigned n)
{
    struct looppool *p = NULL;
    unsigned i;

    n_run = n_drop = 0;
    assert_int_equal(looppool_create(&p, n), 0);
    assert_int_equal(looppool_n(p), n);
    for (i = 0; i < n; i++) {
        who[i] = NULL;
        looppool_set_user(p, i, &who[i]);
    }
    return p;
}

static void t_each_task_runs_in_its_own_thread(void **state)
{
    struct looppool *p = create(4);
    unsigned i, k;

    (void)state;
    assert_int_equal(looppool_start(p), 0);
    for (i = 0; i < 4; i++)
        assert_int_equal(looppool_post(p, i, &task), 0);
    T_WAIT(n_run == 4);
    for (i = 0; i < 4; i++) {
        assert_ptr_not_equal(who[i], (void *)pthread_self());
        for (k = 0; k < i; k++)
            assert_ptr_not_equal(who[i], who[k]);
    }
    looppool_destroy(p);
}

static void t_post_all_reaches_every_thread_once(void **state)
{
    struct looppool *p = create(4);
    int i;

    (void)state;
    assert_int_equal(looppool_start(p), 0);
    assert_int_equal(looppool_post_all(p, &task), 4);
    T_WAIT(n_run == 4);
    for (i = 0; i < 4; i++)
        assert_non_null(who[i]);
    looppool_destroy(p);
    assert_int_equal(n_run, 4);
    assert_int_equal(n_drop, 0);
}

static void t_stop_runs_what_was_posted_before(void **state)
{
    struct looppool *p = create(2);
    int i;

    (void)state;
    assert_int_equal(looppool_start(p), 0);
    for (i = 0; i < 1000; i++)
        assert_int_equal(looppool_post(p, (unsigned)i % 2, &task), 0);
    looppool_stop(p);
    assert_int_equal(n_run, 1000);
    looppool_stop(p);
    looppool_destroy(p);
    assert_int_equal(n_drop, 0);
}

static void t_posted_after_stop_or_never_started_is_dropped(void **state)
{
    struct looppool *p = create(2);

    (void)state;
    assert_int_equal(looppool_start(p), 0);
    looppool_stop(p);
    assert_int_equal(looppool_post_all(p, &task), 2);
    looppool_destroy(p);
    assert_int_equal(n_run, 0);
    assert_int_equal(n_drop, 2);
    p = create(3);
    assert_int_equal(looppool_post_all(p, &task), 3);
    looppool_destroy(p);
    assert_int_equal(n_run, 0);
    assert_int_equal(n_drop, 3);
    looppool_destroy(NULL);
}

/* A full queue refuses the task, and the copy for its thread is dropped at once. */
static void t_post_all_full_queue_drops_its_copy(void **state)
{
    struct looppool *p = create(2);
    int n = 0;

    (void)state;
    while (looppool_post(p, 0, &task) == 0)
        n++;
    assert_int_equal(looppool_post(p, 0, &task), -EAGAIN);
    assert_int_equal(looppool_post_all(p, &task), 1);
    assert_int_equal(n_drop, 1);
    looppool_destroy(p);
    assert_int_equal(n_drop, n + 2);
}

static void t_create_with_no_or_too_many_threads_is_einval(void **state)
{
    struct looppool *p = NULL;

    (void)state;
    assert_int_equal(looppool_create(&p, 0), -EINVAL);
    assert_int_equal(looppool_create(&p, LOOPPOOL_MAX + 1), -EINVAL);
    assert_null(p);
}

static void t_start_and_stop_again_and_again(void **state)
{
    struct looppool *p = create(3);
    int i;

    (void)state;
    for (i = 0; i < 50; i++) {
        assert_int_equal(looppool_start(p), 0);
        assert_int_equal(looppool_post_all(p, &task), 3);
        looppool_stop(p);
        assert_int_equal(n_run, 3 * (i + 1));
    }
    looppool_destroy(p);
}

T_MAIN(T(t_each_task_runs_in_its_own_thread), T(t_post_all_reaches_every_thread_once),
       T(t_stop_runs_what_was_posted_before),
       T(t_posted_after_stop_or_never_started_is_dropped),
       T(t_post_all_full_queue_drops_its_copy),
       T(t_create_with_no_or_too_many_threads_is_einval),
       T(t_start_and_stop_again_and_again))
