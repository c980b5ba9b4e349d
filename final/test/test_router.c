/* Paths are compared byte for byte, what is not in the table is not answered, and every
 * route has a role. */
#include "web/router.h"

#include "t.h"

static struct request q;

static const struct route *find(const char *method, const char *path)
{
    reply_free(&q.reply);
    q = (struct request){.id = 0};
    snprintf(q.method, sizeof(q.method), "%s", method);
    snprintf(q.path, sizeof(q.path), "%s", path);
    return router_find(&q);
}

static void expect_refusal(const char *method, const char *path, unsigned status)
{
    if (find(method, path))
        fail_msg("%s %s has a route", method, path);
    if (q.reply.status != status)
        fail_msg("%s %s: %u instead of %u", method, path, q.reply.status, status);
    reply_free(&q.reply);
}

static void t_every_route_but_the_logins_has_a_role_and_a_handler(void **state)
{
    const struct route *r;
    size_t i, n_open = 0;

    (void)state;
    for (i = 0; (r = router_at(i)); i++) {
        bool login = strcmp(r->path, "/api/v1/session") == 0 ||
                     strcmp(r->path, "/api/v1/session/wall") == 0;

        assert_int_equal(strncmp(r->path, "/api/v1/", 8), 0);
        assert_in_range(r->role, SESSION_NONE, SESSION_ADMIN);
        if (r->role == SESSION_NONE) {
            n_open++;
            assert_true(login && strcmp(r->method, "POST") == 0);
        }
        assert_true((r->fn == NULL) == (r->place == ROUTE_STREAM));
    }
    assert_true(i > 20);
    assert_int_equal(n_open, 2);
}

static void t_every_change_needs_an_operator(void **state)
{
    const struct route *r;
    size_t i;

    (void)state;
    for (i = 0; (r = router_at(i)); i++)
        if (strcmp(r->method, "GET") != 0 && !strstr(r->path, "/session"))
            assert_true(r->role >= SESSION_OPERATOR);
}

static void t_numbers_of_a_path_are_read(void **state)
{
    (void)state;
    assert_non_null(find("GET", "/api/v1/modules/4294967295/0"));
    assert_int_equal(q.m, 4294967295u);
    assert_int_equal(q.c, 0);
    assert_non_null(find("GET", "/api/v1/modules/1/2/history"));
    assert_int_equal(q.m, 1);
    assert_int_equal(q.c, 2);
    assert_non_null(find("GET", "/api/v1/alarms/9223372036854775807"));
    assert_int_equal(q.id, 9223372036854775807ull);
    assert_non_null(find("DELETE", "/api/v1/agents/host/127.0.0.1:8888"));
    assert_string_equal(q.name, "host/127.0.0.1:8888");
}

static void t_names_in_a_path_are_decoded_once(void **state)
{
    (void)state;
    assert_non_null(find("GET", "/api/v1/zones/%e5%86%9C/history"));
    assert_string_equal(q.name, "\xe5\x86\x9c");
    assert_non_null(find("GET", "/api/v1/zones/b/%2541%27%3b/history"));
    assert_string_equal(q.name, "b/%41';");
    assert_non_null(find("GET", "/api/v1/zones//history/history"));
    assert_string_equal(q.name, "/history");
    assert_non_null(find("DELETE", "/api/v1/sessions/%e6%9d%8e"));
    assert_string_equal(q.name, "\xe6\x9d\x8e");
}

static void t_other_spellings_of_a_path_are_not_found(void **state)
{
    static const char *const paths[] = {"",
                                        "/",
                                        "/api",
                                        "/api/",
                                        "/api/v1",
                                        "/api/v1/",
                                        "/API/v1/zones",
                                        "/api/v1/Zones",
                                        "/api/v1/zones/",
                                        "/api/v1//zones",
                                        "//api/v1/zones",
                                        "/api/v1/./zones",
                                        "/api/v1/x/../zones",
                                        "/api/v1/%7aones",
                                        "/api/v1/zone%73",
                                        "/api/v1/zones%2e",
                                        "/api/v1/zones%00",
                                        "/api/v1/zones;",
                                        "/api/v1/zones?",
                                        "/api/v1/zones ",
                                        " /api/v1/zones",
                                        "\\api\\v1\\zones",
                                        "http://x/api/v1/zones",
                                        "/api/v2/zones",
                                        "/api/v1/zone",
                                        "/api/v1/modules/1",
                                        "/api/v1/modules/1/",
                                        "/api/v1/modules//1",
                                        "/api/v1/modules/1/1/",
                                        "/api/v1/modules/1/1/latencies",
                                        "/api/v1/zones//history",
                                        "/api/v1/zones/history",
                                        "/api/v1/zones/a/histor%79",
                                        "/api/v1/zones/%ff/history",
                                        "/api/v1/zones/%00/history",
                                        "/api/v1/zones/a%00b/history",
                                        "/api/v1/zones/%/history",
                                        "/api/v1/zones/%4/history",
                                        "/api/v1/zones/%4g/history",
                                        "/api/v1/zones/%-1/history",
                                        "/api/v1/modules/1/1history",
                                        "/api/v1/modules/{m}/{c}"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        expect_refusal("GET", paths[i], 404);
    expect_refusal("DELETE", "/api/v1/agents/", 404);
    expect_refusal("DELETE", "/api/v1/agents", 404);
}

static void t_numbers_have_one_spelling_and_a_range(void **state)
{
    static const char *const numbers[] = {"01",
                                          "00",
                                          "+1",
                                          "-1",
                                          " 1",
                                          "1 ",
                                          "0x1",
                                          "1e3",
                                          "1.0",
                                          "%31",
                                          "",
                                          "9223372036854775808",
                                          "18446744073709551616",
                                          "99999999999999999999999999"};
    char path[100];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        snprintf(path, sizeof(path), "/api/v1/alarms/%s", numbers[i]);
        expect_refusal("GET", path, 404);
        snprintf(path, sizeof(path), "/api/v1/modules/%s/1", numbers[i]);
        expect_refusal("GET", path, 404);
        snprintf(path, sizeof(path), "/api/v1/modules/1/%s", numbers[i]);
        expect_refusal("GET", path, 404);
    }
    expect_refusal("GET", "/api/v1/modules/4294967296/1", 404);
    expect_refusal("GET", "/api/v1/modules/1/4294967296", 404);
}

static void t_known_path_with_another_method_is_405(void **state)
{
    (void)state;
    expect_refusal("POST", "/api/v1/zones", 405);
    expect_refusal("get", "/api/v1/zones", 405);
    expect_refusal("HEAD", "/api/v1/zones", 405);
    expect_refusal("OPTIONS", "/api/v1/changes", 405);
    expect_refusal("PATCH", "/api/v1/session", 405);
    expect_refusal("", "/api/v1/session", 405);
    expect_refusal("DELETE", "/api/v1/modules/1/1", 405);
}

T_MAIN(T(t_every_route_but_the_logins_has_a_role_and_a_handler),
       T(t_every_change_needs_an_operator), T(t_numbers_of_a_path_are_read),
       T(t_names_in_a_path_are_decoded_once),
       T(t_other_spellings_of_a_path_are_not_found),
       T(t_numbers_have_one_spelling_and_a_range),
       T(t_known_path_with_another_method_is_405))
