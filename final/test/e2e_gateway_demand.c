/* What an autoscaler gets to know of a gateway, and the share that it gives to it. */
#include <jansson.h>

#include "fleet/gateway_client.h"
#include "lib/gatefix.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"

static struct fleet_keys *keys;
static struct httpreply reply;
static char at[40], why[GATEWAY_CLIENT_WHY], epoch[GATEWAY_CLIENT_EPOCH], body[600];
static json_t *answer;

static int setup(void **state)
{
    gateway_client_init();
    answer = NULL;
    keys = NULL;
    return gatefix_setup(state);
}

static int teardown(void **state)
{
    json_decref(answer);
    fleet_keys_destroy(keys);
    gateway_client_fini();
    return gatefix_teardown(state);
}

/* With these lines of [admission]. */
static void start(const char *admission)
{
    const char *key = system_write_file("fleet.key", KEY "\n");
    char conf[500], err[CONF_ERR_MAX];

    assert_int_equal(fleet_keys_create(&keys, key, "", err), 0);
    snprintf(conf, sizeof(conf),
             "zone = east\nloops_max = 3\ntry_ms = 9000\n[admin]\nlisten = "
             "127.0.0.1:0\nkey_file = %s\n"
             "[admission]\n%s",
             key, admission);
    gatefix_start(conf);
    system_http_port(&gateway); /* that of [http] */
    snprintf(at, sizeof(at), "127.0.0.1:%d", system_http_port(&gateway));
}

/* Ask with these members.  Returns as gateway_client_ask(); <answer> has the answer. */
static int ask(const char *members)
{
    static unsigned n;

    json_decref(answer);
    answer = NULL;
    snprintf(body, sizeof(body), "{\"n\": %u%s}", ++n, members);
    return gateway_client_ask(at, keys, "/demand", body, 20000, epoch, &answer, why);
}

static json_int_t integer(const json_t *o, const char *name)
{
    const json_t *n = json_object_get(o, name);

    if (!json_is_integer(n))
        fail_msg("\"%s\" is no integer of the answer", name);
    return json_integer_value(n);
}

/* A counter of the module 10/1 now. */
static json_int_t count(const char *name)
{
    const json_t *m;

    assert_int_equal(ask(""), 0);
    assert_int_equal(json_array_size(json_object_get(answer, "modules")), 1);
    m = json_array_get(json_object_get(answer, "modules"), 0);
    assert_int_equal(integer(m, "modid"), 10);
    assert_int_equal(integer(m, "cmdid"), 1);
    return integer(m, name);
}

static int get(const char *path)
{
    httppeer_get(gateway.port, path, &reply);
    return reply.status;
}

static int hold(void)
{
    int fd = peer_connect(gateway.port);

    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n", 31);
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 1);
    return fd;
}

static double limit(void)
{
    return gatefix_metric("lars_gateway_limit{module=\"10/1\"}");
}

static int ask_share(const char *share)
{
    char members[200];

    snprintf(members, sizeof(members),
             ", \"gateways\": 4, \"modules\": [{\"modid\": 99, \"cmdid\": 1, \"share\": "
             "0.125}, {\"modid\": 10, \"cmdid\": 1, \"share\": %s}]",
             share);
    return ask(members);
}

/* --- the zone ----------------------------------------------------------------------- */

static int ready(void)
{
    httppeer_get(atoi(strchr(at, ':') + 1), "/ready", &reply);
    return reply.status;
}

static void t_gateway_drains_and_serves_with_its_zone(void **state)
{
    (void)state;
    start("");
    assert_int_equal(ask(", \"zone_out\": false"), 0);
    T_WAIT(ready() == 200); /* it has the routes */
    assert_int_equal(ask(", \"zone_out\": true"), 0);
    assert_int_equal(ready(), 503);
    assert_non_null(strstr(reply.text, "larsctl zone return ends it"));
    assert_int_equal(get("/"), 200); /* who comes all the same is answered */
    assert_int_equal(ask(""), 0); /* not known */
    assert_int_equal(ready(), 503);
    assert_int_equal(ask(", \"zone_out\": 0"), -EPROTO);
    assert_non_null(strstr(why, "\"zone_out\" must be true or false"));
    assert_int_equal(ready(), 503);
    assert_int_equal(ask(", \"zone_out\": false"), 0);
    assert_int_equal(ready(), 200);
}

/* A question may have been on its way when the operator decided. */
static void t_command_of_an_operator_counts_more_than_the_zone(void **state)
{
    (void)state;
    start("");
    T_WAIT(ready() == 200); /* it has the routes */
    assert_int_equal(ask(", \"zone_out\": true"), 0);
    assert_int_equal(gateway_client_command(at, keys, "/undrain", "", 20000, why), 0);
    assert_int_equal(ask(", \"zone_out\": true"), 0);
    assert_int_equal(ready(), 200);
    assert_int_equal(gateway_client_command(at, keys, "/drain", "", 20000, why), 0);
    assert_int_equal(ask(", \"zone_out\": false"), 0);
    assert_int_equal(ready(), 503);
    assert_non_null(strstr(reply.text, "larsctl gateway undrain ends it"));
}

/* --- counters ----------------------------------------------------------------------- */

static void t_answer_has_the_gateway_and_its_loops(void **state)
{
    (void)state;
    start("");
    assert_int_equal(ask(""), 0);
    assert_string_equal(json_string_value(json_object_get(answer, "zone")), "east");
    assert_int_equal(strlen(json_string_value(json_object_get(answer, "epoch"))), 16);
    assert_int_equal(integer(answer, "loops"), 1);
    assert_int_equal(integer(answer, "loops_max"), 3);
    assert_in_range(integer(answer, "loop_busy_permille"), 0, 1000);
    assert_true(integer(answer, "ms") > 0);
}

/* What programs outside ask for: it is the process that answers at the admin port. */
static void t_lars_id_is_the_epoch_and_reaches_no_node(void **state)
{
    json_int_t arrived;
    char text[40];

    (void)state;
    start("");
    arrived = count("arrived");
    snprintf(text, sizeof(text), "{\"id\":\"%s\"}\n",
             json_string_value(json_object_get(answer, "epoch")));
    assert_int_equal(get("/lars-id"), 200);
    assert_string_equal(reply.body, text);
    assert_non_null(strstr(reply.text, "Cache-Control: no-store"));
    assert_int_equal(count("arrived"), arrived);
    assert_false(gatefix_has_recorded("/lars-id"));
    /* others are for the nodes */
    assert_int_equal(get("/lars-id?x"), 200);
    assert_int_equal(get("/lars-idx"), 200);
    assert_int_equal(count("arrived"), arrived + 2);
    assert_true(gatefix_has_recorded("/lars-idx"));
}

static void t_requests_count_when_they_arrive_and_when_they_go_to_a_node(void **state)
{
    json_int_t arrived, forwarded;
    int fd;

    (void)state;
    start("");
    arrived = count("arrived");
    forwarded = count("forwarded");
    assert_int_equal(get("/a"), 200);
    assert_int_equal(get("/b"), 200);
    assert_int_equal(count("arrived"), arrived + 2);
    assert_int_equal(count("forwarded"), forwarded + 2);
    fd = hold();
    assert_int_equal(count("arrived"), arrived + 3);
    assert_int_equal(count("forwarded"), forwarded + 3);
    close(fd);
}

static void t_cached_answers_do_not_count_as_forwarded(void **state)
{
    json_int_t arrived, forwarded;

    (void)state;
    start("");
    system_write_file("rules.ini", "[rule site]\nmodule = 10/1\ncache_ms = 60000\n");
    kill(gateway.pid, SIGHUP);
    T_WAIT(gatefix_metric("lars_gateway_reloads_total") == 1);
    T_WAIT((get("/a"), count("cached")) > 0);
    arrived = count("arrived");
    forwarded = count("forwarded");
    assert_int_equal(count("cached"), 1);
    assert_int_equal(get("/a"), 200);
    assert_int_equal(count("cached"), 2);
    assert_int_equal(count("arrived"), arrived + 1);
    assert_int_equal(count("forwarded"), forwarded);
}

/* Ask on a new connection with the cookie of the last reply; returns the status. */
static int get_with_cookie(void)
{
    char cookie[400], text[600];
    const char *set = strstr(reply.text, "Set-Cookie: ");
    int fd = peer_connect(gateway.port);

    assert_non_null(set);
    snprintf(cookie, sizeof(cookie), "%.*s", (int)strcspn(set + 12, ";\r"), set + 12);
    snprintf(text, sizeof(text),
             "GET / HTTP/1.1\r\nHost: a\r\nCookie: %s\r\nConnection: close\r\n\r\n",
             cookie);
    peer_send(fd, text, strlen(text));
    httppeer_read(fd, &reply);
    close(fd);
    return reply.status;
}

static void t_refused_requests_count_by_the_class_of_the_visitor(void **state)
{
    json_int_t forwarded, inside;
    int fd;

    (void)state;
    start("unmeasured = 1\nreserve_percent = 0\nqueue_new_ms = 0\n");
    assert_int_equal(ask_share("0.01"), 0);
    T_WAIT(limit() == 1);
    inside = count("refused_inside");
    fd = hold();
    forwarded = count("forwarded");
    assert_int_equal(get("/"), 503);
    assert_int_equal(count("refused_new"), 1);
    assert_int_equal(count("refused_waiting"), 0);
    assert_int_equal(get_with_cookie(), 503);
    assert_int_equal(count("refused_new"), 1);
    assert_int_equal(count("refused_waiting"), 1);
    assert_int_equal(count("refused_inside"), inside);
    assert_int_equal(count("forwarded"), forwarded);
    close(fd);
}

static void t_requests_that_hang_count_for_the_time_they_are_at_nodes(void **state)
{
    json_int_t ms, inflight, end_ms;
    int fd;

    (void)state;
    start("");
    fd = hold();
    inflight = count("inflight_ms");
    ms = integer(answer, "ms");
    T_WAIT((end_ms = (assert_int_equal(ask(""), 0), integer(answer, "ms"))) >= ms + 500);
    inflight =
        integer(json_array_get(json_object_get(answer, "modules"), 0), "inflight_ms") -
        inflight;
    assert_in_range(inflight, end_ms - ms - 2, end_ms - ms + 2);
    close(fd);
}

static void t_another_process_has_another_epoch(void **state)
{
    char first[17], path[200];

    (void)state;
    start("");
    assert_int_equal(ask(""), 0);
    snprintf(first, sizeof(first), "%s",
             json_string_value(json_object_get(answer, "epoch")));
    assert_int_equal(ask(""), 0);
    assert_string_equal(first, json_string_value(json_object_get(answer, "epoch")));
    assert_int_equal(proc_end(&gateway, SIGKILL), 1000 + SIGKILL);
    snprintf(path, sizeof(path), "%s/gateway.ini", testdb_dir);
    proc_start(&gateway, "lars-gateway", "-c", path, NULL);
    system_wait_port(&gateway, "lars-gateway");
    system_http_port(&gateway);
    snprintf(at, sizeof(at), "127.0.0.1:%d", system_http_port(&gateway));
    T_WAIT(ask("") == 0);
    assert_string_not_equal(first, json_string_value(json_object_get(answer, "epoch")));
}

/* --- share -------------------------------------------------------------------------- */

static void t_share_of_the_autoscaler_becomes_the_limit(void **state)
{
    (void)state;
    start("unmeasured = 40\n");
    T_WAIT(limit() == 60);
    assert_int_equal(ask_share("0.5"), 0);
    T_WAIT(limit() == 30);
    assert_true(gatefix_metric("lars_gateway_share{module=\"10/1\"}") == 0.5);
    assert_int_equal(ask_share("0"), 0);
    T_WAIT(limit() == 1); /* one request at a time is always admitted */
    assert_int_equal(ask_share("1"), 0);
    T_WAIT(limit() == 60);
}

static void t_question_without_a_share_keeps_the_last_one(void **state)
{
    (void)state;
    start("unmeasured = 40\n");
    assert_int_equal(ask_share("0.25"), 0);
    T_WAIT(limit() == 15);
    assert_int_equal(ask(""), 0);
    assert_int_equal(ask(", \"modules\": []"), 0);
    T_WAIT(gatefix_metric("lars_gateway_nodes_in{module=\"10/1\"}") == 1);
    assert_true(limit() == 15);
}

/* --- refused ------------------------------------------------------------------------ */

static void expect_400(const char *text)
{
    json_t *json = NULL;

    if (gateway_client_ask(at, keys, "/demand", text, 20000, epoch, &json, why) !=
        -EPROTO)
        fail_msg("no 400 for: %s", text);
    if (!strstr(why, "status 400: the body of POST /demand is wrong"))
        fail_msg("%s: %s", text, why);
}

#define MODULE(share) "{\"modid\": 10, \"cmdid\": 1, \"share\": " share "}"

static void t_wrong_bodies_are_400_and_change_nothing(void **state)
{
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "1",
        "hello",
        "{} {}",
        "{\"modules\": {}}",
        "{\"modules\": [1]}",
        "{\"modules\": [{}]}",
        "{\"modules\": [{\"modid\": 10, \"cmdid\": 1}]}",
        "{\"modules\": [{\"modid\": 10, \"share\": 0.5}]}",
        "{\"modules\": [{\"modid\": -10, \"cmdid\": 1, \"share\": 0.5}]}",
        "{\"modules\": [{\"modid\": 1e1, \"cmdid\": 1, \"share\": 0.5}]}",
        "{\"modules\": [{\"modid\": 4294967296, \"cmdid\": 1, \"share\": 0.5}]}",
        "{\"modules\": [" MODULE("1.01") "]}",
        "{\"modules\": [" MODULE("-0.01") "]}",
        "{\"modules\": [" MODULE("1e400") "]}",
        "{\"modules\": [" MODULE("\"0.5\"") "]}",
        "{\"modules\": [" MODULE("NaN") "]}",
        "{\"modules\": [" MODULE("0.5") ", " MODULE("2") "]}",
        "{\"modules\": [" MODULE("2") ", " MODULE("0.5") "]}",
        "{\"gateways\": 0, \"modules\": [" MODULE("0.5") "]}",
        "{\"gateways\": 1001}",
        "{\"gateways\": 1.5}",
        "{\"gateways\": \"2\"}"};
    size_t i;

    (void)state;
    start("unmeasured = 40\n");
    assert_int_equal(ask_share("0.25"), 0);
    T_WAIT(limit() == 15);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_400(wrong[i]);
    assert_int_equal(ask_share("0.5"), 0);
    T_WAIT(limit() != 15);
    assert_true(limit() == 30);
}

static void t_a_body_that_is_too_long_is_refused_and_changes_nothing(void **state)
{
    static char text[5000];

    (void)state;
    start("");
    memset(text, ' ', sizeof(text) - 1);
    assert_int_equal(gateway_client_ask(at, keys, "/demand", text, 20000, epoch, &answer,
                                        why),
                     -EMSGSIZE);
}

static int raw(const char *method, const char *fields)
{
    char text[600];
    int fd = peer_connect(atoi(strchr(at, ':') + 1));

    snprintf(text, sizeof(text),
             "%s /demand HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%sContent-Length: "
             "2\r\n\r\n{}",
             method, fields);
    peer_send(fd, text, strlen(text));
    httppeer_read(fd, &reply);
    close(fd);
    return reply.status;
}

static void t_question_needs_a_signature_that_was_not_used_before(void **state)
{
    struct fleet_keys *other;
    char err[CONF_ERR_MAX];
    json_t *json = NULL;

    (void)state;
    start("");
    assert_int_equal(raw("POST", ""), 401);
    assert_int_equal(raw("GET", ""), 405);
    assert_int_equal(fleet_keys_create(&other, "", "", err), 0);
    assert_int_equal(gateway_client_ask(at, other, "/demand", "{}", 20000, epoch, &json,
                                        why),
                     -EACCES);
    fleet_keys_destroy(other);
    assert_null(json);
    assert_int_equal(ask(""), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_answer_has_the_gateway_and_its_loops),
            E(t_lars_id_is_the_epoch_and_reaches_no_node),
            E(t_requests_count_when_they_arrive_and_when_they_go_to_a_node),
            E(t_cached_answers_do_not_count_as_forwarded),
            E(t_refused_requests_count_by_the_class_of_the_visitor),
            E(t_requests_that_hang_count_for_the_time_they_are_at_nodes),
            E(t_another_process_has_another_epoch),
            E(t_share_of_the_autoscaler_becomes_the_limit),
            E(t_question_without_a_share_keeps_the_last_one),
            E(t_wrong_bodies_are_400_and_change_nothing),
            E(t_a_body_that_is_too_long_is_refused_and_changes_nothing),
            E(t_gateway_drains_and_serves_with_its_zone),
            E(t_command_of_an_operator_counts_more_than_the_zone),
            E(t_question_needs_a_signature_that_was_not_used_before))
