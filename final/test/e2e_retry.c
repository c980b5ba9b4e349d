/* Retries: another node, a bound, a budget (F28), by shared memory and by UDP. */
#include "system.h"

#include "api/lars_retry.h"

static char shm[120], conf[300];

static int retry_setup(void **state)
{
    int rc = setup(state);

    snprintf(shm, sizeof(shm), "%s/shm-files", mydb_dir);
    snprintf(conf, sizeof(conf), "[shm]\ndir = %s\nmax_nodes = 4096\n", shm);
    more_conf = conf;
    return rc;
}

static int retry_teardown(void **state)
{
    char cmd[300];

    lars_close(client);
    client = NULL;
    proc_kill(&agent);
    snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, shm);
    assert_int_equal(system(cmd), 0);
    return teardown(state);
}

static void up(bool by_shm)
{
    struct lars_host h;

    if (!by_shm)
        more_conf = "[shm]\ndir =\n";
    start_all();
    T_WAIT(lars_get_host(client, 1, 1, &h) == 0 && by_shm == (h.opaque[2] != 0));
    lars_report(client, &h, 0);
}

/* How many attempts a request makes of which all fail, and how it ends. */
static int fail_all(struct lars_retry *r, int *end)
{
    struct lars_host h;
    int n = 0;

    while ((*end = lars_retry_next(client, r, &h)) == 0) {
        n++;
        assert_int_equal(r->n, n);
        assert_in_range(r->left_ms, 1, r->timeout_ms);
        assert_int_equal(lars_report(client, &h, 1), 0);
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

/* Three nodes, three attempts: each another one, whatever the node's numbers say. */
static void each_attempt_is_another_node(void)
{
    struct lars_retry r = request(NULL);
    int k, end;

    assert_int_equal(fail_all(&r, &end), 3);
    assert_int_equal(end, -ECANCELED);
    for (k = 0; k < 3; k++)
        assert_memory_not_equal(&r.tried[k], &r.tried[(k + 1) % 3], sizeof(r.tried[0]));
}

static void t_each_attempt_is_another_node(void **state)
{
    (void)state;
    mydb_sql("UPDATE RouteData SET weight = 10000 WHERE modid = 1 AND serverip = "
             "INET_ATON('200.1.2.3')"); /* the best one, whenever it is looked at */
    up(true);
    each_attempt_is_another_node();
}

static void t_by_udp_as_well(void **state)
{
    (void)state;
    up(false);
    each_attempt_is_another_node();
}

static void t_what_may_be_done_twice_only(void **state)
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
    assert_int_equal(lars_retry_next(client, &many, &h), -EINVAL);
    other.size = 8;
    assert_int_equal(lars_retry_next(client, &other, &h), -EINVAL);
    r = request(NULL);
    r.timeout_ms = 1;
    assert_int_equal(lars_retry_next(client, &r, &h), 0);
    lars_report(client, &h, 1);
    T_WAIT(lars_retry_next(client, &r, &h) == -ETIME || r.n == 3);
    r = request(NULL);
    r.cmdid = 77;
    assert_int_equal(lars_retry_next(client, &r, &h), -ENOENT);
}

/* F28: every node fails every call. */
static void t_a_budget_bounds_what_fails(void **state)
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
    assert_in_range(attempts, 1100, 1000 + 100 + 10 + s); /* earned, kept, seconds */
    assert_true(refused > 800);
    T_WAIT(total("err_cnt") == (unsigned long long)attempts);
}

#define S(f) cmocka_unit_test_setup_teardown(f, retry_setup, retry_teardown)

MYDB_MAIN(S(t_each_attempt_is_another_node), S(t_by_udp_as_well),
          S(t_what_may_be_done_twice_only), S(t_a_budget_bounds_what_fails))
