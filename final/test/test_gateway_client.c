/* Whatever answers in place of a gateway, a call ends in time, keeps a bounded answer and
 * tells what is wrong. */
#include "fleet/gateway_client.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/httppeer.h"
#include "net/sock.h"
#include "t.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

static struct fleet_keys *keys;
static char why[GATEWAY_CLIENT_WHY], at[40], epoch[GATEWAY_CLIENT_EPOCH];
static json_t *json;
static pid_t server;

static void answer(int fd, const char *head, const char *body, unsigned times)
{
    char in[4000];

    if (read(fd, in, sizeof(in)) > 0 && head) {
        dprintf(fd, "%s", head);
        for (; times > 0 && dprintf(fd, "%s", body) > 0; times--)
            continue;
        shutdown(fd, SHUT_WR);
    }
    while (read(fd, in, sizeof(in)) > 0)
        continue;
    close(fd);
}

/* A server that answers each request with <head> and then <body> <times> times; head
 * NULL: it never answers. */
static void serve(const char *head, const char *body, unsigned times)
{
    struct net_addr addr;
    int lfd, fd;

    assert_int_equal(net_addr_set(&addr, "127.0.0.1", 0), 0);
    lfd = sock_listen(&addr, 16, 0);
    assert_true(lfd >= 0);
    sock_local_addr(lfd, &addr);
    snprintf(at, sizeof(at), "127.0.0.1:%u", addr.port);
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while ((fd = accept(lfd, NULL, NULL)) >= 0)
            answer(fd, head, body, times);
        _exit(0);
    }
    close(lfd);
}

static int setup(void **state)
{
    char err[CONF_ERR_MAX];

    (void)state;
    json = NULL;
    server = 0;
    why[0] = epoch[0] = '\0';
    return gateway_client_init() == 0 ? fleet_keys_create(&keys, "", "", err) : -1;
}

static int teardown(void **state)
{
    (void)state;
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    json_decref(json);
    fleet_keys_destroy(keys);
    gateway_client_fini();
    return 0;
}

static int get(uint32_t ms)
{
    return gateway_client_get(at, "/gateway", ms, &json, why);
}

static void expect_why(const char *words)
{
    if (!strstr(why, words))
        fail_msg("\"%s\" is not in: %s", words, why);
}

static void t_client_get_is_the_json_of_the_gateway(void **state)
{
    (void)state;
    serve(OK_HEAD, "{\"host\": \"expo-1\"}", 1);
    assert_int_equal(get(5000), 0);
    assert_string_equal(json_string_value(json_object_get(json, "host")), "expo-1");
}

static void t_client_without_a_listener_says_how_to_start_one(void **state)
{
    (void)state;
    serve(NULL, NULL, 0);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    server = 0;
    assert_int_equal(get(5000), -ECONNREFUSED);
    expect_why("nothing listens there; start lars-gateway with [admin] listen");
    expect_why(at);
}

static void t_client_waits_no_longer_than_its_time_out(void **state)
{
    (void)state;
    serve(NULL, NULL, 0);
    assert_int_equal(get(200), -ETIMEDOUT);
    expect_why("no answer came within 200 ms");
}

static void t_client_wrong_key_is_told_with_the_answer_of_the_gateway(void **state)
{
    (void)state;
    serve("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n",
          "the signature is wrong; use the key of the gateway\n", 1);
    assert_int_equal(gateway_client_command(at, keys, "/drain", "", 5000, why), -EACCES);
    expect_why("refused the command: the signature is wrong; use the key of the gateway");
}

static int ask_demand(const char *body)
{
    return gateway_client_ask(at, keys, "/demand", body, 5000, epoch, &json, why);
}

static void t_client_question_has_the_json_of_the_gateway(void **state)
{
    (void)state;
    serve(OK_HEAD, "{\"epoch\": \"a1\"}", 1);
    assert_int_equal(ask_demand("{\"n\": 1}"), 0);
    assert_string_equal(json_string_value(json_object_get(json, "epoch")), "a1");
    assert_string_equal(epoch,
                        "a1"); /* of GET /gateway, which has the same answer here */
}

static void t_client_asks_an_older_gateway_that_has_no_epoch(void **state)
{
    (void)state;
    serve(OK_HEAD, "{\"ms\": 1}", 1);
    assert_int_equal(ask_demand("{}"), 0);
    assert_string_equal(epoch, "");
    assert_int_equal(gateway_client_command(at, keys, "/drain", "", 5000, why), 0);
}

static void t_client_takes_no_epoch_that_could_not_be_a_field(void **state)
{
    static const char *const wrong[] = {"", "a\\r\\nX: b", "a b", "\\n",
                                        "012345678901234567890123456789012"};
    char body[100];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        teardown(NULL);
        assert_int_equal(setup(NULL), 0);
        snprintf(body, sizeof(body), "{\"epoch\": \"%s\"}", wrong[i]);
        serve(OK_HEAD, body, 1);
        assert_int_equal(gateway_client_command(at, keys, "/drain", "", 5000, why),
                         -EPROTO);
        assert_int_equal(ask_demand("{}"), -EPROTO);
        assert_string_equal(epoch, "");
    }
}

static void t_client_question_without_json_or_with_an_error_has_no_answer(void **state)
{
    (void)state;
    serve(OK_HEAD, "the gateway drains\n", 1);
    assert_int_equal(ask_demand("{}"), -EPROTO);
    expect_why("no JSON object");
    assert_null(json);
}

static void t_client_question_that_is_refused_tells_why(void **state)
{
    (void)state;
    serve("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "{\"a\": 1}", 1);
    assert_int_equal(ask_demand("{}"), -EPROTO);
    expect_why("status 400: {\"a\": 1}");
    assert_null(json);
}

static void t_client_question_that_was_accepted_before_is_not_repeated(void **state)
{
    (void)state;
    serve("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n",
          "this command was accepted before; sign it again\n", 1);
    assert_int_equal(ask_demand("{}"), -EACCES);
    expect_why("accepted before");
}

static void t_client_question_that_is_too_long_is_not_sent(void **state)
{
    static char body[5000];

    (void)state;
    memset(body, ' ', sizeof(body) - 1);
    snprintf(at, sizeof(at), "127.0.0.1:1");
    snprintf(epoch, sizeof(epoch), "a1");
    assert_int_equal(ask_demand(body), -EMSGSIZE);
    expect_why("it is too long");
}

static void t_client_of_another_program_says_so(void **state)
{
    (void)state;
    serve("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", "?", 1);
    assert_int_equal(get(5000), -EPROTO);
    expect_why("no admin port of a gateway");
}

static void t_client_text_in_place_of_json_is_no_gateway(void **state)
{
    (void)state;
    serve(OK_HEAD, "hello", 1);
    assert_int_equal(get(5000), -EPROTO);
    expect_why("no JSON object");
}

static void t_client_keeps_no_endless_answer(void **state)
{
    static char kib[1025];

    (void)state;
    memset(kib, ' ', sizeof(kib) - 1);
    serve(OK_HEAD, kib, 1000000);
    assert_int_equal(get(20000), -EMSGSIZE);
    expect_why("more than 1048576 bytes");
}

static void t_client_follows_no_redirection(void **state)
{
    (void)state;
    serve("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n"
          "\r\n",
          "", 1);
    assert_int_equal(get(5000), -EPROTO);
    expect_why("status 302");
}

static void t_client_shows_no_control_characters_of_an_answer(void **state)
{
    (void)state;
    serve("HTTP/1.1 500 x\r\nConnection: close\r\n\r\n", "a\033[2Jb\n", 1);
    assert_int_equal(get(5000), -EPROTO);
    expect_why("status 500: a?[2Jb");
}

static void t_client_address_that_is_none_is_refused(void **state)
{
    static const char *const wrong[] = {"", "host:1", "127.0.0.1", "127.0.0.1:0",
                                        "127.0.0.1:80/x"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(at, sizeof(at), "%s", wrong[i]);
        assert_int_equal(get(1000), -EINVAL);
        expect_why("is not ADDRESS:PORT");
    }
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(U(t_client_get_is_the_json_of_the_gateway),
       U(t_client_without_a_listener_says_how_to_start_one),
       U(t_client_waits_no_longer_than_its_time_out),
       U(t_client_wrong_key_is_told_with_the_answer_of_the_gateway),
       U(t_client_question_has_the_json_of_the_gateway),
       U(t_client_asks_an_older_gateway_that_has_no_epoch),
       U(t_client_takes_no_epoch_that_could_not_be_a_field),
       U(t_client_question_without_json_or_with_an_error_has_no_answer),
       U(t_client_question_that_is_refused_tells_why),
       U(t_client_question_that_was_accepted_before_is_not_repeated),
       U(t_client_question_that_is_too_long_is_not_sent),
       U(t_client_of_another_program_says_so),
       U(t_client_text_in_place_of_json_is_no_gateway),
       U(t_client_keeps_no_endless_answer), U(t_client_follows_no_redirection),
       U(t_client_shows_no_control_characters_of_an_answer),
       U(t_client_address_that_is_none_is_refused))
