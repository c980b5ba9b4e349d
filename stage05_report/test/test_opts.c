/* The command line of a server: the file is read first, then the options. */
#include "base/opts.h"
#include "t.h"

static struct set {
    char name[8];
    uint32_t port, quick;
} set;

static const struct conf_key keys[] = {
    {"a", "name", CONF_TEXT, offsetof(struct set, name), 0, sizeof(set.name), "x",
     "name"},
    {"a", "port", CONF_U32, offsetof(struct set, port), 0, 65535, "80", "port"},
    {"b", "quick", CONF_U32, offsetof(struct set, quick), 0, 1, "0", "1 = quick"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'p', "a", "port", NULL}, {'n', "a", "name", NULL}, {'q', "b", "quick", "1"}, {0}};

static char err[CONF_ERR_MAX];

static int read_args(char *a, char *b, char *c, char *d)
{
    char prog[] = "prog", *argv[] = {prog, a, b, c, d, NULL};
    int argc = 1;

    while (argc < 5 && argv[argc])
        argc++;
    return opts_read(argc, argv, flags, keys, &set, err);
}

static void t_nothing_said_is_the_presets(void **state)
{
    (void)state;
    set.port = 7;
    assert_int_equal(read_args(NULL, NULL, NULL, NULL), 0);
    assert_int_equal(set.port, 80);
    assert_string_equal(set.name, "x");
}

static void t_options_beat_the_file_wherever_they_stand(void **state)
{
    char path[] = "/tmp/lars_opts_XXXXXX", p[] = "-p9", q[] = "-q", c[] = "-c";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[a]\nport = 5\nname = file\n", 25), 25);
    close(fd);
    assert_int_equal(read_args(p, q, c, path), 0);
    unlink(path);
    assert_int_equal(set.port, 9);
    assert_int_equal(set.quick, 1);
    assert_string_equal(set.name, "file");
}

static void t_bad_option_is_named(void **state)
{
    char x[] = "-x", p[] = "-p", stray[] = "stray", big[] = "70000", name[1200];

    (void)state;
    assert_int_equal(read_args(x, NULL, NULL, NULL), -EINVAL);
    assert_non_null(strstr(err, "-x"));
    assert_int_equal(read_args(p, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(read_args(stray, NULL, NULL, NULL), -EINVAL);
    assert_non_null(strstr(err, "stray"));
    assert_int_equal(read_args(p, big, NULL, NULL), -EINVAL);
    assert_non_null(strstr(err, "use 0 to 65535"));
    memset(name, 'n', sizeof(name));
    name[0] = '-';
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(read_args(name, NULL, NULL, NULL), -EINVAL);
}

static void t_missing_file_is_named(void **state)
{
    char c[] = "-c", path[] = "/nonexistent.ini";

    (void)state;
    assert_int_equal(read_args(c, path, NULL, NULL), -ENOENT);
    assert_non_null(strstr(err, path));
}

static void t_check_config_is_no_run(void **state)
{
    char check[] = "--check-config";

    (void)state;
    assert_int_equal(read_args(check, NULL, NULL, NULL), 1);
}

T_MAIN(T(t_nothing_said_is_the_presets), T(t_options_beat_the_file_wherever_they_stand),
       T(t_bad_option_is_named), T(t_missing_file_is_named), T(t_check_config_is_no_run))
