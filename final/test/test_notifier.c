/* Alarms reach every kind of target: the robots get text with the meaning, signed where a
 * secret is set; a failure is repeated; what a robot refuses under HTTP 200 is a failure;
 * a target that hangs delays no other and no caller. */
#include "report/notifier.h"

#include "base/log.h"
#include "lib/receiver.h"
#include "report/robot_pace.h"
#include "t.h"

static struct notifier *notifier;

static int setup(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR + 1);
    receiver_start();
    notifier = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    notifier_stop(notifier);
    notifier_stop(NULL);
    receiver_stop();
    return 0;
}

static const struct alarm down = {"node_down", "10.0.0.1:80", "of 1/1: no calls"};

static void url(char *out, size_t room, const char *path)
{
    snprintf(out, room, "http://127.0.0.1:%d%s", receiver.port, path);
}

static void start(const struct notify_config *cfg)
{
    assert_int_equal(notifier_start(&notifier, cfg, 1), 0);
}

static struct notifier_stat stat_now(void)
{
    struct notifier_stat st;

    notifier_stat(notifier, &st);
    return st;
}

static const char *error_of(enum notify_target t)
{
    static struct notifier_result r;

    assert_true(notifier_result(notifier, t, &r));
    return r.error;
}

/* The request that was answered last. */
static const char *last_request(void)
{
    assert_true(receiver.n > 0); /* the atomic orders it before this */
    return receiver.request;
}

static void t_wecom_robot_gets_text_with_the_meaning(void **state)
{
    struct notify_config cfg = {0};

    (void)state;
    url(cfg.wecom, sizeof(cfg.wecom), "/cgi-bin/webhook/send?key=k");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(stat_now().n_sent == 1);
    assert_non_null(strstr(last_request(), "POST /cgi-bin/webhook/send?key=k HTTP/1.1"));
    assert_non_null(strstr(last_request(), "{\"msgtype\": \"text\", \"text\": "
                                           "{\"content\": \"[lars] raised node_down "
                                           "10.0.0.1:80\\nof 1/1: no calls\\n"));
    assert_non_null(strstr(last_request(), "\xe8\x8a\x82\xe7\x82\xb9")); /* node */
}

static void t_webhook_gets_json(void **state)
{
    struct notify_config cfg = {0};

    (void)state;
    url(cfg.webhook, sizeof(cfg.webhook), "/alarm");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(stat_now().n_sent == 1);
    assert_int_equal(strncmp(last_request(), "POST /alarm HTTP/1.1\r\n", 22), 0);
    assert_non_null(strstr(last_request(), "Content-Type: application/json\r\n"));
    assert_non_null(strstr(last_request(),
                           "\r\n\r\n{\"kind\": \"node_down\", \"subject\": "
                           "\"10.0.0.1:80\", \"state\": \"raised\", \"detail\": "
                           "\"of 1/1: no calls\"}"));
    assert_int_equal(stat_now().n_fail, 0);
}

static void t_dingtalk_robot_gets_a_signed_message(void **state)
{
    struct notify_config cfg = {.dingtalk_secret = "SEC1"};

    (void)state;
    url(cfg.dingtalk, sizeof(cfg.dingtalk), "/robot/send?access_token=t");
    start(&cfg);
    notifier_put(notifier, &down, false);
    T_WAIT(stat_now().n_sent == 1);
    assert_non_null(strstr(last_request(), "POST /robot/send?access_token=t&timestamp="));
    assert_non_null(strstr(last_request(), "&sign="));
    assert_non_null(strstr(last_request(), "[lars] cleared node_down 10.0.0.1:80"));
}

/* printf '1600000000000\nSECabc' | openssl dgst -sha256 -hmac SECabc -binary | base64 */
static void t_signature_is_that_of_openssl(void **state)
{
    char out[200];

    (void)state;
    assert_int_equal(notify_send_sign("SECabc", 1600000000000, out, sizeof(out)), 0);
    assert_string_equal(
        out,
        "&timestamp=1600000000000&sign=ABcUcMOwyGGKmiNbHqEbhvKpuIGkMXqT1gAGfAAmnk8%3D");
    assert_int_equal(notify_send_sign("SECabc", 1600000000000, out, 30), -ENOBUFS);
}

static void t_errcode_under_status_200_is_a_failure_and_is_repeated(void **state)
{
    struct notify_config cfg = {0};

    (void)state;
    receiver.answer = "{\"errcode\": 45009, \"errmsg\": \"api freq out of limit\"}";
    url(cfg.wecom, sizeof(cfg.wecom), "/");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(stat_now().n_fail >= 2);
    assert_int_equal(stat_now().n_sent, 0);
    assert_string_equal(error_of(NOTIFY_WECOM), "errcode 45009: api freq out of limit");
    receiver.answer = "{\"errcode\": 0}";
    T_WAIT(stat_now().n_sent == 1);
    assert_string_equal(error_of(NOTIFY_WECOM), "");
    assert_int_equal(stat_now().n_dropped, 0);
}

static void t_target_that_fails_for_long_is_given_up(void **state)
{
    struct notify_config cfg = {0};

    (void)state;
    receiver.answer = "no JSON";
    url(cfg.dingtalk, sizeof(cfg.dingtalk), "/");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(stat_now().n_dropped == 1);
    assert_int_equal(stat_now().n_fail, 8);
    assert_string_equal(error_of(NOTIFY_DINGTALK),
                        "the answer has no errcode: the address is no robot's");
}

static void t_reason_of_a_failure_is_known_for_each_target(void **state)
{
    struct notify_config cfg = {.exec = "/bin/false",
                                .webhook = "http://127.0.0.1:1/secret"};
    struct notifier_result r;

    (void)state;
    receiver.answer = "{\"errcode\": 310000, \"errmsg\": \"sign not match\"}";
    url(cfg.dingtalk, sizeof(cfg.dingtalk), "/robot/send?access_token=t");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(stat_now().n_dropped == 3);
    assert_string_equal(error_of(NOTIFY_EXEC), "exit status 1");
    assert_string_equal(error_of(NOTIFY_DINGTALK), "errcode 310000: sign not match");
    assert_true(error_of(NOTIFY_WEBHOOK)[0] != '\0');
    assert_null(strstr(error_of(NOTIFY_WEBHOOK), "secret"));
    assert_true(notifier_result(notifier, NOTIFY_EXEC, &r));
    assert_int_equal(r.n_try, 8);
    assert_false(notifier_result(notifier, NOTIFY_WECOM, &r));
}

static void t_http_status_is_the_reason_of_a_failure(void **state)
{
    struct notify_config cfg = {0};

    (void)state;
    receiver.status = "503 Service Unavailable";
    url(cfg.wecom, sizeof(cfg.wecom), "/");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(stat_now().n_dropped == 1);
    assert_string_equal(error_of(NOTIFY_WECOM), "HTTP status 503");
}

static void t_test_message_is_marked_and_goes_to_one_target(void **state)
{
    struct notify_config cfg = {.exec = "/bin/true"};

    (void)state;
    url(cfg.wecom, sizeof(cfg.wecom), "/");
    start(&cfg);
    notifier_test(notifier, NOTIFY_DINGTALK, "me"); /* not configured */
    notifier_test(notifier, NOTIFY_WECOM, "me");
    T_WAIT(stat_now().n_sent == 1);
    assert_non_null(strstr(last_request(), "[lars] test test wecom\\nthis is a test that "
                                           "me asked for, nothing is wrong\\n"));
    assert_non_null(strstr(last_request(), "\xe6\xb5\x8b\xe8\xaf\x95")); /* test */
}

static void t_test_message_to_a_webhook_has_the_state_test(void **state)
{
    struct notify_config cfg = {0};

    (void)state;
    url(cfg.webhook, sizeof(cfg.webhook), "/");
    start(&cfg);
    notifier_test(notifier, NOTIFY_WEBHOOK, "me");
    T_WAIT(stat_now().n_sent == 1);
    assert_non_null(strstr(last_request(), "{\"kind\": \"test\", \"subject\": "
                                           "\"webhook\", \"state\": \"test\", "));
}

static void t_robot_is_called_ten_times_in_any_minute(void **state)
{
    struct robot_pace p = {0};
    uint64_t now = 1000;
    int i;

    (void)state;
    for (i = 0; i < ROBOT_PACE_MAX; i++, now += 1000) {
        assert_int_equal(robot_pace_wait(&p, now), 0);
        robot_pace_add(&p, now);
    }
    assert_int_equal(robot_pace_wait(&p, 11000), 50000);
    assert_int_equal(robot_pace_wait(&p, 60999), 1);
    assert_int_equal(robot_pace_wait(&p, 61000), 0);
    robot_pace_add(&p, 61000);
    assert_int_equal(robot_pace_wait(&p, 61000), 1000);
}

static void t_eleventh_message_to_a_robot_waits_for_the_others(void **state)
{
    struct notify_config cfg = {0};
    int i;

    (void)state;
    url(cfg.wecom, sizeof(cfg.wecom), "/");
    start(&cfg);
    for (i = 0; i < ROBOT_PACE_MAX; i++) {
        notifier_put(notifier, &down, true);
        T_WAIT(stat_now().n_sent == (unsigned)i + 1);
    }
    for (i = 0; i < 30; i++)
        notifier_put(notifier, &down, true);
    assert_int_equal(stat_now().n_waiting, 30);
    assert_int_equal(receiver.n, ROBOT_PACE_MAX);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void t_summary_is_one_text_that_counts_what_does_not_fit(void **state)
{
    static struct notify_message m[NOTIFY_MESSAGES];
    struct notify_config cfg = {0};
    char why[NOTIFY_WHY], *at;
    int n = 0, i;

    (void)state;
    for (i = 0; i < NOTIFY_MESSAGES; i++)
        m[i] = (struct notify_message){down, NOTIFY_RAISED};
    url(cfg.wecom, sizeof(cfg.wecom), "/");
    assert_int_equal(
        notify_send_all(NOTIFY_WECOM, &cfg, m, NOTIFY_MESSAGES, never, NULL, why), 0);
    assert_int_equal(receiver.n, 1);
    for (at = receiver.request; (at = strstr(at, "[lars] raised")) != NULL; at++)
        n++;
    assert_true(n > 16);
    at = strstr(receiver.request, "\\n+ ");
    assert_non_null(at);
    assert_int_equal(strtol(at + 4, NULL, 10), NOTIFY_MESSAGES - n);
    assert_non_null(strstr(at, ": larsctl alarm list"));
}

static void t_target_that_hangs_delays_no_other_and_its_queue_is_bounded(void **state)
{
    struct notify_config cfg = {.exec = "/bin/true"};
    int i;

    (void)state;
    receiver.answer = NULL;
    url(cfg.webhook, sizeof(cfg.webhook), "/");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(receiver.n == 1); /* the webhook waits for an answer now */
    T_WAIT(stat_now().n_sent == 1); /* the program's */
    for (i = 0; i < 1000; i++)
        notifier_put(notifier, &down, true);
    assert_true(stat_now().n_waiting <= 2 * 256);
    assert_true(stat_now().n_dropped >= 1000 - 2 * 256 - 256);
}

static void t_text_that_was_cut_within_a_character_is_sent(void **state)
{
    struct notify_config cfg = {0};
    struct alarm al = {"zone_down", "\xe5\x8c", "d"};

    (void)state;
    url(cfg.webhook, sizeof(cfg.webhook), "/");
    start(&cfg);
    notifier_put(notifier, &al, true);
    T_WAIT(stat_now().n_sent == 1);
    assert_non_null(strstr(last_request(), "\"subject\": \"??\""));
}

static int group_setup(void **state)
{
    (void)state;
    return notifier_init();
}

static int group_teardown(void **state)
{
    (void)state;
    notifier_fini();
    return 0;
}

#define N(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        N(t_wecom_robot_gets_text_with_the_meaning),
        N(t_webhook_gets_json),
        N(t_dingtalk_robot_gets_a_signed_message),
        N(t_signature_is_that_of_openssl),
        N(t_errcode_under_status_200_is_a_failure_and_is_repeated),
        N(t_target_that_fails_for_long_is_given_up),
        N(t_reason_of_a_failure_is_known_for_each_target),
        N(t_http_status_is_the_reason_of_a_failure),
        N(t_test_message_is_marked_and_goes_to_one_target),
        N(t_test_message_to_a_webhook_has_the_state_test),
        N(t_robot_is_called_ten_times_in_any_minute),
        N(t_eleventh_message_to_a_robot_waits_for_the_others),
        N(t_summary_is_one_text_that_counts_what_does_not_fit),
        N(t_target_that_hangs_delays_no_other_and_its_queue_is_bounded),
        N(t_text_that_was_cut_within_a_character_is_sent),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
