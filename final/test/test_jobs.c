/* Every job that was added is done exactly once, however fast the threads are and however
 * late the loop looks, and the number of jobs is bounded. */
#include "web/jobs.h"

#include <stdatomic.h>

#include "loop.h"

#define N_MAX 200

struct item {
    struct job job; /* first */
    _Atomic unsigned n_worked;
    unsigned n_done, n_cancelled;
};

static struct evloop *l;
static struct jobs *p;
static struct item item[N_MAX];
static _Atomic bool closed; /* jobs wait while it is true */

static void work(struct job *j, struct sqldb *db)
{
    assert_non_null(db);
    while (closed)
        poll(NULL, 0, 1);
    atomic_fetch_add(&((struct item *)(void *)j)->n_worked, 1);
}

static void done(struct job *j, bool cancelled)
{
    struct item *it = (struct item *)(void *)j;

    it->n_done++;
    it->n_cancelled += cancelled;
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    memset(item, 0, sizeof(item));
    closed = false;
    p = NULL;
    return evloop_create(&l);
}

static int teardown(void **state)
{
    closed = false;
    jobs_stop(p);
    evloop_destroy(l);
    return t_fds_check(state);
}

static void start(unsigned n, unsigned max)
{
    static const struct myconn_config cfg = {"/nowhere", "", 0, "x", "", "x", 1};

    assert_int_equal(jobs_start(&p, l, &cfg, n, max), 0);
}

static int add(unsigned i)
{
    item[i].job = (struct job){.work = work, .done = done};
    return jobs_add(p, &item[i].job);
}

static unsigned n_done(unsigned n)
{
    unsigned i, sum = 0;

    for (i = 0; i < n; i++) {
        assert_true(item[i].n_done <= 1);
        sum += item[i].n_done;
    }
    return sum;
}

static void t_each_job_is_worked_on_and_done_once(void **state)
{
    unsigned i;

    (void)state;
    start(3, 20);
    for (i = 0; i < 20; i++)
        assert_int_equal(add(i), 0);
    LOOP_UNTIL(l, n_done(20) == 20);
    for (i = 0; i < 20; i++) {
        assert_int_equal(item[i].n_worked, 1);
        assert_int_equal(item[i].n_cancelled, 0);
    }
}

static void t_more_jobs_than_may_wait_are_refused(void **state)
{
    unsigned i, n = 0;

    (void)state;
    closed = true;
    start(2, 4);
    for (i = 0; i < 50; i++)
        if (add(n) == 0)
            n++;
    assert_int_equal(n, 6); /* 4 wait, 2 are worked on */
    assert_int_equal(jobs_n_waiting(p), 6);
    closed = false;
    LOOP_UNTIL(l, n_done(n) == n);
    assert_int_equal(add(n), 0);
    LOOP_UNTIL(l, n_done(n + 1) == n + 1);
}

/* A turn of the loop in which more requests come than the pool may hold, and the threads
 * are faster than the loop. */
static void t_job_that_is_finished_before_the_loop_looks_is_not_lost(void **state)
{
    unsigned i, n = 0;

    (void)state;
    start(1, 2);
    for (i = 0; i < 100; i++) {
        if (add(n) < 0)
            continue;
        T_WAIT(item[n].n_worked == 1);
        n++;
    }
    assert_true(n >= 3);
    LOOP_UNTIL(l, n_done(n) == n);
}

static void t_stop_calls_done_for_what_is_left(void **state)
{
    unsigned i, n_cancelled = 0;

    (void)state;
    closed = true;
    start(1, 10);
    for (i = 0; i < 8; i++)
        assert_int_equal(add(i), 0);
    closed = false;
    jobs_stop(p);
    p = NULL;
    assert_int_equal(n_done(8), 8);
    for (i = 0; i < 8; i++) {
        assert_int_equal(item[i].n_worked + item[i].n_cancelled, 1);
        n_cancelled += item[i].n_cancelled;
    }
    assert_true(n_cancelled <= 8);
}

#define J(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
T_MAIN(J(t_each_job_is_worked_on_and_done_once), J(t_more_jobs_than_may_wait_are_refused),
       J(t_job_that_is_finished_before_the_loop_looks_is_not_lost),
       J(t_stop_calls_done_for_what_is_left))
