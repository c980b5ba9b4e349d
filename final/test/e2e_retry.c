/* Retries with lars_retry_next(): each attempt gets another node, attempts and time are
 * bounded, and a budget limits the retries of a program when every call fails (fault
 * F28).  By shared memory and by UDP. */
#include "lib/system.h"

#include "api/lars_retry.h"

static void up(bool by_shm)
{
    struct lars_host h;

    if (by_shm)
        system_agentd_conf("[shm]\ndir = %s\nmax_nodes = 4096\n", sys.shm);
    system_start();
    T_WAIT(lars_get_host(sys.client, 1, 1, &h) == 0 && by_shm == system_is_by_shm(&h));
    lars_report(sys.client, &h, 0);
}

/* Reports every attempt of a request as a failure.  Returns the number of attempts, and
 * in <*end> the error that ended them. */
static int fail_all(struct lars_retry *r, int *end)
{
    struct lars_host h;
    int n = 0;

    while ((*end = lars_retry_next(sys.client, r, &h)) == 0) {
        n++;
        assert_int_equal(r->n, n);
        assert_in_range(r->left_ms, 1, r->timeout_ms);
        assert_int_equal(lars_report(sys.client, &h, 1), 0);
    }
    return n;
}

static struct lars_retry request(struct lars_budget *b)
{
    return (struct lars_retry){.size = sizeof(struct lars_retry),
                               .modid = 1,
                               .cmdid = 1,
                               .timeout_ms = 60000,
                               .idempotent = 1,
                               .budget = b};
}

/* There are three nodes, so three attempts use each of them once, also when one is much
 * better than the others. */
static void expect_three_nodes(void)
{
    struct lars_retry r = request(NULL);
    int k, end;

    assert_int_equal(fail_all(&r, &end), 3);
    assert_int_equal(end, -ECANCELED);
    for (k = 0; k < 3; k++)
        assert_memory_not_equal(&r.tried[k], &r.tried[(k + 1) % 3], sizeof(r.tried[0]));
}

static void t_retry_next_gives_another_node_each_time(void **state)
{
    (void)state;
    testdb_sql("UPDATE RouteData SET weight = 10000 WHERE modid = 1 AND serverip = "
               "INET_ATON('224.1.2.3')"); /* always the best choice */
    up(true);
    expect_three_nodes();
}

static void t_retry_next_by_udp_gives_another_node_each_time(void **state)
{
    (void)state;
    up(false);
    expect_three_nodes();
}

static void t_retry_next_refuses_what_may_not_be_retried(void **state)
{
    struct lars_retry r = request(NULL), many = request(NULL), other = request(NULL);
    struct lars_host h;
    int end;

    (void)state;
    up(true);
    r.idempotent = 0;
    assert_int_equal(fail_all(&r, &end), 1);
    assert_int_equal(end, -ECANCELED);
    many.attempts = LARS_RETRY_MAX + 1;
    assert_int_equal(lars_retry_next(sys.client, &many, &h), -EINVAL);
    other.size = 8;
    assert_int_equal(lars_retry_next(sys.client, &other, &h), -EINVAL);
    r = request(NULL);
    r.timeout_ms = 1;
    assert_int_equal(lars_retry_next(sys.client, &r, &h), 0);
    lars_report(sys.client, &h, 1);
    T_WAIT(lars_retry_next(sys.client, &r, &h) == -ETIME || r.n == 3);
    r = request(NULL);
    r.cmdid = 77;
    assert_int_equal(lars_retry_next(sys.client, &r, &h), -ENOENT);
}

/* Every node fails every call: F28. */
static void t_budget_bounds_the_retries(void **state)
{
    struct lars_budget budget = {{0}};
    uint64_t since = t_now_ms(), s;
    int i, attempts = 0, refused = 0, end;

    (void)state;
    up(true);
    for (i = 0; i < 1000; i++) {
        struct lars_retry r = request(&budget);

        attempts += fail_all(&r, &end);
        refused += end == -EDQUOT;
    }
    s = (t_now_ms() - since) / 1000 + 1;
    print_message("chaos: F28 all nodes fail: 1000 requests, %d attempts, %d refused\n",
                  attempts, refused);
    /* first attempts; retries: a tenth of them, the initial budget, one a second */
    assert_in_range(attempts, 1100, 1000 + 100 + 10 + s);
    assert_true(refused > 800);
    T_WAIT(system_total("err_cnt") == (unsigned long long)attempts);
}

#define S(f) cmocka_unit_test_setup_teardown(f, system_setup, system_teardown)

TESTDB_MAIN(S(t_retry_next_gives_another_node_each_time),
            S(t_retry_next_by_udp_gives_another_node_each_time),
            S(t_retry_next_refuses_what_may_not_be_retried),
            S(t_budget_bounds_the_retries))
