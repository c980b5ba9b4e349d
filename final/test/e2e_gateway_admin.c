/* The admin port of a gateway shows its state to all who reach it, and changes nothing
 * without a signature. */
#include <jansson.h>

#include "fleet/gateway_client.h"
#include "fleet/signed_command.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "peer.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"
#define WRONG_KEY "fedcba9876543210fedcba9876543210fedcba9876543210"
#define N_SLOW 100
#define FIELDS 300

static struct proc gateway;
static struct httpreply reply;
static struct fleet_keys *keys, *wrong_keys;
static char at[40], why[GATEWAY_CLIENT_WHY];
static int admin;

static struct fleet_keys *read_keys(const char *name, const char *text)
{
    struct fleet_keys *k = NULL;
    char err[CONF_ERR_MAX];

    assert_int_equal(
        fleet_keys_create(&k, system_write_file(name, "%s\n", text), "", err), 0);
    return k;
}

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    gateway_client_init();
    keys = read_keys("fleet.key", KEY);
    wrong_keys = read_keys("wrong.key", WRONG_KEY);
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&gateway);
    fleet_keys_destroy(keys);
    fleet_keys_destroy(wrong_keys);
    gateway_client_fini();
    return gatesys_teardown(state);
}

static int status_of(const char *path)
{
    httppeer_get(admin, path, &reply);
    return reply.status;
}

static void find_admin_port(void)
{
    admin = system_http_port(&gateway);
    snprintf(at, sizeof(at), "127.0.0.1:%d", admin);
}

static void start(const char *gateway_keys)
{
    const char *key = system_write_file("fleet.key", KEY "\n");
    char more[400];

    snprintf(more, sizeof(more), "[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n", key);
    gatesys_start(&gateway, 0, gateway_keys, more);
    find_admin_port();
    T_WAIT(status_of("/ready") == 200);
}

static int command(const struct fleet_keys *k, const char *path, const char *body)
{
    return gateway_client_command(at, k, path, body, 20000, why);
}

static void expect_why(const char *words)
{
    if (!strstr(why, words))
        fail_msg("\"%s\" is not in: %s", words, why);
}

/* Send a request with these lines of fields and this body.  Returns the status. */
static int raw(const char *method, const char *path, const char *fields, const char *body)
{
    char text[8192];
    int fd = peer_connect(admin);
    int n = snprintf(text, sizeof(text),
                     "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s"
                     "Content-Length: %zu\r\n\r\n%s",
                     method, path, fields, strlen(body), body);

    peer_send(fd, text, (size_t)n);
    httppeer_read(fd, &reply);
    close(fd);
    return reply.status;
}

static void read_epoch(char out[GATEWAY_CLIENT_EPOCH])
{
    json_t *json;

    assert_int_equal(gateway_client_get(at, "/gateway", 20000, &json, why), 0);
    snprintf(out, GATEWAY_CLIENT_EPOCH, "%s",
             json_string_value(json_object_get(json, "epoch")));
    json_decref(json);
}

static void fields_at(const struct fleet_keys *k, const char *path, uint64_t now_s,
                      char out[FIELDS])
{
    char epoch[GATEWAY_CLIENT_EPOCH];
    const struct signed_command c = {epoch, "POST", path, "", 0};
    struct signed_command_fields f;

    read_epoch(epoch);
    assert_int_equal(signed_command_sign(k, &c, now_s, &f), 0);
    snprintf(out, FIELDS, "Lars-Time: %s\r\nLars-Gateway: %s\r\nLars-Signature: %s\r\n",
             f.time, epoch, f.signature);
}

static uint64_t now(void)
{
    return (uint64_t)time(NULL);
}

static void assert_serves(void)
{
    assert_int_equal(status_of("/ready"), 200);
    assert_string_equal(reply.body, "ready\n");
}

/* --- what is shown ------------------------------------------------------------------ */

static void t_gateway_state_has_every_member(void **state)
{
    json_t *json, *module;
    const char *host, *version, *address, *module_state, *epoch;
    json_int_t nodes;
    int fd;

    (void)state;
    start("loops = 1\n");
    fd = peer_connect(gateway.port);
    peer_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    peer_expect(fd, "HTTP/1.1 200 ");
    T_WAIT((status_of("/metrics"), /* it counts when it has ended */
            httppeer_value(&reply, "lars_gateway_module_requests_total{module=\"10/1\","
                                   "result=\"node\"}")) == 1);
    assert_int_equal(gateway_client_get(at, "/gateway", 20000, &json, why), 0);
    assert_int_equal(
        json_unpack(
            json,
            "{ss ss ss ss s:I s:b s:i s:i s:o s:I s:I s:{s:I s:I s:I s:I s:I s:I} "
            "s:{s:b s:b s:I s:I s:o} s:[o]}",
            "host", &host, "version", &version, "address", &address, "epoch", &epoch,
            "up_s", &(json_int_t){0}, "draining", &(int){0}, "loops", &(int){0},
            "loops_max", &(int){0}, "loop_busy_permille", &(json_t *){NULL}, "clients",
            &(json_int_t){0}, "clients_max", &(json_int_t){0}, "cache", "bytes",
            &(json_int_t){0}, "bytes_max", &(json_int_t){0}, "objects", &(json_int_t){0},
            "hits", &(json_int_t){0}, "misses", &(json_int_t){0}, "stale",
            &(json_int_t){0}, "static", "present", &(int){0}, "on", &(int){0}, "files",
            &(json_int_t){0}, "bytes", &(json_int_t){0}, "taken_at", &(json_t *){NULL},
            "modules", &module),
        0);
    assert_int_equal(
        json_unpack(
            module,
            "{s:i s:i s:s s:I s:b s:I s:F s:F s:I s:I s:I s:I s:{s:I s:I s:I s:I s:I "
            "s:I} s:I}",
            "modid", &(int){0}, "cmdid", &(int){0}, "state", &module_state, "nodes_in",
            &nodes, "measured", &(int){0}, "limit", &(json_int_t){0}, "factor",
            &(double){0}, "share", &(double){0}, "inflight", &(json_int_t){0}, "queue",
            &(json_int_t){0}, "refused_new", &(json_int_t){0}, "refused_inside",
            &(json_int_t){0}, "requests", "node", &(json_int_t){0}, "cache",
            &(json_int_t){0}, "stale", &(json_int_t){0}, "static", &(json_int_t){0},
            "waiting", &(json_int_t){0}, "error", &(json_int_t){0}, "budget_empty",
            &(json_int_t){0}),
        0);
    assert_string_equal(module_state, "normal");
    assert_int_equal(nodes, 1);
    assert_int_equal(json_integer_value(json_object_get(json, "clients")), 1);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(module, "requests"), "node")) +
            json_integer_value(
                json_object_get(json_object_get(module, "requests"), "cache")),
        1);
    json_decref(json);
    close(fd);
}

static void t_ready_is_503_while_no_module_has_routes(void **state)
{
    const char *file;

    (void)state;
    gatesys_write_rules("[rule site]\nmodule = 10/77\n");
    file = system_write_file(
        "gateway.ini",
        "[gateway]\nlisten = 127.0.0.1:0\nrules = %s\n[agent]\ndir = %s\nport = %d\n"
        "[admin]\nlisten = 127.0.0.1:0\n",
        gatesys.rules, sys.dir, sys.agentd.port);
    proc_start(&gateway, "lars-gateway", "-c", file, NULL);
    system_wait_port(&gateway, "lars-gateway");
    find_admin_port();
    assert_int_equal(status_of("/ready"), 503);
    assert_non_null(strstr(reply.body, "no routes"));
}

static void t_metrics_tell_requests_and_times_by_module(void **state)
{
    double n;

    (void)state;
    start("");
    httppeer_get(gateway.port, "/a", &reply);
    httppeer_get(gateway.port, "/b", &reply);
    T_WAIT(
        (status_of("/metrics"), n = httppeer_value(&reply, "lars_gateway_module_requests_"
                                                           "total{module=\"10/1\",result="
                                                           "\"node\"}")) == 2);
    assert_true(httppeer_value(&reply, "lars_gateway_duration_seconds_count{module="
                                       "\"10/1\"}") == n);
    assert_true(httppeer_value(&reply, "lars_gateway_duration_seconds_bucket{module="
                                       "\"10/1\",le=\"+Inf\"}") == n);
    assert_true(httppeer_value(&reply, "lars_gateway_module_refused_total{module="
                                       "\"10/1\",class=\"new\"}") == 0);
    assert_true(httppeer_value(&reply, "lars_gateway_module_queue{module=\"10/1\"}") ==
                0);
    assert_true(httppeer_value(&reply, "lars_gateway_pool_stale_total") == 0);
}

/* --- drain -------------------------------------------------------------------------- */

/* One request on a new connection; returns whether the answer closes it. */
static bool visit_is_closed(void)
{
    int fd = peer_connect(gateway.port);
    char head[4000] = "";
    size_t n = 0;

    peer_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    while (n < sizeof(head) - 1 && !strstr(head, "\r\n\r\n")) {
        peer_recv(fd, head + n, 1);
        head[++n] = '\0';
    }
    close(fd);
    assert_memory_equal(head, "HTTP/1.1 200 ", 13);
    return strstr(head, "\r\nConnection: close\r\n") != NULL;
}

static void t_drain_is_taken_back_by_undrain(void **state)
{
    (void)state;
    start("");
    assert_false(visit_is_closed());
    assert_int_equal(command(keys, "/drain", ""), 0);
    expect_why("drains");
    assert_int_equal(status_of("/ready"), 503);
    assert_non_null(strstr(reply.body, "larsctl gateway undrain"));
    assert_int_equal(status_of("/healthz"), 503);
    assert_true(visit_is_closed());
    assert_int_equal(command(keys, "/undrain", ""), 0);
    assert_serves();
    assert_false(visit_is_closed());
}

static void t_undrain_does_not_take_back_an_end(void **state)
{
    int fd;

    (void)state;
    start("drain_accept_ms = 20000\ndrain_ms = 20000\n");
    fd = peer_connect(gateway.port);
    kill(gateway.pid, SIGTERM);
    T_WAIT(status_of("/ready") == 503);
    assert_int_equal(command(keys, "/undrain", ""), -EPROTO);
    expect_why("status 409: the gateway is ending");
    assert_int_equal(status_of("/ready"), 503);
    close(fd);
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

/* --- commands that are refused ------------------------------------------------------ */

static void t_command_without_signature_changes_nothing(void **state)
{
    (void)state;
    start("");
    assert_int_equal(raw("POST", "/drain", "", ""), 401);
    assert_non_null(strstr(reply.body, "not signed"));
    assert_int_equal(raw("POST", "/drain", "Lars-Time: 1\r\n", ""), 401);
    assert_int_equal(raw("POST", "/drain", "Lars-Signature: x\r\n", ""), 401);
    assert_serves();
}

static void t_command_with_another_key_changes_nothing(void **state)
{
    (void)state;
    start("");
    assert_int_equal(command(wrong_keys, "/drain", ""), -EACCES);
    expect_why("signature is wrong; use the key in [gateway] key_file");
    assert_serves();
}

static void t_command_that_is_repeated_changes_nothing(void **state)
{
    char fields[FIELDS];

    (void)state;
    start("");
    fields_at(keys, "/drain", now(), fields);
    assert_int_equal(raw("POST", "/drain", fields, ""), 200);
    assert_int_equal(command(keys, "/undrain", ""), 0);
    assert_int_equal(raw("POST", "/drain", fields, ""), 401);
    assert_non_null(strstr(reply.body, "accepted before"));
    assert_serves();
}

/* The same key, another process: a second gateway, or this one after a restart. */
static void t_command_is_not_repeated_at_another_gateway_or_after_a_restart(void **state)
{
    char fields[FIELDS];
    uint64_t signed_at = now();

    (void)state;
    start("");
    fields_at(keys, "/drain", signed_at, fields);
    assert_int_equal(raw("POST", "/drain", fields, ""), 200);
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
    start("");
    assert_true(now() <=
                signed_at + SIGNED_COMMAND_SKEW_S); /* else it would prove none */
    assert_int_equal(raw("POST", "/drain", fields, ""), 401);
    assert_non_null(strstr(reply.body, SIGNED_COMMAND_OTHER));
    assert_serves();
    assert_int_equal(command(keys, "/drain", ""), 0);
}

static void t_command_of_an_older_sender_is_refused_with_the_cause(void **state)
{
    const struct signed_command c = {NULL, "POST", "/drain", "", 0};
    struct signed_command_fields f;
    char fields[FIELDS];

    (void)state;
    start("");
    assert_int_equal(signed_command_sign(keys, &c, now(), &f), 0);
    snprintf(fields, sizeof(fields), "Lars-Time: %s\r\nLars-Signature: %s\r\n", f.time,
             f.signature);
    assert_int_equal(raw("POST", "/drain", fields, ""), 401);
    assert_non_null(strstr(reply.body, "lacks the field Lars-Gateway"));
    assert_non_null(strstr(reply.body, "upgrade larsctl and lars-autoscaler"));
    assert_serves();
}

static void t_command_for_another_path_body_or_time_changes_nothing(void **state)
{
    char fields[FIELDS];

    (void)state;
    start("");
    fields_at(keys, "/undrain", now(), fields);
    assert_int_equal(raw("POST", "/drain", fields, ""), 401);
    fields_at(keys, "/drain", now(), fields);
    assert_int_equal(raw("POST", "/drain", fields, "x"), 401);
    fields_at(keys, "/drain", now() - 60, fields);
    assert_int_equal(raw("POST", "/drain", fields, ""), 401);
    assert_non_null(strstr(reply.body, "clock"));
    fields_at(keys, "/drain", now() + 60, fields);
    assert_int_equal(raw("POST", "/drain", fields, ""), 401);
    assert_serves();
}

static void t_gateway_without_a_key_obeys_no_command(void **state)
{
    (void)state;
    gatesys_start(&gateway, 0, "", "[admin]\nlisten = 127.0.0.1:0\n");
    find_admin_port();
    T_WAIT(status_of("/ready") == 200);
    assert_int_equal(command(keys, "/drain", ""), -EACCES);
    expect_why("set [admin] key_file or [gateway] key_file");
    assert_serves();
}

/* --- hostile clients ---------------------------------------------------------------- */

static void t_wrong_methods_and_paths_are_refused(void **state)
{
    char fields[FIELDS];

    (void)state;
    start("");
    fields_at(keys, "/drain", now(), fields);
    assert_int_equal(raw("GET", "/drain", fields, ""), 405);
    assert_non_null(strstr(reply.text, "\r\nAllow: POST\r\n"));
    assert_int_equal(raw("PUT", "/drain", fields, ""), 405);
    assert_int_equal(raw("HEAD", "/drain", fields, ""), 405);
    assert_int_equal(raw("POST", "/gateway", fields, ""), 405);
    assert_int_equal(raw("DELETE", "/ready", "", ""), 405);
    assert_int_equal(raw("POST", "/metrics", "", ""), 405);
    assert_int_equal(raw("POST", "/drain/", fields, ""), 404);
    assert_int_equal(raw("POST", "/nothing", fields, ""), 404);
    assert_non_null(strstr(reply.body, "/undrain"));
    assert_int_equal(raw("GET", "/", "", ""), 404);
    assert_serves();
}

static void t_a_body_over_the_limit_is_413_and_changes_nothing(void **state)
{
    static char body[SIGNED_COMMAND_BODY_MAX + 2];

    (void)state;
    start("");
    memset(body, 'x', sizeof(body) - 1);
    assert_int_equal(raw("POST", "/drain", "", body), 413);
    assert_serves();
}

static void t_an_endless_body_ends_its_connection(void **state)
{
    static char part[65536];
    int fd, i;

    (void)state;
    start("");
    fd = peer_connect(admin);
    peer_send(fd,
              "POST /drain HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
              strlen("POST /drain HTTP/1.1\r\nHost: a\r\n"
                     "Content-Length: 99999999999\r\n\r\n"));
    for (i = 0; i < 2000; i++)
        if (send(fd, part, sizeof(part), MSG_NOSIGNAL) < 0)
            break;
    assert_true(i < 2000);
    close(fd);
    assert_serves();
}

static void t_slow_clients_do_not_keep_others_away(void **state)
{
    static const char part[] = "POST /drain HTTP/1.1\r\nContent-Length: 10\r\nHo";
    int fd[N_SLOW], i;

    (void)state;
    start("");
    for (i = 0; i < N_SLOW; i++) {
        fd[i] = peer_connect(admin);
        peer_send(fd[i], part, strlen(part));
    }
    assert_serves();
    assert_int_equal(command(keys, "/drain", ""), 0);
    assert_int_equal(status_of("/ready"), 503);
    for (i = 0; i < N_SLOW; i++)
        close(fd[i]);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_gateway_state_has_every_member),
            E(t_metrics_tell_requests_and_times_by_module),
            E(t_ready_is_503_while_no_module_has_routes),
            E(t_drain_is_taken_back_by_undrain), E(t_undrain_does_not_take_back_an_end),
            E(t_command_without_signature_changes_nothing),
            E(t_command_with_another_key_changes_nothing),
            E(t_command_that_is_repeated_changes_nothing),
            E(t_command_is_not_repeated_at_another_gateway_or_after_a_restart),
            E(t_command_of_an_older_sender_is_refused_with_the_cause),
            E(t_command_for_another_path_body_or_time_changes_nothing),
            E(t_gateway_without_a_key_obeys_no_command),
            E(t_wrong_methods_and_paths_are_refused),
            E(t_a_body_over_the_limit_is_413_and_changes_nothing),
            E(t_an_endless_body_ends_its_connection),
            E(t_slow_clients_do_not_keep_others_away))
