/* Wrong use of the API is an error with a text that names the argument, and has no other
 * effect; the key of a string. */
#include "api/lars.h"

#include "api/lars_nowait.h"
#include "api/lars_retry.h"
#include "api/lars_status.h"
#include "t.h"

static const struct lars_options here = {.port = 9, .dir = "/nonexistent"};

static struct lars_client *open_here(void)
{
    struct lars_client *c = NULL;

    assert_int_equal(lars_open(&c, &here), 0);
    return c;
}

static void t_null_is_an_error_everywhere(void **state)
{
    struct lars_client *c = open_here();
    struct lars_retry r = {.modid = 1, .cmdid = 1};
    struct lars_status s = {.size = sizeof(s)};
    struct lars_host h = {.modid = 1, .cmdid = 1};

    (void)state;
    assert_int_equal(lars_open(NULL, NULL), -EINVAL);
    assert_int_equal(lars_get_host(c, 1, 1, NULL), -EINVAL);
    assert_int_equal(lars_get_host_key(c, 1, 1, 7, NULL), -EINVAL);
    assert_int_equal(lars_get_host_opt(c, 1, 1, NULL, NULL), -EINVAL);
    assert_int_equal(lars_nowait_get(c, 1, 1, 0, NULL), -EINVAL);
    assert_int_equal(lars_get_route(c, 1, 1, NULL, 3), -EINVAL);
    assert_int_equal(lars_report(c, NULL, 0), -EINVAL);
    assert_int_equal(lars_end(c, NULL, LARS_WELL), -EINVAL);
    assert_int_equal(lars_cancel(NULL, &h), -EINVAL);
    assert_int_equal(lars_retry_next(c, NULL, &h), -EINVAL);
    assert_int_equal(lars_retry_next(c, &r, NULL), -EINVAL);
    assert_int_equal(lars_retry_next(NULL, &r, &h), -EINVAL);
    assert_int_equal(lars_status(NULL, &s), -EINVAL);
    assert_int_equal(lars_status(c, NULL), -EINVAL);
    s.size = 0;
    assert_int_equal(lars_status(c, &s), -EINVAL);
    lars_close(c);
}

static void t_closed_client_is_an_error(void **state)
{
    struct lars_client *c = open_here();
    struct lars_retry r = {.modid = 1, .cmdid = 1};
    struct lars_status s = {.size = sizeof(s)};
    struct lars_host h = {.modid = 1, .cmdid = 1};
    struct lars_addr a;

    (void)state;
    lars_close(c);
    lars_close(c);
    assert_int_equal(lars_get_host(c, 1, 1, &h), -EINVAL);
    assert_int_equal(lars_nowait_get(c, 1, 1, 0, &h), -EINVAL);
    assert_int_equal(lars_get_route(c, 1, 1, &a, 1), -EINVAL);
    assert_int_equal(lars_register(c, 1, 1), -EINVAL);
    assert_int_equal(lars_report(c, &h, 0), -EINVAL);
    assert_int_equal(lars_cancel(c, &h), -EINVAL);
    assert_int_equal(lars_retry_next(c, &r, &h), -EINVAL);
    assert_int_equal(lars_status(c, &s), -EINVAL);
}

static void t_memory_of_a_closed_client_is_used_again(void **state)
{
    struct lars_client *c = open_here(), *d;

    (void)state;
    lars_close(c);
    d = open_here();
    assert_ptr_equal(d, c);
    assert_int_equal(lars_get_host(d, 0, 0, NULL), -EINVAL);
    lars_close(d);
}

static void refused(const struct lars_options *o, const char *text)
{
    struct lars_client *c = NULL;

    assert_int_equal(lars_open(&c, o), -EINVAL);
    assert_null(c);
    assert_string_equal(lars_last_error(), text);
}

static void t_each_wrong_option_is_named_with_its_value(void **state)
{
    struct lars_options o = {.size = sizeof(o), .address = "localhost"};
    struct lars_hooks hooks = {.size = 0};

    (void)state;
    refused(&o, "address: \"localhost\" is not an address such as 127.0.0.1 or ::1; "
                "names are not resolved");
    o = (struct lars_options){.size = sizeof(o), .port = 65535};
    refused(&o, "port: 65535 is not from 1 to 65533");
    o = (struct lars_options){.size = sizeof(o), .timeout_ms = LARS_TIMEOUT_MAX_MS + 1};
    refused(&o, "timeout_ms: 3600001 is more than 3600000");
    o = (struct lars_options){.size = sizeof(o), .hooks = &hooks};
    refused(&o, "hooks->size: 0 is not sizeof(struct lars_hooks), 40");
    setenv("LARS_PORT", "abc", 1);
    refused(NULL, "LARS_PORT: \"abc\" is not a number from 1 to 65533");
    unsetenv("LARS_PORT");
    setenv("LARS_ADDRESS", "localhost", 1);
    refused(NULL, "LARS_ADDRESS: \"localhost\" is not an address such as 127.0.0.1 or "
                  "::1; names are not resolved");
    unsetenv("LARS_ADDRESS");
}

static void t_text_of_an_earlier_error_does_not_stay(void **state)
{
    struct lars_options o = {.address = "localhost"};
    struct lars_client *c;

    (void)state;
    assert_int_equal(lars_open(&c, &o), -EINVAL);
    assert_string_not_equal(lars_last_error(), "");
    c = open_here();
    assert_string_equal(lars_last_error(), "");
    lars_close(c);
}

/* A program that was built with version 1.1 sets no size, or that of 1.1. */
static void t_options_of_version_1_1_are_read_without_what_came_later(void **state)
{
    struct {
        struct lars_options o;
    } old = {{.port = 9, .dir = "/nonexistent", .hooks = (void *)1}};
    struct lars_client *c;

    (void)state;
    assert_int_equal(lars_open(&c, &old.o), 0);
    lars_close(c);
    old.o.size = offsetof(struct lars_options, hooks);
    assert_int_equal(lars_open(&c, &old.o), 0);
    lars_close(c);
}

static void t_part_of_a_struct_is_not_used(void **state)
{
    struct lars_hooks hooks = {.size = sizeof(hooks) - 4};
    struct lars_options o = {.port = 9, .dir = "/nonexistent", .hooks = (void *)1};
    struct lars_client *c;

    (void)state;
    for (o.size = offsetof(struct lars_options, hooks); o.size < sizeof(o); o.size++) {
        assert_int_equal(lars_open(&c, &o), 0);
        lars_close(c);
    }
    o.hooks = &hooks;
    refused(&o, "hooks->size: 36 is not sizeof(struct lars_hooks), 40");
}

static void named(struct lars_client *c, uint32_t id, struct lars_host *h,
                  const char *text)
{
    struct lars_retry r = {.modid = id, .cmdid = id};

    assert_int_equal(lars_get_host_opt(c, id, id, NULL, h), -EINVAL);
    assert_string_equal(lars_last_error(), text);
    assert_int_equal(lars_retry_next(c, &r, h), -EINVAL);
    assert_string_equal(lars_last_error(), text);
}

static void t_each_wrong_argument_of_a_call_is_named(void **state)
{
    struct lars_client *c = open_here();
    struct lars_host h;

    (void)state;
    named(NULL, 1, &h, "c: the client is NULL");
    named(c, 0, &h, "modid, cmdid: 0/0 is no module");
    named(c, 1, NULL, "out: it is NULL");
    lars_close(c);
    named(c, 1, &h, "c: the client is closed");
}

static void text_is(int rc, const char *text)
{
    assert_int_equal(rc, -EINVAL);
    assert_string_equal(lars_last_error(), text);
}

static void t_each_function_names_its_own_wrong_argument(void **state)
{
    struct lars_client *c = open_here();
    struct lars_host h = {.modid = 1};
    struct lars_status st = {0};
    struct lars_addr a;

    (void)state;
    text_is(lars_get_host(c, 0, 0, &h), "modid, cmdid: 0/0 is no module");
    text_is(lars_get_host_key(c, 1, 1, 7, NULL), "out: it is NULL");
    text_is(lars_nowait_get(c, 0, 0, 7, &h), "modid, cmdid: 0/0 is no module");
    text_is(lars_get_route(c, 1, 1, NULL, 1), "out: it is NULL");
    text_is(lars_register(c, 0, 0), "modid, cmdid: 0/0 is no module");
    text_is(lars_report(c, NULL, 0), "h: it is NULL");
    text_is(lars_end(c, &h, LARS_OUTCOMES), "outcome: 4 is not from 0 to 3");
    text_is(lars_status(c, NULL), "out: it is NULL");
    text_is(lars_status(c, &st), "out->size: 0 is not sizeof(struct lars_status), 848");
    h.modid = 0;
    text_is(lars_cancel(c, &h), "h: it is no call of lars_get_host()");
    lars_close(c);
    text_is(lars_get_host(c, 1, 1, &h), "c: the client is closed");
    text_is(lars_report(NULL, &h, 0), "c: the client is NULL");
    text_is(lars_get_route(c, 1, 1, &a, 1), "c: the client is closed");
    text_is(lars_status(c, &st), "c: the client is closed");
}

static void t_wrong_options_of_a_call_are_named(void **state)
{
    struct lars_client *c = open_here();
    struct lars_get_options o = {.flags = 4};
    struct lars_retry r = {.modid = 1, .cmdid = 1, .attempts = 5};
    struct lars_host h;

    (void)state;
    assert_int_equal(lars_get_host_opt(c, 1, 1, &o, &h), -EINVAL);
    assert_string_equal(lars_last_error(), "flags: 0x4 has a flag that does not exist");
    o = (struct lars_get_options){.size = 3};
    assert_int_equal(lars_get_host_opt(c, 1, 1, &o, &h), -EINVAL);
    o = (struct lars_get_options){.timeout_ms = LARS_TIMEOUT_MAX_MS + 1};
    assert_int_equal(lars_get_host_opt(c, 1, 1, &o, &h), -EINVAL);
    o = (struct lars_get_options){.n_avoid = 1};
    assert_int_equal(lars_get_host_opt(c, 1, 1, &o, &h), -EINVAL);
    assert_int_equal(lars_retry_next(c, &r, &h), -EINVAL);
    assert_string_equal(lars_last_error(), "attempts: 5 is more than 4");
    lars_close(c);
}

static void t_outcome_that_does_not_exist_is_an_error(void **state)
{
    struct lars_client *c = open_here();
    struct lars_host h = {.modid = 1, .cmdid = 1};

    (void)state;
    assert_int_equal(lars_end(c, &h, LARS_OUTCOMES), -EINVAL);
    assert_int_equal(lars_end(c, &h, (enum lars_outcome)(-1)), -EINVAL);
    lars_close(c);
}

static void t_status_without_an_agent_says_why(void **state)
{
    struct lars_client *c = open_here();
    struct lars_status s = {.size = sizeof(s)};

    (void)state;
    assert_int_equal(lars_status(c, &s), 0);
    assert_int_equal(s.path, LARS_PATH_UDP);
    assert_int_equal(s.shm_error, -ENOENT);
    assert_int_equal(s.agent_alive, -1);
    assert_string_equal(s.shm_file, "/nonexistent");
    assert_non_null(strstr(s.shm_why, "/nonexistent: No such file or directory: no"));
    lars_close(c);
}

/* A program that was built with a later header passes a longer struct, one that was built
 * with this one keeps what follows it. */
static void t_status_writes_no_more_than_its_size(void **state)
{
    struct lars_client *c = open_here();
    struct {
        struct lars_status s;
        uint8_t more[16];
    } x;

    (void)state;
    memset(&x, 0x55, sizeof(x));
    x.s.size = 12;
    assert_int_equal(lars_status(c, &x.s), 0);
    assert_int_equal(x.s.size, 12);
    assert_int_equal(x.s.agent_alive, 0x55555555);
    x.s.size = sizeof(x);
    assert_int_equal(lars_status(c, &x.s), 0);
    assert_int_equal(x.s.size, sizeof(x.s));
    assert_int_equal(x.more[0], 0x55);
    lars_close(c);
}

static void t_calls_without_a_node_are_counted(void **state)
{
    const struct lars_get_options o = {.timeout_ms = 1};
    struct lars_client *c = open_here();
    struct lars_status s = {.size = sizeof(s)};
    struct lars_host h;
    int i;

    (void)state;
    for (i = 0; i < 3; i++)
        assert_int_equal(lars_get_host_opt(c, 1, 1, &o, &h), -ETIMEDOUT);
    assert_int_equal(lars_status(c, &s), 0);
    assert_int_equal(s.begun[LARS_PATH_NONE], 3);
    assert_int_equal(s.begun[LARS_PATH_UDP], 0);
    lars_close(c);
}

/* Values of the authors of FNV. */
static void t_key_is_fnv_1a(void **state)
{
    (void)state;
    assert_true(lars_key("", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(lars_key("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(lars_key("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

static void t_version_of_the_header_is_that_of_the_library(void **state)
{
    char text[20];

    (void)state;
    snprintf(text, sizeof(text), "%d.%d.%d", LARS_VERSION_MAJOR, LARS_VERSION_MINOR,
             LARS_VERSION_PATCH);
    assert_string_equal(text, lars_version());
}

#define P(fn) cmocka_unit_test_setup_teardown(fn, t_fds_save, t_fds_check)

T_MAIN(P(t_null_is_an_error_everywhere), P(t_closed_client_is_an_error),
       P(t_memory_of_a_closed_client_is_used_again),
       P(t_each_wrong_option_is_named_with_its_value),
       P(t_text_of_an_earlier_error_does_not_stay),
       P(t_options_of_version_1_1_are_read_without_what_came_later),
       P(t_part_of_a_struct_is_not_used), P(t_each_wrong_argument_of_a_call_is_named),
       P(t_each_function_names_its_own_wrong_argument),
       P(t_wrong_options_of_a_call_are_named),
       P(t_outcome_that_does_not_exist_is_an_error),
       P(t_status_without_an_agent_says_why), P(t_status_writes_no_more_than_its_size),
       P(t_calls_without_a_node_are_counted), P(t_key_is_fnv_1a),
       P(t_version_of_the_header_is_that_of_the_library))
