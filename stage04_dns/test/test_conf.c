/* The table of configuration keys: values, defaults and exact error messages. */
#include "t.h"

#include "base/conf.h"

struct values {
    char name[8];
    uint32_t threads, port;
};

#define AT(field) offsetof(struct values, field)
static const struct conf_key keys[] = {
    {"server", "name", CONF_TEXT, AT(name), 0, 8, "lars", "a name"},
    {"server", "threads", CONF_U32, AT(threads), 1, LAB_COUNT, "2", "how many"},
    {"net", "port", CONF_U32, AT(port), 0, 65535, "7777", "TCP port"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static struct values v;
static char err[CONF_ERR_MAX];

static int load(const char *text)
{
    err[0] = '\0';
    conf_preset(keys, &v);
    return conf_load_text(keys, &v, text, "x.ini", err);
}

static void t_preset_sets_every_field(void **state)
{
    (void)state;
    assert_int_equal(load(""), 0);
    assert_string_equal(v.name, "lars");
    assert_int_equal(v.threads, 2);
    assert_int_equal(v.port, 7777);
}

static void t_load_sets_what_the_file_says(void **state)
{
    char text[100];

    (void)state;
    snprintf(text, sizeof(text),
             "; a comment\n[server]\nthreads = %d\nname=abc\n\n[net]\nport=0\n",
             LAB_COUNT);
    assert_int_equal(load(text), 0);
    assert_string_equal(v.name, "abc");
    assert_int_equal(v.threads, LAB_COUNT);
    assert_int_equal(v.port, 0);
}

static void t_load_unknown_key_names_line_and_suggestion(void **state)
{
    (void)state;
    assert_int_equal(load("[server]\nthread = 3\n"), -EINVAL);
    assert_string_equal(err, "x.ini:2: [server] thread: unknown key; did you mean "
                             "[server] threads?");
    assert_int_equal(load("[sever]\n\nthreads = 3\n"), -EINVAL);
    assert_string_equal(err, "x.ini:3: [sever] threads: unknown key; did you mean "
                             "[server] threads?");
    assert_int_equal(load("[server]\nzzzzzzzz = 3\n"), -EINVAL);
    assert_string_equal(err, "x.ini:2: [server] zzzzzzzz: unknown key");
}

static void t_load_bad_values_say_why_and_what_is_allowed(void **state)
{
    static const char *const bad[] = {"-1", "0x10", "3 ", "4294967298",
                                      "1e3", "", "99999999999"};
    char text[100], want[100];
    size_t i;

    (void)state;
    snprintf(text, sizeof(text), "[server]\nthreads = %d\n", LAB_COUNT + 1);
    snprintf(want, sizeof(want),
             "x.ini:2: [server] threads = %d: out of range; use 1 to %d", LAB_COUNT + 1,
             LAB_COUNT);
    assert_int_equal(load(text), -EINVAL);
    assert_string_equal(err, want);
    assert_int_equal(load("[server]\nname = 12345678\n"), -EINVAL);
    assert_string_equal(err, "x.ini:2: [server] name: too long; at most 7 bytes");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "[net]\nport = %s%s\n", bad[i], i == 2 ? "x" : "");
        assert_int_equal(load(text), -EINVAL);
        assert_non_null(strstr(err, "not a whole number; use 0 to 65535"));
    }
}

static void t_load_reports_the_first_error(void **state)
{
    (void)state;
    assert_int_equal(load("[net]\nport = 1\nprot = 2\nport = x\n"), -EINVAL);
    assert_non_null(strstr(err, "x.ini:3: [net] prot"));
}

static void t_load_a_line_without_meaning_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(load("[server]\nhello\n"), -EINVAL);
    assert_string_equal(err, "x.ini:2: neither [section] nor key = value");
}

static void t_load_endless_names_are_cut_not_overrun(void **state)
{
    char text[190];

    (void)state;
    memset(text, 'k', sizeof(text));
    memcpy(text, "[server]\n", 9);
    memcpy(text + 185, "=1\n", 4);
    assert_int_equal(load(text), -EINVAL);
    assert_true(strlen(err) < CONF_ERR_MAX - 1);
}

static void t_load_missing_file_says_which(void **state)
{
    (void)state;
    assert_int_equal(conf_load(keys, &v, "/nowhere/x.ini", err), -ENOENT);
    assert_string_equal(err, "/nowhere/x.ini: cannot be read: No such file or directory");
    assert_int_equal(conf_load(keys, &v, "/", err), -EIO);
    assert_string_equal(err, "/: reading failed");
}

static void t_print_is_read_back(void **state)
{
    char path[] = "/tmp/lars_conf_XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    struct values was;

    (void)state;
    assert_int_equal(load("[server]\nthreads = 5\nname = q\n[net]\nport = 1\n"), 0);
    was = v;
    conf_print(keys, &v, f);
    fclose(f);
    conf_preset(keys, &v);
    assert_int_equal(conf_load(keys, &v, path, err), 0);
    assert_string_equal(v.name, was.name);
    assert_int_equal(v.threads, 5);
    assert_int_equal(v.port, 1);
    unlink(path);
}

T_MAIN(T(t_preset_sets_every_field), T(t_load_sets_what_the_file_says),
       T(t_load_unknown_key_names_line_and_suggestion),
       T(t_load_bad_values_say_why_and_what_is_allowed),
       T(t_load_reports_the_first_error), T(t_load_a_line_without_meaning_is_an_error),
       T(t_load_endless_names_are_cut_not_overrun), T(t_load_missing_file_says_which),
       T(t_print_is_read_back))
