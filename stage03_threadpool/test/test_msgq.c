/* The task queue: order, limit, tasks that never run, and many threads at once. */
#include "t.h"

#include <pthread.h>

#include "loop.h"
#include "net/msgq.h"

#define LIMIT (4 * LAB_LIMIT)

static struct evloop *loop;
static struct msgq *q;

static int setup(void **state)
{
    (void)t_fds_save(state);
    q = NULL;
    return evloop_create(&loop) < 0 || msgq_create(&q, loop, LIMIT) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    msgq_destroy(q);
    evloop_destroy(loop);
    return t_fds_check(state);
}

struct seen {
    int n, dropped;
    long order[2000];
    void *user;
};

static struct seen seen;

static void note(void *arg, void *user)
{
    seen.order[seen.n++] = (long)(intptr_t)arg;
    seen.user = user;
}

static void drop(void *arg)
{
    (void)arg;
    seen.dropped++;
}

static int post(long i)
{
    return msgq_post(q, &(struct msgq_task){note, drop, (void *)(intptr_t)i});
}

static void t_post_runs_in_the_loop_in_order_with_its_user(void **state)
{
    int i;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    msgq_set_user(q, &seen);
    for (i = 0; i < LAB_LIMIT; i++)
        assert_int_equal(post(i), 0);
    assert_int_equal(seen.n, 0);
    LOOP_UNTIL(loop, seen.n == LAB_LIMIT);
    for (i = 0; i < LAB_LIMIT; i++)
        assert_int_equal(seen.order[i], i);
    assert_ptr_equal(seen.user, &seen);
    assert_int_equal(seen.dropped, 0);
}

static void t_post_above_the_limit_is_eagain_and_later_fine(void **state)
{
    int i;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    for (i = 0; i < LIMIT; i++)
        assert_int_equal(post(i), 0);
    assert_int_equal(post(LIMIT), -EAGAIN);
    LOOP_UNTIL(loop, seen.n == LIMIT);
    assert_int_equal(post(LIMIT + 1), 0);
    LOOP_UNTIL(loop, seen.n == LIMIT + 1);
    assert_int_equal(seen.order[LIMIT], LIMIT + 1);
    assert_int_equal(seen.dropped, 0);
}

static void t_destroy_drops_what_never_ran(void **state)
{
    int i;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    for (i = 0; i < LAB_COUNT; i++)
        assert_int_equal(post(i), 0);
    msgq_destroy(q);
    q = NULL;
    assert_int_equal(seen.n, 0);
    assert_int_equal(seen.dropped, LAB_COUNT);
}

static void post_again(void *arg, void *user)
{
    note(arg, user);
    if ((intptr_t)arg > 0)
        msgq_post(q, &(struct msgq_task){post_again, NULL, (void *)((intptr_t)arg - 1)});
}

static void t_task_may_post_to_its_own_queue(void **state)
{
    struct msgq_task t = {post_again, NULL, (void *)(intptr_t)LAB_COUNT};

    (void)state;
    memset(&seen, 0, sizeof(seen));
    assert_int_equal(msgq_post(q, &t), 0);
    LOOP_UNTIL(loop, seen.n == LAB_COUNT + 1);
    assert_int_equal(seen.order[LAB_COUNT], 0);
}

#define THREADS 4
#define EACH 20000

static _Atomic int posters, post_error;
static int counted[THREADS], wrong;

static void count(void *arg, void *user)
{
    int who = (int)((intptr_t)arg >> 32), i = (int)((intptr_t)arg & 0xffffffff);

    (void)user;
    wrong += counted[who] != i;           /* tasks of one thread run in order */
    counted[who]++;
}

static void *poster(void *arg)
{
    intptr_t who = (intptr_t)arg, i;

    for (i = 0; i < (t_mode_is("memcheck") ? EACH / 20 : EACH);) {
        struct msgq_task t = {count, NULL, (void *)(who << 32 | i)};
        int rc = msgq_post(q, &t);

        if (rc == 0) {
            i++;
        } else if (rc == -EAGAIN) {
            poll(NULL, 0, 1);             /* full: let the thread of the loop run */
        } else {
            post_error = rc;
            break;
        }
    }
    posters--;
    return NULL;
}

static bool all_ran(int each)
{
    int i;

    for (i = 0; i < THREADS && counted[i] == each; i++)
        continue;
    return i == THREADS;
}

/* With four threads that post at the same time, no wake-up is lost and no task runs
 * twice. */
static void t_many_threads_every_task_runs_once_in_order(void **state)
{
    int each = t_mode_is("memcheck") ? EACH / 20 : EACH, i;
    pthread_t th[THREADS];

    (void)state;
    memset(counted, 0, sizeof(counted));
    wrong = 0;
    post_error = 0;
    posters = THREADS;
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&th[i], NULL, poster, (void *)(intptr_t)i), 0);
    LOOP_UNTIL(loop, posters == 0 && (post_error || all_ran(each)));
    for (i = 0; i < THREADS; i++)
        pthread_join(th[i], NULL);
    assert_int_equal(post_error, 0);
    assert_int_equal(wrong, 0);
}

#define Q(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(Q(t_post_runs_in_the_loop_in_order_with_its_user),
       Q(t_post_above_the_limit_is_eagain_and_later_fine),
       Q(t_destroy_drops_what_never_ran), Q(t_task_may_post_to_its_own_queue),
       Q(t_many_threads_every_task_runs_once_in_order))
