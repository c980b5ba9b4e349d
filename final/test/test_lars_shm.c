/* A client and the shared memory of an agent that the test plays: why lars_status() says
 * that shared memory cannot be used, how often the log hook is called, and the ticket of
 * a node on trial. */
#include "api/lars.h"

#include <sys/stat.h>

#include "base/heartbeat.h"
#include "lib/shmclient.h"
#include "route/routefile.h"
#include "shmem/segment_private.h"

#define OTHER_USER 65534

/* --- why not ------------------------------------------------------------------------ */

static struct lars_status status_of_a_new_client(void)
{
    struct lars_client *c = shmclient_open(NULL);
    struct lars_status s = {.size = sizeof(s)};

    assert_int_equal(lars_status(c, &s), 0);
    lars_close(c);
    return s;
}

static void t_status_of_a_working_client_has_no_reason(void **state)
{
    struct lars_status s = status_of_a_new_client();

    (void)state;
    assert_int_equal(s.shm_error, 0);
    assert_int_equal(s.path, LARS_PATH_SHM);
    assert_string_equal(s.shm_why, "");
}

/* In a child that is another user.  Its exit status is 0 when all is as it should be. */
static int status_as_other_user(void)
{
    struct lars_options o = {.size = sizeof(o), .dir = shmclient_dir, .port = 9};
    struct lars_status s = {.size = sizeof(s)};
    struct lars_client *c;

    if (setgid(OTHER_USER) == -1 || setuid(OTHER_USER) == -1)
        return 1;
    if (lars_open(&c, &o) < 0 || lars_status(c, &s) < 0)
        return 2;
    if (s.shm_error != -EACCES || s.path == LARS_PATH_SHM)
        return 3;
    if (strncmp(s.shm_file, shmclient_shm, strlen(shmclient_shm)) != 0 ||
        !strstr(s.shm_why, s.shm_file))
        return 4;
    return strstr(s.shm_why, "group") ? 0 : 5;
}

static void t_status_of_another_user_names_the_file_and_the_group(void **state)
{
    int *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    (void)state;
    assert_ptr_not_equal(result, MAP_FAILED);
    *result = -1;
    if (geteuid() != 0)
        skip();
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        *result = status_as_other_user();
        kill(getpid(), SIGKILL);      /* valgrind looks for no leaks in the child */
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(*result, 0);
    munmap(result, sizeof(*result));
}

static void t_status_says_that_all_call_logs_are_taken(void **state)
{
    struct lars_status s;
    int i;

    (void)state;
    for (i = 0; i < SEGMENT_CLIENT_LOGS; i++)
        shmfix_seg->counters->claim[i] = 1;
    s = status_of_a_new_client();
    assert_int_equal(s.shm_error, -EUSERS);
    assert_int_not_equal(s.path, LARS_PATH_SHM);
    assert_non_null(strstr(s.shm_why, "have taken all call logs"));
    shmfix_seg->counters->claim[7] = 0;
    assert_int_equal(status_of_a_new_client().shm_error, 0);
}

static void t_status_says_that_the_agent_has_another_layout(void **state)
{
    struct lars_status s;

    (void)state;
    shmfix_seg->meta->major++;
    s = status_of_a_new_client();
    assert_int_equal(s.shm_error, -EPROTO);
    assert_int_not_equal(s.path, LARS_PATH_SHM);
    assert_non_null(strstr(s.shm_why, "another layout"));
    assert_non_null(strstr(s.shm_why, s.shm_file));
}

/* --- the log hook ------------------------------------------------------------------- */

static void count_line(void *arg, enum lars_level level, const char *text)
{
    unsigned *n = arg;

    (void)text;
    n[level]++;
}

/* Module 1/1 is in shared memory, module 9/9 in the file of routes only, so the way
 * changes with each call. */
static void t_log_hook_is_called_at_most_once_a_second(void **state)
{
    unsigned n[2] = {0, 0};
    const struct lars_hooks hooks = {.size = sizeof(hooks), .arg = n, .log = count_line};
    struct route_row row = {9, 9, {0x7f000001, 80, 0, 0}};
    struct heartbeat *h;
    struct lars_client *c;
    struct lars_host host;
    uint64_t start_ms = mono_ms(), calls = 0;

    (void)state;
    assert_int_equal(heartbeat_create(&h, shmclient_beat), 0);
    heartbeat_close(h);               /* of an agent that has ended */
    assert_int_equal(routefile_write(shmclient_routes, &row, 1, 1), 0);
    assert_true(shmfix_publish(1, 0, 3) >= 0);
    c = shmclient_open(&hooks);
    T_WAIT((assert_int_equal(lars_get_host(c, 1, 1, &host), 0),
            assert_int_equal(lars_get_host(c, 9, 9, &host), 1), calls++,
            n[LARS_LEVEL_INFO] + n[LARS_LEVEL_WARNING] >= 3));
    assert_true(n[0] + n[1] <= 1 + (mono_ms() - start_ms) / 1000);
    assert_true(calls > 3);
    lars_close(c);
}

/* --- a node on trial ---------------------------------------------------------------- */

static void t_cancelled_trial_call_gives_its_ticket_back(void **state)
{
    _Atomic uint32_t *cost = node_table_costs(shmfix_seg);
    struct lars_client *c;
    struct lars_host h;
    int i;

    (void)state;
    assert_true(shmfix_publish(1, 0, 3) >= 0);
    for (i = 0; i < 3; i++)
        cost[i] = 1000;
    cost[1] = NODE_OUT | NODE_TRIAL | EJECT_STREAK;
    c = shmclient_open(NULL);
    for (i = 0; i < 3; i++) {
        assert_int_equal(lars_get_host(c, 1, 1, &h), 0);
        assert_int_equal((uint32_t)h.opaque[1], 1);
        assert_int_equal(lars_cancel(c, &h), 0);
        assert_int_equal(node_table_counters(shmfix_seg)[1].ejected_until_ms, 0);
    }
    assert_int_equal(lars_get_host(c, 1, 1, &h), 0);
    assert_int_equal(lars_report(c, &h, 0), 0);
    assert_true(node_table_counters(shmfix_seg)[1].ejected_until_ms > 0);
    lars_close(c);
}

/* Another call has the ticket by now. */
static void t_cancelled_trial_call_gives_no_other_ticket_back(void **state)
{
    _Atomic uint32_t *cost = node_table_costs(shmfix_seg);
    struct node_counter *n = &node_table_counters(shmfix_seg)[0];
    struct lars_client *c;
    struct lars_host h;
    uint64_t later_ms;

    (void)state;
    assert_true(shmfix_publish(1, 0, 1) >= 0);
    cost[0] = NODE_OUT | NODE_TRIAL | EJECT_STREAK;
    c = shmclient_open(NULL);
    assert_int_equal(lars_get_host(c, 1, 1, &h), 0);
    later_ms = n->ejected_until_ms + 5000;
    n->ejected_until_ms = later_ms;
    assert_int_equal(lars_cancel(c, &h), 0);
    assert_int_equal(n->ejected_until_ms, later_ms);
    lars_close(c);
}

T_MAIN(SHMCLIENT_TEST(t_status_of_a_working_client_has_no_reason),
       SHMCLIENT_TEST(t_status_of_another_user_names_the_file_and_the_group),
       SHMCLIENT_TEST(t_status_says_that_all_call_logs_are_taken),
       SHMCLIENT_TEST(t_status_says_that_the_agent_has_another_layout),
       SHMCLIENT_TEST(t_log_hook_is_called_at_most_once_a_second),
       SHMCLIENT_TEST(t_cancelled_trial_call_gives_its_ticket_back),
       SHMCLIENT_TEST(t_cancelled_trial_call_gives_no_other_ticket_back))
