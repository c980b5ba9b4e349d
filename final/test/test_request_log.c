/* A line of the access log is found by the id of its request, and explained. */
#include "ctl/request_log.h"

#include "lib/textfile.h"

#define ID "31cc057e69c7a8d0"
#define LINE(id, target, rest)                                                           \
    "2026-11-26T13:59:34.292Z " id " 0 10.1.2.3 expo.example.edu GET " target " " rest   \
    "\n"
#define NODE "200 1024 1/2 10.0.1.7:8001 1 - miss new 0 210 1830 1902"

static char path[64], older[70], err[REQUEST_LOG_ERR], said[4000];
static struct request_log_entry entry;

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/test_request_log.%d", getpid());
    snprintf(older, sizeof(older), "%s.1", path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    unlink(older);
    return 0;
}

static int find(const char *id)
{
    return request_log_find(path, id, &entry, err);
}

static void explain(const char *line)
{
    FILE *to = fmemopen(said, sizeof(said), "w");

    assert_non_null(to);
    textfile_write(path, "%s", line);
    assert_int_equal(find(ID), 0);
    request_log_explain(&entry, to);
    fclose(to);
}

static void expect(const char *text, const char *in)
{
    if (!strstr(in, text))
        fail_msg("\"%s\" is not in: %s", text, in);
}

static void t_request_log_finds_a_request_among_others(void **state)
{
    (void)state;
    textfile_write(path, "%storn line\n%s%s", LINE("0000000000000001", "/a", NODE),
                   LINE(ID, "/zh/", NODE " TLSv1.3 east"),
                   LINE("0000000000000002", "/b", NODE " -"));
    assert_int_equal(find("0000000000000002"), 0);
    assert_string_equal(entry.column[REQUEST_LOG_TOTAL_US], "1902");
    assert_int_equal(find(ID), 0);
    assert_string_equal(entry.column[REQUEST_LOG_TARGET], "/zh/");
    assert_string_equal(entry.column[REQUEST_LOG_TOTAL_US], "1902");
}

static void t_request_log_looks_into_the_file_before_rotation(void **state)
{
    (void)state;
    textfile_write(path, LINE("0000000000000001", "/a", NODE));
    textfile_write(older, LINE(ID, "/zh/", NODE));
    assert_int_equal(find(ID), 0);
}

static void t_request_log_id_in_a_target_is_not_found(void **state)
{
    (void)state;
    textfile_write(path, LINE("0000000000000001", ID, NODE));
    assert_int_equal(find(ID), -ENOENT);
    expect("look on the host of the gateway that answered", err);
}

static void t_request_log_torn_line_is_not_found(void **state)
{
    (void)state;
    textfile_write(path, "2026-11-26T13:59:34.292Z " ID " 0 10.1.2.3 expo GET /\n");
    assert_int_equal(find(ID), -ENOENT);
}

static void t_request_log_wrong_id_is_refused(void **state)
{
    static const char *const wrong[] = {"", "31cc", "31CC057E69C7A8D0",
                                        "31cc057e69c7a8d0a", "../../../etc/pass"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(find(wrong[i]), -EINVAL);
        expect("X-Request-Id", err);
    }
}

static void t_request_log_missing_file_is_named(void **state)
{
    (void)state;
    assert_int_equal(find(ID), -ENOENT);
    expect(path, err);
    expect("[log] path", err);
}

static void t_request_log_explains_node_cache_and_times(void **state)
{
    (void)state;
    explain(LINE(ID, "/zh/", NODE));
    expect("a visitor at 10.1.2.3 sent GET /zh/ for the host expo.example.edu.", said);
    expect("The answer was 200 with 1024 bytes, 1.902 ms after", said);
    expect("no copy of the response, so it asked a node", said);
    expect("node 10.0.1.7:8001 of the module 1/2 was asked, in the only attempt", said);
    expect("Its response began 1.830 ms after", said);
}

static void t_request_log_explains_a_second_attempt(void **state)
{
    (void)state;
    explain(
        LINE(ID, "/", "200 5 1/2 10.0.1.7:8001 2 timeout pass inside 900 0 3001 3100"));
    expect("in attempt 2", said);
    expect("because the node did not begin its response within try_ms", said);
    expect("had been admitted before", said);
    expect("waited 0.900 ms for its admission", said);
}

static void t_request_log_explains_that_no_node_was_asked(void **state)
{
    (void)state;
    explain(LINE(ID, "/", "503 5000 1/2 - 0 - miss new 200000 0 0 200100"));
    expect("No node was asked.", said);
    expect("the limit of the module was reached", said);
}

static void t_request_log_explains_the_copy_of_the_site(void **state)
{
    (void)state;
    explain(LINE(ID, "/zh/", "200 1024 1/2 - 0 - static new 0 0 0 90"));
    expect("The response came from the copy of the site", said);
}

static void t_request_log_prints_no_control_characters(void **state)
{
    (void)state;
    explain(LINE(ID, "/\033[2J", NODE));
    assert_null(strchr(said, '\033'));
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(U(t_request_log_finds_a_request_among_others),
       U(t_request_log_looks_into_the_file_before_rotation),
       U(t_request_log_id_in_a_target_is_not_found),
       U(t_request_log_torn_line_is_not_found), U(t_request_log_wrong_id_is_refused),
       U(t_request_log_missing_file_is_named),
       U(t_request_log_explains_node_cache_and_times),
       U(t_request_log_explains_a_second_attempt),
       U(t_request_log_explains_that_no_node_was_asked),
       U(t_request_log_explains_the_copy_of_the_site),
       U(t_request_log_prints_no_control_characters))
