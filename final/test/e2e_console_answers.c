/* Every answer of a running console fits web/openapi.json: each route, what each refuses,
 * and the events.  The answers are written to a file, which web/test/answers.mjs checks
 * with ajv, because a validator for JSON Schema in C is larger than this console. */
#include "lib/consolefix.h"
#include "lib/receiver.h"

#define CHECKER "web/test/answers.mjs"
#define NEEDS "web/node_modules/ajv"

static FILE *answers;
static char file_name[120];

static bool has_checker(void)
{
    return system("command -v node >/dev/null 2>&1") == 0 && access(NEEDS, R_OK) == 0;
}

/* The receiver is a gateway whose module 1/1 is overloaded. */
#define GATEWAY                                                                          \
    "{\"host\":\"gw1\",\"version\":\"1.2\",\"address\":\"127.0.0.1:80\",\"up_s\":9,"     \
    "\"draining\":false,\"loops\":1,\"loops_max\":2,\"loop_busy_permille\":[120],"       \
    "\"clients\":7,\"clients_max\":100,\"cache\":{\"bytes\":1024,\"bytes_max\":4096,"    \
    "\"objects\":3,\"hits\":10,\"misses\":5,\"stale\":1},\"static\":{\"present\":true,"  \
    "\"on\":false,\"files\":3,\"bytes\":99,\"taken_at\":1790000000},\"modules\":[{"      \
    "\"modid\":1,\"cmdid\":1,\"state\":\"waiting\",\"nodes_in\":2,\"measured\":true,"    \
    "\"limit\":64,\"factor\":0.75,\"share\":1.0,\"inflight\":64,\"queue\":3,"            \
    "\"refused_new\":12,\"refused_inside\":0,\"requests\":{\"node\":100,\"cache\":20,"   \
    "\"stale\":1,\"static\":0,\"waiting\":12,\"error\":2},\"budget_empty\":0}]}"

static void start_gateway(void)
{
    char text[300];

    receiver_start();
    receiver.answer = GATEWAY;
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    snprintf(text, sizeof(text),
             "[gateways]\nadmin = 127.0.0.1:%d, 127.0.0.1:1\nkey_file = %s\n",
             receiver.port, system_write_file("fleet.key", "%064d\n", 0));
    start_console_with(text);
    proc_wait_port(&console);
    stranger.port = console.port;
}

static int setup(void **state)
{
    (void)system_setup(state);
    consolefix_setup();
    start_gateway();
    snprintf(file_name, sizeof(file_name), "%s/answers", testdb_dir);
    answers = fopen(file_name, "w");
    return answers ? 0 : -1;
}

static int teardown(void **state)
{
    if (answers)
        fclose(answers);
    answers = NULL;
    receiver_stop();
    return consolefix_teardown(state);
}

static json_t *parse(const char *text)
{
    json_t *j = text && text[0] ? json_loads(text, 0, NULL) : NULL;

    return j ? j : json_null();
}

/* Takes <j>. */
static void write_line(json_t *j)
{
    assert_non_null(j);
    assert_int_equal(json_dumpf(j, answers, JSON_COMPACT), 0);
    fputc('\n', answers);
    json_decref(j);
}

/* Ask, and note the answer.  Returns the status. */
static int ask(const struct webclient *c, const char *method, const char *path,
               const char *body)
{
    int status = web(c, method, path, body);

    write_line(json_pack("{s:s,s:s,s:o,s:i,s:s,s:o}", "method", method, "path", path,
                         "sent", parse(body), "status", status, "type",
                         web_header("Content-Type"), "body", parse(web_reply.body)));
    return status;
}

static void expect(int status, const struct webclient *c, const char *method,
                   const char *path, const char *body)
{
    int is = ask(c, method, path, body);

    if (is != status)
        fail_msg("%s %s: %d instead of %d: %.300s", method, path, is, status,
                 web_reply.body);
}

/* What the console can show: alarms, silences, holds, services, targets, a session. */
static void fill_database(void)
{
    testdb_sql("INSERT INTO Alarm (id, kind, subject, detail) VALUES (7, 'zone_down', "
               "'b', 'x'), (8, 'of_old', '', '')");
    testdb_sql("UPDATE Alarm SET cleared_at = NOW() WHERE id = 8");
    testdb_sql("INSERT INTO Service (kind, name, zone, address, seen_at) VALUES "
               "('agent', 'h/10.0.0.1:1', 'a', '10.0.0.1', NOW(3) + INTERVAL 1 HOUR)");
    testdb_sql("INSERT INTO RouteHold (dnsd, modid, cmdid, had, gone, since, seen_at) "
               "VALUES ('d', 1, 1, 3, 2, NOW(3), NOW(3) + INTERVAL 1 HOUR)");
    testdb_sql("REPLACE INTO AlarmTarget (name) VALUES ('wecom')");
    testdb_sql("REPLACE INTO AgentRoute (agent, modid, cmdid) VALUES ('h/10.0.0.1:1', 1, "
               "1)");
    testdb_sql("REPLACE INTO CallMinute (at, modid, cmdid, ip, port, succ, err) VALUES "
               "((UNIX_TIMESTAMP() - 120) DIV 60 * 60, 1, 1, INET_ATON('127.0.1.1'), 80, "
               "99, 1)");
    testdb_sql("INSERT INTO ScalePolicy (modid, cmdid) VALUES (1, 1), (2, 1)");
    testdb_sql("INSERT INTO ScaleDecision (modid, cmdid, demand, zones, up, need, was, "
               "wanted, rule) VALUES (1, 1, 9.5, 2, 4, 3, 2, 3, 'floor')");
    testdb_sql("INSERT INTO ScaleHost (host, zone, slots) VALUES ('h1', 'a', 4)");
    testdb_sql("INSERT INTO ScaleHost (host, seen_at) VALUES ('h2', NOW(3) - INTERVAL 1 "
               "DAY)");
    testdb_sql("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('h1', "
               "1, 1, 1, 7)");
    testdb_sql("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) VALUES "
               "('h1', 2, 1, 1, 8002, 'ready')");
    testdb_sql("INSERT INTO Capacity (modid, cmdid, rps, inflight, p99_us, target_us) "
               "VALUES (1, 1, 250.5, 8, 9, 9)");
    testdb_sql("REPLACE INTO Lease (name, holder, until_at, fence) VALUES ('scale', 1, "
               "NOW(3), 7)");
    testdb_sql("INSERT INTO AlarmSilence (kind, subject, until_at, reason, actor) VALUES "
               "('zone_down', 'b', NOW(3) + INTERVAL 1 HOUR, 'r', 'x')");
}

static void ask_all_gets(void)
{
    static const char *const paths[] = {"session",
                                        "capabilities",
                                        "wall",
                                        "overview",
                                        "modules",
                                        "modules?q=1&state=ok&sort=calls&page=2",
                                        "modules/1/1",
                                        "modules/1/1/history?span=86400",
                                        "modules/1/1/latency",
                                        "zones/a/history?step=1&span=900",
                                        "zones",
                                        "services",
                                        "gateways",
                                        "scaling",
                                        "scaling/1/1?span=600",
                                        "alarms",
                                        "alarms/7",
                                        "alarms/8",
                                        "silences",
                                        "audit",
                                        "audit?subject=1/1&page=1",
                                        "alarm-targets",
                                        "sessions",
                                        "wall-links"};
    char path[100];
    size_t i;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        snprintf(path, sizeof(path), "/api/v1/%s", paths[i]);
        expect(200, &admin, "GET", path, NULL);
    }
}

static void ask_for_changes(void)
{
    char path[80], body[500];
    long long id;

    expect(200, &operator_, "POST", "/api/v1/changes?dry_run=1",
           "{\"operations\":[{\"op\":\"host\",\"host\":\"127.0.1.1\",\"state\":"
           "\"drained\"}]}");
    expect(428, &operator_, "POST", "/api/v1/changes",
           "{\"operations\":[{\"op\":\"confirm\",\"module\":\"1/1\"}],\"reason\":\"r\"}");
    expect(409, &operator_, "POST", "/api/v1/changes",
           "{\"operations\":[{\"op\":\"remove_module\",\"module\":\"1/1\"}],\"base\":[{"
           "\"module\":\"1/1\",\"sum\":\"0123456789abcdef\"}],\"reason\":\"r\"}");
    expect(422, &operator_, "POST", "/api/v1/changes",
           "{\"operations\":[{\"op\":\"set\",\"module\":\"1/1\"}]}");
    expect(
        422, &operator_, "POST", "/api/v1/changes?dry_run=1",
        "{\"operations\":[{\"op\":\"remove\",\"module\":\"1/1\",\"node\":\"9.9.9.9:9\"}"
        "]}");
    expect(200, &operator_, "GET", "/api/v1/modules/1/1", NULL);
    snprintf(body, sizeof(body),
             "{\"operations\":[{\"op\":\"add\",\"module\":\"2/2\",\"node\":"
             "\"10.0.0.1:80\",\"zone\":\"b\",\"weight\":50},{\"op\":\"name\",\"module\":"
             "\"2/2\",\"name\":\"shop\"},{\"op\":\"policy\",\"module\":\"1/1\","
             "\"timeout_ms\":200,\"node_inflight\":40,\"target_ms\":300}],"
             "\"base\":[{\"module\":\"1/1\",\"sum\":\"%s\"}],"
             "\"reason\":\"r\"}",
             web_text("base"));
    expect(201, &operator_, "POST", "/api/v1/changes", body);
    id = web_number("id");
    assert_int_equal(testdb_number("SELECT node_inflight = 40 AND target_ms = 300 FROM "
                                   "ModulePolicy WHERE modid = 1 AND cmdid = 1"),
                     1);
    expect(200, &operator_, "GET", "/api/v1/modules/1/1", NULL);
    assert_non_null(strstr(web_reply.body, "\"node_inflight\":40"));
    assert_non_null(strstr(web_reply.body, "\"target_ms\":300"));
    snprintf(path, sizeof(path), "/api/v1/audit/%lld", id);
    expect(200, &operator_, "GET", path, NULL);
    snprintf(path, sizeof(path), "/api/v1/changes/%lld", id);
    expect(200, &operator_, "GET", path, NULL);
}

static void ask_for_the_rest(void)
{
    char path[80];

    expect(204, &operator_, "POST", "/api/v1/alarms/7/ack", "{\"note\":\"seen\"}");
    expect(201, &operator_, "POST", "/api/v1/silences",
           "{\"kind\":\"zone_down\",\"subject\":\"b\",\"minutes\":5,\"reason\":\"r\"}");
    expect(200, &operator_, "GET", "/api/v1/silences", NULL);
    snprintf(path, sizeof(path), "/api/v1/silences/%lld",
             json_integer_value(json_object_get(
                 json_array_get(json_object_get(web_json, "items"), 0), "id")));
    expect(204, &operator_, "DELETE", path, NULL);
    expect(202, &operator_, "POST", "/api/v1/alarm-targets/wecom", "{}");
    expect(409, &operator_, "DELETE", "/api/v1/agents/h/10.0.0.1:1", NULL);
    testdb_sql("UPDATE Service SET seen_at = NOW(3) - INTERVAL 1 HOUR");
    expect(204, &operator_, "DELETE", "/api/v1/agents/h/10.0.0.1:1", NULL);
    expect(201, &admin, "POST", "/api/v1/wall-links", "{\"days\":3}");
    expect(204, &admin, "DELETE", "/api/v1/wall-links", NULL);
    expect(204, &admin, "DELETE", "/api/v1/sessions/viewer", NULL);
    expect(204, &operator_, "PUT", "/api/v1/session/password",
           "{\"old\":\"" PASSWORD "\",\"new\":\"a new long password\"}");
    expect(204, &operator_, "DELETE", "/api/v1/session", NULL);
}

static void ask_to_scale(void)
{
    char path[80];

    expect(204, &operator_, "POST", "/api/v1/scaling/1/1",
           "{\"max\":9,\"dry_run\":true,\"reason\":\"r\"}");
    expect(204, &operator_, "DELETE", "/api/v1/scaling/2/1", NULL);
    expect(201, &operator_, "POST", "/api/v1/scaling/plans",
           "{\"module\":\"1/1\",\"zone\":\"a\",\"until\":2100000000,\"nodes\":3}");
    expect(204, &operator_, "POST", "/api/v1/scaling/freeze",
           "{\"minutes\":5,\"reason\":\"r\"}");
    expect(204, &operator_, "POST", "/api/v1/scaling/hosts/h1", "{\"in_use\":false}");
    expect(200, &operator_, "GET", "/api/v1/scaling", NULL);
    snprintf(path, sizeof(path), "/api/v1/scaling/plans/%llu",
             testdb_number("SELECT MAX(id) FROM ScalePlan"));
    expect(204, &operator_, "DELETE", path, NULL);
    expect(204, &operator_, "DELETE", "/api/v1/scaling/freeze", NULL);
    expect(204, &operator_, "DELETE", "/api/v1/scaling/hosts/h2", NULL);
    expect(422, &operator_, "DELETE", path, NULL);
    expect(404, &operator_, "POST", "/api/v1/scaling/9/9", "{}");
    expect(403, &viewer, "DELETE", "/api/v1/scaling/freeze", NULL);
    expect(404, &viewer, "GET", "/api/v1/scaling/9/9", NULL);
}

static void ask_for_drills(void)
{
    testdb_sql(
        "DELETE FROM Drill; INSERT INTO Drill (id, token, name, script, state, who, "
        "host, folder, seen_at, live) VALUES (1, 'a', 'one', '', 'running', 'li', "
        "'h', '/', NOW(3) + INTERVAL 1 HOUR, '{}'); INSERT INTO Drill (id, token, "
        "name, script, state, who, host, folder, ended_at, live, report) VALUES "
        "(2, 'b', 'two', '', 'passed', 'li', 'h', '/', NOW(3), '{}', "
        "'{\"name\":\"two\",\"pass\":true,\"undone\":true,\"all\":{},"
        "\"targets\":[],\"events\":[],\"seconds\":[]}')");
    expect(200, &viewer, "GET", "/api/v1/drills", NULL);
    expect(202, &operator_, "POST", "/api/v1/drills/1/abort",
           "{\"consent\":\"one\",\"reason\":\"r\"}");
    expect(200, &viewer, "GET", "/api/v1/drills/1", NULL);
    expect(200, &viewer, "GET", "/api/v1/drills/2", NULL);
    expect(200, &viewer, "GET", "/api/v1/drills/2/report", NULL);
    expect(404, &viewer, "GET", "/api/v1/drills/1/report", NULL);
    expect(404, &viewer, "GET", "/api/v1/drills/9", NULL);
    expect(403, &viewer, "POST", "/api/v1/drills/1/abort", "{\"consent\":\"one\"}");
    expect(422, &operator_, "POST", "/api/v1/drills/1/abort", "{\"consent\":\"x\"}");
}

static void ask_for_what_is_refused(void)
{
    struct webclient c = admin;

    expect(401, &stranger, "GET", "/api/v1/overview", NULL);
    expect(401, &stranger, "POST", "/api/v1/session",
           "{\"user\":\"none such\",\"password\":\"x\"}");
    expect(403, &viewer, "GET", "/api/v1/sessions", NULL);
    expect(403, &viewer, "POST", "/api/v1/silences", "{}");
    strcpy(c.csrf, "wrong");
    expect(403, &c, "DELETE", "/api/v1/wall-links", NULL);
    expect(404, &viewer, "GET", "/api/v1/none", NULL);
    expect(404, &viewer, "GET", "/api/v1/modules/9/9", NULL);
    expect(404, &viewer, "GET", "/api/v1/alarms/999", NULL);
    expect(404, &viewer, "GET", "/api/v1/audit/999999", NULL);
    expect(404, &viewer, "GET", "/api/v1/changes/999999", NULL);
    expect(405, &viewer, "PUT", "/api/v1/zones", "{}");
    expect(400, &operator_, "POST", "/api/v1/changes", "{");
    expect(422, &viewer, "GET", "/api/v1/alarms?page=0", NULL);
    expect(422, &operator_, "POST", "/api/v1/alarms/999/ack", "{\"note\":\"x\"}");
    expect(422, &operator_, "POST", "/api/v1/silences",
           "{\"kind\":\"zone_down\",\"subject\":\"b\",\"minutes\":0,\"reason\":\"r\"}");
    expect(422, &operator_, "DELETE", "/api/v1/silences/999", NULL);
    expect(422, &operator_, "POST", "/api/v1/alarm-targets/none", "{}");
    expect(422, &admin, "POST", "/api/v1/wall-links", "{\"days\":31}");
    expect(422, &viewer, "PUT", "/api/v1/session/password",
           "{\"old\":\"wrong\",\"new\":\"a new long password\"}");
}

/* The data of the first event. */
static void note_event(const char *topic, const char *name)
{
    static char text[65536];
    char path[80], *data, *end = NULL;
    size_t n = 0;
    ssize_t k;
    int fd;

    snprintf(path, sizeof(path), "/api/v1/events?topics=%s", topic);
    fd = web_stream(&viewer, path);
    while (!end && n + 1 < sizeof(text) &&
           (k = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0) {
        n += (size_t)k;
        text[n] = '\0';
        end = strstr(text, "}\n\n");
    }
    close(fd);
    data = strstr(text, "data: ");
    assert_non_null(data);
    assert_non_null(end);
    end[1] = '\0';
    write_line(json_pack("{s:s,s:o}", "event", name, "body", parse(data + 6)));
    write_line(json_pack("{s:s,s:s,s:n,s:i,s:s,s:n}", "method", "GET", "path", path,
                         "sent", "status", 200, "type", "text/event-stream", "body"));
}

static const char *gateway_state(size_t i)
{
    const json_t *item = json_array_get(json_object_get(web_json, "items"), i),
                 *requests = json_object_get(json_object_get(item, "answer"), "requests");
    const char *state = json_string_value(json_object_get(item, "state"));

    return i == 0 && !json_is_real(json_object_get(requests, "node")) ? "no rate" : state;
}

/* One has rates, the other is known to be unreachable. */
static void wait_for_gateways(void)
{
    T_WAIT(ask(&viewer, "GET", "/api/v1/gateways", NULL) == 200 &&
           strcmp(gateway_state(0), "ready") == 0 &&
           strcmp(gateway_state(1), "unreachable") == 0);
    T_WAIT(web(&viewer, "GET", "/api/v1/overview", NULL) == 200 &&
           json_integer_value(json_object_get(json_object_get(web_json, "gateways"),
                                              "unreachable")) == 1);
}

/* The receiver obeys everything; nothing listens at the other one. */
static void ask_for_drains(void)
{
#define ONE "/api/v1/gateways/127.0.0.1:%d/%s"
    char drain[80], undrain[80], consent[80];

    snprintf(drain, sizeof(drain), ONE, receiver.port, "drain");
    snprintf(undrain, sizeof(undrain), ONE, receiver.port, "undrain");
    snprintf(consent, sizeof(consent), "{\"reason\":\"r\",\"consent\":\"127.0.0.1:%d\"}",
             receiver.port);
    expect(403, &viewer, "POST", drain, consent);
    expect(409, &operator_, "POST", drain, "{\"reason\":\"r\"}");
    expect(204, &operator_, "POST", drain, consent);
    expect(422, &operator_, "POST", undrain, "{\"reason\":\"\"}");
    expect(204, &operator_, "POST", undrain, "{\"reason\":\"r\"}");
    expect(502, &operator_, "POST", "/api/v1/gateways/127.0.0.1:1/undrain",
           "{\"reason\":\"r\"}");
    expect(404, &operator_, "POST", "/api/v1/gateways/x/drain", "{\"reason\":\"r\"}");
}

static void t_every_answer_fits_its_schema(void **state)
{
    char command[200];

    (void)state;
    if (!has_checker()) {
        print_message("skip - answers_fit_schema: node or " NEEDS " is not there "
                      "(apt install npm, then make web)\n");
        skip();
    }
    fill_database();
    log_in(&viewer, "viewer");
    log_in(&operator_, "operator");
    log_in(&admin, "admin");
    T_WAIT(web(&admin, "GET", "/api/v1/overview", NULL) == 200 &&
           json_array_size(json_object_get(web_json, "alarms")) == 1);
    wait_for_gateways();
    expect(200, &stranger, "POST", "/api/v1/session",
           "{\"user\":\"admin\",\"password\":\"" PASSWORD "\"}");
    expect(200, &stranger, "POST", "/api/v1/session/wall", "{\"token\":\"" LINK "\"}");
    ask_all_gets();
    note_event("wall", "wall");
    note_event("overview", "overview");
    note_event("module:1/1", "module");
    ask_for_changes();
    ask_all_gets();
    ask_to_scale();
    ask_for_drills();
    ask_for_drains();
    ask_for_what_is_refused();
    ask_for_the_rest();
    assert_int_equal(fflush(answers), 0);
    snprintf(command, sizeof(command), "node " CHECKER " %s >&2", file_name);
    assert_int_equal(system(command), 0);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
TESTDB_MAIN(C(t_every_answer_fits_its_schema))
