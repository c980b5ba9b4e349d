/* Every call ends within its time: the agent is silent, signals arrive, threads share a
 * client, datagrams that answer nothing flood it.  The limits are several times the
 * time-outs, so that a busy machine is no failure; a call that waits anew after each
 * signal, or one thread after the other, is far beyond them. */
#include "api/lars.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "api/lars_nowait.h"
#include "api/lars_retry.h"
#include "api/lars_status.h"
#include "udppeer.h"

#define TIMEOUT_MS 500
#define LIMIT_MS (10 * TIMEOUT_MS)
#define THREADS 24                    /* one after the other: 12 s */

static struct {
    struct lars_client *c;
    int fd;                           /* the port of module 1/1: bound, and not read */
    int port;
    _Atomic uint64_t end_ms;          /* the handler ends the test program then */
    atomic_int n_signals;
    atomic_bool stop;
} fx;

static int setup(void **state)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    struct lars_options opt = {.size = sizeof(opt),
                               .dir = "/nonexistent",
                               .timeout_ms = TIMEOUT_MS};

    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    fx.fd = udppeer_open(0);
    assert_int_equal(getsockname(fx.fd, (struct sockaddr *)&a, &len), 0);
    fx.port = ntohs(a.sin_port);
    opt.port = (uint16_t)(fx.port - 2);
    assert_int_equal(lars_open(&fx.c, &opt), 0);
    return 0;
}

static int teardown(void **state)
{
    lars_close(fx.c);
    close(fx.fd);
    return t_fds_check(state);
}

/* --- signals ------------------------------------------------------------------------ */

static void on_tick(int sig)
{
    (void)sig;
    fx.n_signals++;
    if (t_now_ms() > fx.end_ms)
        _exit(99);                    /* the call does not end */
}

/* SIGALRM every 20 ms. */
static void start_ticks(int flags)
{
    struct sigaction a = {.sa_handler = on_tick, .sa_flags = flags};
    struct itimerval t = {{0, 20000}, {0, 20000}};

    fx.end_ms = t_now_ms() + T_DEADLINE_MS;
    assert_int_equal(sigaction(SIGALRM, &a, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &t, NULL), 0);
}

static void stop_ticks(void)
{
    struct itimerval none = {{0, 0}, {0, 0}};

    setitimer(ITIMER_REAL, &none, NULL);
    signal(SIGALRM, SIG_IGN);         /* the last one may still be on its way */
}

static void each_call_times_out(void)
{
    struct lars_retry r = {.modid = 1, .cmdid = 1, .timeout_ms = TIMEOUT_MS};
    struct lars_host h;
    struct lars_addr a;

    assert_int_equal(lars_get_host(fx.c, 1, 1, &h), -ETIMEDOUT);
    assert_int_equal(lars_get_route(fx.c, 1, 1, &a, 1), -ETIMEDOUT);
    assert_int_equal(lars_register(fx.c, 1, 1), -ETIMEDOUT);
    assert_int_equal(lars_retry_next(fx.c, &r, &h), -ETIMEDOUT);
}

static void t_signals_do_not_prolong_a_call(void **state)
{
    (void)state;
    start_ticks(0);
    each_call_times_out();
    assert_true(fx.n_signals > 0);
    stop_ticks();
}

static void t_signals_that_restart_do_not_prolong_a_call(void **state)
{
    (void)state;
    start_ticks(SA_RESTART);
    each_call_times_out();
    assert_true(fx.n_signals > 0);
    stop_ticks();
}

static void t_signal_interrupts_a_call_that_wants_it(void **state)
{
    const struct lars_get_options o = {.flags = LARS_GET_EINTR,
                                       .timeout_ms = T_DEADLINE_MS};
    struct lars_host h;

    (void)state;
    start_ticks(0);
    assert_int_equal(lars_get_host_opt(fx.c, 1, 1, &o, &h), -EINTR);
    stop_ticks();
}

/* --- the hook <interrupted> --------------------------------------------------------- */

static int n_asked, n_continued;      /* calls of the hook; how many of them return 0 */

static int interrupted(void *arg)
{
    (void)arg;
    return n_asked++ < n_continued ? 0 : -1;
}

/* fx.c becomes a client with the hook; signals arrive. */
static void begin_hook(uint32_t timeout_ms)
{
    const struct lars_hooks hooks = {.size = sizeof(hooks), .interrupted = interrupted};
    struct lars_options opt = {.size = sizeof(opt),
                               .dir = "/nonexistent",
                               .port = (uint16_t)(fx.port - 2),
                               .timeout_ms = timeout_ms,
                               .hooks = &hooks};

    lars_close(fx.c);
    assert_int_equal(lars_open(&fx.c, &opt), 0);
    start_ticks(0);
}

static void t_hook_that_continues_does_not_prolong_a_call(void **state)
{
    (void)state;
    n_asked = 0;
    n_continued = INT_MAX;
    begin_hook(TIMEOUT_MS);
    each_call_times_out();
    assert_true(n_asked > 0);
    stop_ticks();
}

static void t_hook_ends_every_kind_of_wait(void **state)
{
    struct lars_retry r = {.modid = 1, .cmdid = 1, .timeout_ms = T_DEADLINE_MS};
    struct lars_host h;
    struct lars_addr a;

    (void)state;
    n_continued = 2;
    begin_hook(T_DEADLINE_MS);
    n_asked = 0;
    assert_int_equal(lars_get_host(fx.c, 1, 1, &h), -EINTR);
    assert_int_equal(n_asked, 3);
    n_asked = 0;
    assert_int_equal(lars_get_route(fx.c, 1, 1, &a, 1), -EINTR);
    assert_int_equal(n_asked, 3);
    n_asked = 0;
    assert_int_equal(lars_register(fx.c, 1, 1), -EINTR);
    assert_int_equal(n_asked, 3);
    n_asked = 0;
    assert_int_equal(lars_retry_next(fx.c, &r, &h), -EINTR);
    assert_int_equal(n_asked, 3);
    stop_ticks();
}

/* A request that is interrupted more often than its budget has attempts. */
static void t_interrupted_attempt_is_made_again_in_its_time_and_budget(void **state)
{
    struct lars_budget b = {.opaque = {5000, UINT64_MAX}}; /* five of ten are left */
    struct lars_retry r = {.modid = 1,
                           .cmdid = 1,
                           .idempotent = 1,
                           .timeout_ms = T_DEADLINE_MS,
                           .budget = &b};
    struct lars_host h;
    uint64_t end_ms;
    int i;

    (void)state;
    n_continued = 0;
    begin_hook(T_DEADLINE_MS);
    assert_int_equal(lars_retry_next(fx.c, &r, &h), -EINTR);
    end_ms = r.end_ms;
    for (i = 0; i < 12; i++)
        assert_int_equal(lars_retry_next(fx.c, &r, &h), -EINTR);
    assert_int_equal(b.opaque[0], 4900); /* a first attempt has earned once */
    r.n = 1;                          /* as after a first attempt */
    for (i = 0; i < 12; i++)
        assert_int_equal(lars_retry_next(fx.c, &r, &h), -EINTR);
    assert_int_equal(b.opaque[0], 4900);
    assert_int_equal(r.end_ms, end_ms);
    stop_ticks();
}

/* --- threads ------------------------------------------------------------------------ */

static void *one_call(void *arg)
{
    uint64_t start = t_now_ms();
    struct lars_host h;

    if (lars_get_host(fx.c, 1, 1, &h) == -ETIMEDOUT)
        *(uint64_t *)arg = t_now_ms() - start;
    return NULL;
}

static void t_threads_of_one_client_do_not_wait_for_each_other(void **state)
{
    pthread_t t[THREADS];
    uint64_t took[THREADS];
    int i;

    (void)state;
    for (i = 0; i < THREADS; i++) {
        took[i] = UINT64_MAX;
        assert_int_equal(pthread_create(&t[i], NULL, one_call, &took[i]), 0);
    }
    for (i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (i = 0; i < THREADS; i++)
        assert_in_range(took[i], TIMEOUT_MS - 1, LIMIT_MS);
}

/* --- what arrives meanwhile --------------------------------------------------------- */

/* Datagrams that are no reply, to the socket that has asked. */
static void *flood(void *arg)
{
    struct sockaddr_in to;
    socklen_t len = sizeof(to);
    char in[2000];

    (void)arg;
    if (recvfrom(fx.fd, in, sizeof(in), 0, (struct sockaddr *)&to, &len) <= 0)
        return NULL;
    while (!fx.stop)
        sendto(fx.fd, "no reply", 8, MSG_DONTWAIT, (struct sockaddr *)&to, len);
    return NULL;
}

static void t_datagrams_that_answer_nothing_do_not_prolong_a_call(void **state)
{
    uint64_t start = t_now_ms();
    struct lars_host h;
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, flood, NULL), 0);
    assert_int_equal(lars_get_host(fx.c, 1, 1, &h), -ETIMEDOUT);
    assert_in_range(t_now_ms() - start, 0, LIMIT_MS);
    fx.stop = true;
    pthread_join(t, NULL);
}

static void t_report_does_not_wait_for_an_agent_that_does_not_read(void **state)
{
    struct lars_host h = {.addr = {AF_INET, 80, {10, 0, 0, 1}}, .modid = 1, .cmdid = 1};
    uint64_t start = t_now_ms();
    int i, rc;

    (void)state;
    for (i = 0; i < 5000; i++) {
        rc = lars_report(fx.c, &h, 0);
        assert_true(rc == 0 || rc == -ENOBUFS);
    }
    assert_in_range(t_now_ms() - start, 0, T_DEADLINE_MS);
}

/* --- one call's own time ------------------------------------------------------------ */

static void t_call_has_a_time_of_its_own(void **state)
{
    struct lars_get_options o = {.timeout_ms = 20};
    uint64_t start;
    struct lars_host h;
    int i;

    (void)state;
    start = t_now_ms();
    for (i = 0; i < 20; i++)          /* 10 s with the time-out of the client */
        assert_int_equal(lars_get_host_opt(fx.c, 1, 1, &o, &h), -ETIMEDOUT);
    assert_in_range(t_now_ms() - start, 20 * 20 - 20, LIMIT_MS);
}

static void t_request_with_attempts_does_not_wait_beyond_its_time(void **state)
{
    struct lars_retry r;
    struct lars_host h;
    uint64_t start = t_now_ms();
    int i;

    (void)state;
    for (i = 0; i < 20; i++) {
        r = (struct lars_retry){.modid = 1, .cmdid = 1, .timeout_ms = 20};
        assert_int_equal(lars_retry_next(fx.c, &r, &h), -ETIMEDOUT);
    }
    assert_in_range(t_now_ms() - start, 0, LIMIT_MS);
}

static void t_call_that_must_not_wait_does_not(void **state)
{
    struct lars_host h;
    int i;

    (void)state;
    for (i = 0; i < 1000; i++)        /* 500 s if each of them waited */
        assert_int_equal(lars_nowait_get(fx.c, 1, 1, 0, &h), -ENOTCONN);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_signals_do_not_prolong_a_call),
       E(t_signals_that_restart_do_not_prolong_a_call),
       E(t_signal_interrupts_a_call_that_wants_it),
       E(t_hook_that_continues_does_not_prolong_a_call),
       E(t_hook_ends_every_kind_of_wait),
       E(t_interrupted_attempt_is_made_again_in_its_time_and_budget),
       E(t_threads_of_one_client_do_not_wait_for_each_other),
       E(t_datagrams_that_answer_nothing_do_not_prolong_a_call),
       E(t_report_does_not_wait_for_an_agent_that_does_not_read),
       E(t_call_has_a_time_of_its_own),
       E(t_request_with_attempts_does_not_wait_beyond_its_time),
       E(t_call_that_must_not_wait_does_not))
