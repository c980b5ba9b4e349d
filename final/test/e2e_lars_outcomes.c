/* How a call ended: a cancelled call takes back its in-flight count and counts as neither
 * success nor failure, a rejected one never ejects its node, each call ends once; with
 * real programs, by shared memory and by UDP.  lars_status() and the ended hook have the
 * same numbers as the calls that were made. */
#include "lib/proc_stop.h"
#include "lib/system.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/lars_status.h"
#include "api/lars_tally.h"
#include "lb/node.h"
#include "shmem/node_table.h"

#define NODES 6
#define EACH 60 /* calls of each node; 60 failures eject one */

static atomic_int n_hook[LARS_OUTCOMES];
static uint64_t n_first; /* calls that the set-up made and reported */

static void six_nodes(void)
{
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
               "(1,1,INET_ATON('127.0.1.3'),80), (1,1,INET_ATON('127.0.1.4'),80), "
               "(1,1,INET_ATON('127.0.1.5'),80)");
    memset(n_hook, 0, sizeof(n_hook));
}

static int setup_shm(void **state)
{
    int rc = system_setup_shm(state);

    six_nodes();
    return rc;
}

static int setup_udp(void **state)
{
    int rc = system_setup(state);

    six_nodes();
    return rc;
}

static bool a_node_is_out(void)
{
    uint32_t i;

    for (i = 0; i < node_table_count(sys.seg); i++)
        if (node_table_costs(sys.seg)[i] >= NODE_OUT)
            return true;
    return false;
}

static struct lars_host begin(void)
{
    struct lars_host h;

    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
    return h;
}

/* <NODES> * <EACH> calls; all are in flight at once in groups of <NODES>, so each node
 * gets its part of them. */
static void end_all(enum lars_outcome outcome)
{
    struct lars_host h[NODES];
    int i, k;

    for (i = 0; i < EACH; i++) {
        for (k = 0; k < NODES; k++)
            h[k] = begin();
        for (k = 0; k < NODES; k++)
            assert_int_equal(lars_end(sys.client, &h[k], outcome), 0);
    }
}

static struct lars_status status(void)
{
    struct lars_status s = {.size = sizeof(s)};

    assert_int_equal(lars_status(sys.client, &s), 0);
    return s;
}

static uint64_t sum(const uint64_t *n, int count)
{
    uint64_t all = 0;

    while (count-- > 0)
        all += n[count];
    return all;
}

/* --- shared memory ------------------------------------------------------------------ */

static void t_cancelled_call_is_not_in_flight_and_counts_as_nothing(void **state)
{
    struct lars_host h;

    (void)state;
    n_first = system_start_shm();
    h = begin();
    assert_false(system_none_in_flight());
    assert_int_equal(lars_cancel(sys.client, &h), 0);
    assert_true(system_none_in_flight());
    system_make_calls_shm(sys.client, 10, 0);
    system_check_totals(n_first + 10, 0);
}

static void t_cancelled_calls_eject_no_node(void **state)
{
    (void)state;
    n_first = system_start_shm();
    end_all(LARS_CANCELLED);
    assert_true(system_none_in_flight());
    system_make_calls_shm(sys.client, 10, 0);
    system_check_totals(n_first + 10, 0);
    assert_false(a_node_is_out());
}

static void t_rejected_calls_eject_no_node_and_are_no_failures(void **state)
{
    (void)state;
    n_first = system_start_shm();
    end_all(LARS_REJECTED);
    assert_true(system_none_in_flight());
    system_check_totals(n_first + NODES * EACH, 0);
    assert_false(a_node_is_out());
}

/* One node refuses all calls, the others none.  Returns its share of <NODES> * <EACH>. */
static int calls_that_are_rejected(void)
{
    int i, of_it = 0;

    for (i = 0; i < NODES * EACH; i++) {
        struct lars_host h = begin();
        bool it = h.addr.ip[0] == 224;

        of_it += it;
        assert_int_equal(lars_end(sys.client, &h, it ? LARS_REJECTED : LARS_WELL), 0);
    }
    return of_it;
}

static void t_nodes_that_do_not_reject_are_preferred(void **state)
{
    (void)state;
    (void)system_start_shm();
    T_WAIT(calls_that_are_rejected() < EACH / 4); /* an equal share would be EACH */
}

static void t_call_ends_once_whatever_its_outcome(void **state)
{
    enum lars_outcome first, second;

    (void)state;
    (void)system_start_shm();
    for (first = 0; first < LARS_OUTCOMES; first++)
        for (second = 0; second < LARS_OUTCOMES; second++) {
            struct lars_host h = begin();

            assert_int_equal(lars_end(sys.client, &h, first), 0);
            assert_int_equal(lars_end(sys.client, &h, second), -EALREADY);
        }
    assert_true(system_none_in_flight());
}

struct ending {
    struct lars_host h;
    enum lars_outcome outcome;
    int rc;
};

static void *end_it(void *arg)
{
    struct ending *e = arg;

    e->rc = lars_end(sys.client, &e->h, e->outcome);
    return NULL;
}

static void t_each_outcome_may_come_from_another_thread(void **state)
{
    struct ending e;
    pthread_t t;

    (void)state;
    n_first = system_start_shm();
    for (e.outcome = 0; e.outcome < LARS_OUTCOMES; e.outcome++) {
        e.h = begin();
        assert_int_equal(pthread_create(&t, NULL, end_it, &e), 0);
        pthread_join(t, NULL);
        assert_int_equal(e.rc, 0);
        assert_int_equal(lars_end(sys.client, &e.h, e.outcome), -EALREADY);
    }
    assert_true(system_none_in_flight());
    system_check_totals(n_first + 2, 1); /* well, rejected; failed; not cancelled */
}

static void t_call_that_is_open_at_close_is_not_in_flight(void **state)
{
    (void)state;
    (void)system_start_shm();
    (void)begin();
    (void)begin();
    assert_false(system_none_in_flight());
    lars_close(sys.client);
    sys.client = NULL;
    T_WAIT(system_none_in_flight());
}

/* --- UDP ---------------------------------------------------------------------------- */

static void t_cancelled_calls_by_udp_count_as_nothing(void **state)
{
    (void)state;
    system_start();
    end_all(LARS_CANCELLED);
    assert_int_equal(system_make_calls(1), 1);
    system_check_totals(1, 0);
}

static void t_rejected_calls_by_udp_are_no_failures(void **state)
{
    (void)state;
    system_start();
    end_all(LARS_REJECTED);
    system_check_totals(NODES * EACH, 0);
}

/* --- lars_status(), hooks ----------------------------------------------------------- */

static void on_ended(void *arg, const struct lars_ended *e)
{
    assert_ptr_equal(arg, n_hook);
    assert_int_equal(e->host->modid, 1);
    assert_int_equal(e->host->cmdid, 1);
    assert_true(e->took_us < T_DEADLINE_MS * 1000);
    assert_int_equal(e->path, system_is_by_shm(e->host) ? LARS_PATH_SHM : LARS_PATH_UDP);
    n_hook[e->outcome]++;
}

static void open_with(void *arg, void (*ended)(void *, const struct lars_ended *))
{
    const struct lars_hooks hooks = {.size = sizeof(hooks), .arg = arg, .ended = ended};
    struct lars_options o = {.size = sizeof(o),
                             .dir = sys.dir,
                             .port = (uint16_t)sys.agentd.port,
                             .timeout_ms = 5000,
                             .hooks = &hooks};

    lars_close(sys.client);
    sys.client = NULL;
    assert_int_equal(lars_open(&sys.client, &o), 0);
}

static void end_some(void)
{
    enum lars_outcome outcome;
    unsigned i;

    for (outcome = 0; outcome < LARS_OUTCOMES; outcome++)
        for (i = 0; i <= (unsigned)outcome; i++) {
            struct lars_host h = begin();

            assert_int_equal(lars_end(sys.client, &h, outcome), 0);
        }
}

/* 1 well, 2 failed, 3 rejected, 4 cancelled; 2 are open. */
static void expect_counters(enum lars_path path)
{
    struct lars_status s;
    int i;

    open_with(n_hook, on_ended);
    end_some();
    (void)begin();
    (void)begin();
    s = status();
    assert_int_equal(s.path, path);
    assert_int_equal(s.begun[path], 12);
    assert_int_equal(sum(s.begun, LARS_PATHS), 12);
    for (i = 0; i < LARS_OUTCOMES; i++) {
        assert_int_equal(s.ended[i], i + 1);
        assert_int_equal(n_hook[i], i + 1);
    }
    assert_int_equal(sum(s.took, LARS_BUCKETS), 1 + 2); /* well and failed */
}

static void t_tally_has_each_call_by_its_node(void **state)
{
    struct lars_tally *t = lars_tally_new(NODES);
    struct lars_tally_node out[NODES + 1];
    uint64_t n[LARS_OUTCOMES] = {0};
    unsigned i, k, nodes;

    (void)state;
    assert_non_null(t);
    (void)system_start_shm();
    open_with(t, lars_tally_ended);
    end_some();
    nodes = lars_tally_read(t, out, NODES + 1);
    assert_in_range(nodes, 1, NODES);
    for (i = 0; i < nodes; i++) {
        assert_int_equal(out[i].addr.family, AF_INET);
        assert_int_equal(out[i].modid, 1);
        for (k = 0; k < LARS_OUTCOMES; k++)
            n[k] += out[i].ended[k];
    }
    for (k = 0; k < LARS_OUTCOMES; k++)
        assert_int_equal(n[k], k + 1);
    lars_close(sys.client);
    sys.client = NULL;
    lars_tally_free(t);
}

static void t_status_and_hook_count_each_call_by_shm(void **state)
{
    struct lars_host h;

    (void)state;
    (void)system_start_shm();
    expect_counters(LARS_PATH_SHM);
    assert_int_equal(status().shm_error, 0);
    assert_int_equal(status().agent_alive, 1);
    assert_string_equal(status().shm_why, "");
    h = begin();
    assert_int_equal(lars_report(sys.client, &h, 0), 0);
    assert_int_equal(lars_report(sys.client, &h, 0), -EALREADY);
    assert_int_equal(n_hook[LARS_WELL], 2); /* none for the second end */
    assert_int_equal(status().ended[LARS_WELL], 2);
}

static void t_status_and_hook_count_each_call_by_udp(void **state)
{
    (void)state;
    system_start();
    expect_counters(LARS_PATH_UDP);
    assert_int_equal(status().shm_error, -ENOENT);
}

static void t_status_names_a_damaged_file(void **state)
{
    struct lars_client *c;
    struct lars_status s = {.size = sizeof(s)};
    char path[200];

    (void)state;
    (void)system_start_shm();
    snprintf(path, sizeof(path), "%s/meta", sys.shm);
    proc_stop(&sys.agentd); /* it would make the file anew */
    assert_int_equal(truncate(path, 1), 0);
    c = system_another_client();
    assert_int_equal(lars_status(c, &s), 0);
    assert_int_equal(s.path, LARS_PATH_UDP);
    assert_true(s.shm_error < 0);
    assert_string_not_equal(s.shm_file, "");
    assert_non_null(strstr(s.shm_why, s.shm_file));
    lars_close(c);
    proc_continue(&sys.agentd);
}

#define SHM(fn) cmocka_unit_test_setup_teardown(fn, setup_shm, system_teardown)
#define UDP(fn) cmocka_unit_test_setup_teardown(fn, setup_udp, system_teardown)

TESTDB_MAIN(SHM(t_cancelled_call_is_not_in_flight_and_counts_as_nothing),
            SHM(t_cancelled_calls_eject_no_node),
            SHM(t_rejected_calls_eject_no_node_and_are_no_failures),
            SHM(t_nodes_that_do_not_reject_are_preferred),
            SHM(t_call_ends_once_whatever_its_outcome),
            SHM(t_each_outcome_may_come_from_another_thread),
            SHM(t_call_that_is_open_at_close_is_not_in_flight),
            UDP(t_cancelled_calls_by_udp_count_as_nothing),
            UDP(t_rejected_calls_by_udp_are_no_failures),
            SHM(t_status_and_hook_count_each_call_by_shm),
            SHM(t_tally_has_each_call_by_its_node),
            UDP(t_status_and_hook_count_each_call_by_udp),
            SHM(t_status_names_a_damaged_file))
