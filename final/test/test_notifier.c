/* Alarms reach every kind of target: the robots get text with the meaning, signed where a
 * secret is set; a failure is repeated; what a robot refuses under HTTP 200 is a failure;
 * a target that hangs delays no other and no caller. */
#include "report/notifier.h"

#include <pthread.h>

#include "base/log.h"
#include "net/sock.h"
#include "peer.h"
#include "t.h"

/* An HTTP server that keeps the last request and answers with <answer>. */
static struct {
    pthread_t thread;
    int lfd, port;
    const char *_Atomic answer;       /* the body; NULL: accepts and never answers */
    _Atomic int n;                    /* requests read */
    char request[8000];
} server;

static struct notifier *notifier;

static void read_request(int fd)
{
    size_t n = 0, body = 0;
    const char *at;
    ssize_t got;

    memset(server.request, 0, sizeof(server.request));
    do {
        got = recv(fd, server.request + n, sizeof(server.request) - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
        at = strstr(server.request, "Content-Length: ");
        body = at ? strtoul(at + 16, NULL, 10) : 0;
        at = strstr(server.request, "\r\n\r\n");
    } while (got > 0 && (!at || strlen(at + 4) < body));
}

static void *serve(void *arg)
{
    int fd;

    while ((fd = accept(server.lfd, NULL, NULL)) >= 0) {
        const char *answer = server.answer;

        read_request(fd);
        server.n++;
        if (answer)
            dprintf(
                fd,
                "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                strlen(answer), answer);
        if (answer)
            close(fd);
    }
    return arg;
}

static int setup(void **state)
{
    struct net_addr at;

    (void)state;
    log_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    server.lfd = sock_listen(&at, 16, 0);
    assert_true(server.lfd >= 0);
    sock_local_addr(server.lfd, &at);
    server.port = at.port;
    server.n = 0;
    server.answer = "{\"errcode\": 0, \"errmsg\": \"ok\"}";
    notifier = NULL;
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int teardown(void **state)
{
    (void)state;
    notifier_stop(notifier);
    notifier_stop(NULL);
    shutdown(server.lfd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.lfd);
    return 0;
}

static const struct alarm down = {"node_down", "10.0.0.1:80", "of 1/1: no calls"};

static void url(char *out, size_t room, const char *path)
{
    snprintf(out, room, "http://127.0.0.1:%d%s", server.port, path);
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

/* The request that was answered last. */
static const char *last_request(void)
{
    assert_true(server.n > 0);        /* the atomic orders it before this */
    return server.request;
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
    server.answer = "{\"errcode\": 45009, \"errmsg\": \"api freq out of limit\"}";
    url(cfg.wecom, sizeof(cfg.wecom), "/");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(stat_now().n_fail >= 2);
    assert_int_equal(stat_now().n_sent, 0);
    server.answer = "{\"errcode\": 0}";
    T_WAIT(stat_now().n_sent == 1);
    assert_int_equal(stat_now().n_dropped, 0);
}

static void t_target_that_fails_for_long_is_given_up(void **state)
{
    struct notify_config cfg = {0};

    (void)state;
    server.answer = "no JSON";
    url(cfg.dingtalk, sizeof(cfg.dingtalk), "/");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(stat_now().n_dropped == 1);
    assert_int_equal(stat_now().n_fail, 8);
}

static void t_target_that_hangs_delays_no_other_and_its_queue_is_bounded(void **state)
{
    struct notify_config cfg = {.exec = "/bin/true"};
    int i;

    (void)state;
    server.answer = NULL;
    url(cfg.webhook, sizeof(cfg.webhook), "/");
    start(&cfg);
    notifier_put(notifier, &down, true);
    T_WAIT(server.n == 1);            /* the webhook waits for an answer now */
    T_WAIT(stat_now().n_sent == 1);   /* the program's */
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
        N(t_target_that_hangs_delays_no_other_and_its_queue_is_bounded),
        N(t_text_that_was_cut_within_a_character_is_sent),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
