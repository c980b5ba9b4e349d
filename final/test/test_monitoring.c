/* The dashboards of deploy/monitoring are what Grafana takes: JSON with panels that have
 * a place of their own, queries with a name each, and titles.  That their metrics exist
 * is checked by docs/tools/monitoring. */
#include <jansson.h>

#include "t.h"

#define WIDTH 24 /* of a dashboard */
#define HEIGHT 400

static const char *const files[] = {"deploy/monitoring/lars-dashboard.en.json",
                                    "deploy/monitoring/lars-dashboard.zh.json"};

static json_t *load(const char *path)
{
    json_error_t why;
    json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

    if (!j)
        print_message("%s:%d: %s\n", path, why.line, why.text);
    assert_non_null(j);
    return j;
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));

    if (!text)
        print_message("no text %s\n", key);
    assert_non_null(text);
    return text;
}

static int number_of(const json_t *j, const char *key)
{
    assert_true(json_is_integer(json_object_get(j, key)));
    return (int)json_integer_value(json_object_get(j, key));
}

/* Marks the place of a panel, which no other one has. */
static void take_place(bool taken[HEIGHT][WIDTH], const json_t *panel)
{
    const json_t *at = json_object_get(panel, "gridPos");
    int x = number_of(at, "x"), y = number_of(at, "y"), w = number_of(at, "w"),
        h = number_of(at, "h"), i, k;

    assert_true(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= WIDTH && y + h < HEIGHT);
    for (i = y; i < y + h; i++)
        for (k = x; k < x + w; k++) {
            assert_false(taken[i][k]);
            taken[i][k] = true;
        }
}

static void check_queries(const json_t *panel)
{
    const json_t *list = json_object_get(panel, "targets"), *q;
    char before[8] = "";
    size_t i;

    assert_true(json_array_size(list) >= 1);
    json_array_foreach(list, i, q)
    {
        assert_true(text_of(q, "expr")[0] != '\0');
        assert_true(text_of(q, "legendFormat")[0] != '\0');
        assert_true(strcmp(text_of(q, "refId"), before) > 0); /* A, B, C: each once */
        snprintf(before, sizeof(before), "%s", text_of(q, "refId"));
    }
    assert_string_equal(text_of(json_object_get(panel, "datasource"), "uid"),
                        "${source}");
}

static void check_board(const char *path)
{
    static bool taken[HEIGHT][WIDTH];
    json_t *j = load(path);
    const json_t *panel;
    size_t i;
    int rows = 0, queries = 0, id = 0;

    memset(taken, 0, sizeof(taken));
    assert_true(number_of(j, "schemaVersion") >= 36);
    assert_true(text_of(j, "uid")[0] != '\0' && strlen(text_of(j, "uid")) <= 40);
    json_array_foreach(json_object_get(j, "panels"), i, panel)
    {
        assert_true(number_of(panel, "id") > id); /* each once */
        id = number_of(panel, "id");
        assert_true(text_of(panel, "title")[0] != '\0');
        take_place(taken, panel);
        if (strcmp(text_of(panel, "type"), "row") == 0) {
            rows++;
            continue;
        }
        assert_string_equal(text_of(panel, "type"), "timeseries");
        check_queries(panel);
        queries++;
    }
    assert_int_equal(rows, 7);
    assert_true(queries >= 30);
    json_decref(j);
}

static void t_both_dashboards_are_what_grafana_takes(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        check_board(files[i]);
}

/* The English one has no character that needs another font, the Chinese one has Chinese
 * titles, and neither has the identity of the other, so both can be loaded. */
static void t_each_dashboard_is_in_its_language(void **state)
{
    json_t *en = load(files[0]), *zh = load(files[1]);
    char *text = json_dumps(en, JSON_ENCODE_ANY);
    const json_t *panel;
    size_t i;

    (void)state;
    assert_non_null(text);
    for (i = 0; text[i]; i++)
        assert_true((unsigned char)text[i] < 0x80);
    free(text);
    json_array_foreach(json_object_get(zh, "panels"), i, panel)
    {
        const char *title = text_of(panel, "title");

        assert_true(strpbrk(title, "\xe4\xe5\xe6\xe7\xe8\xe9") ||
                    strstr(title, "Agent") || strstr(title, "lars-"));
    }
    assert_string_not_equal(text_of(en, "uid"), text_of(zh, "uid"));
    assert_string_not_equal(text_of(en, "title"), text_of(zh, "title"));
    json_decref(en);
    json_decref(zh);
}

T_MAIN(T(t_both_dashboards_are_what_grafana_takes),
       T(t_each_dashboard_is_in_its_language))
