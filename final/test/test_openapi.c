/* web/openapi.json describes each route of router.c, with its role, and no other. */
#include <jansson.h>

#include "t.h"
#include "web/router.h"

#define FILE_NAME "web/openapi.json"

static json_t *paths, *doc;

static int open_file(void **state)
{
    json_error_t err;

    (void)state;
    doc = json_load_file(FILE_NAME, JSON_REJECT_DUPLICATES, &err);
    if (!doc)
        fail_msg(FILE_NAME ":%d: %s", err.line, err.text);
    paths = json_object_get(doc, "paths");
    assert_true(json_is_object(paths));
    return 0;
}

static int close_file(void **state)
{
    (void)state;
    json_decref(doc);
    return 0;
}

/* "/sessions/{name}" for "/api/v1/sessions/{name*}", and the method in small letters. */
static void read_route(const struct route *r, char path[100], char method[10])
{
    size_t i, n = 0;

    for (i = strlen("/api/v1"); r->path[i] && n < 99; i++)
        if (r->path[i] != '*')
            path[n++] = r->path[i];
    path[n] = '\0';
    for (i = 0; r->method[i] && i < 9; i++)
        method[i] = (char)(r->method[i] | 32);
    method[i] = '\0';
}

static void t_each_route_is_in_the_file_with_its_role(void **state)
{
    const struct route *r;
    char path[100], method[10];
    size_t i;

    (void)state;
    for (i = 0; (r = router_at(i)); i++) {
        const json_t *op;
        const char *role;

        read_route(r, path, method);
        op = json_object_get(json_object_get(paths, path), method);
        role = json_string_value(json_object_get(op, "x-role"));
        if (!op || !role ||
            strcmp(role, r->role == SESSION_NONE ? "none" : session_role_name(r->role)))
            fail_msg("%s %s: the file has the role %s", method, path,
                     role ? role : "(none)");
    }
}

static bool has_route(const char *path, const char *method)
{
    char p[100], m[10];
    const struct route *r;
    size_t i;

    for (i = 0; (r = router_at(i)); i++) {
        read_route(r, p, m);
        if (strcmp(p, path) == 0 && strcmp(m, method) == 0)
            return true;
    }
    return false;
}

static void t_each_operation_of_the_file_has_a_route(void **state)
{
    const char *path, *method;
    json_t *item, *op;

    (void)state;
    json_object_foreach(paths, path, item) json_object_foreach(item, method, op)
    {
        if (!has_route(path, method))
            fail_msg("%s %s is not in router.c", method, path);
    }
}

/* Is there a parameter of this name "in" the path? */
static bool has_parameter(const json_t *op, const char *name, size_t n)
{
    const json_t *list = json_object_get(op, "parameters"), *p;
    size_t i;

    json_array_foreach(list, i, p)
    {
        const char *is = json_string_value(json_object_get(p, "name")),
                   *in = json_string_value(json_object_get(p, "in"));

        if (is && in && strcmp(in, "path") == 0 && strlen(is) == n &&
            strncmp(is, name, n) == 0)
            return true;
    }
    return false;
}

static void t_each_value_of_a_path_is_described(void **state)
{
    const char *path, *method, *at;
    json_t *item, *op;

    (void)state;
    json_object_foreach(paths, path, item) json_object_foreach(item, method, op)
    {
        for (at = path; (at = strchr(at, '{')); at++)
            if (!has_parameter(op, at + 1, strcspn(at + 1, "}")))
                fail_msg("%s %s: %s", method, path, at);
    }
}

#define F(fn) cmocka_unit_test_setup_teardown(fn, open_file, close_file)
T_MAIN(F(t_each_route_is_in_the_file_with_its_role),
       F(t_each_operation_of_the_file_has_a_route),
       F(t_each_value_of_a_path_is_described))
