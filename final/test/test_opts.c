/* The command line of a program: options take precedence over the file, wrong ones are
 * named, and --help, --version and --describe are made from the same table. */
#include "base/opts.h"
#include "base/version.h"
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
    {'p', "port", "PORT", "a", "port", NULL, "Listen on this port."},
    {'n', "name", "NAME", "a", "name", NULL, NULL},
    {'q', "quick", NULL, "b", "quick", "1", "Be quick."},
    {0}};

static char file[] = "/tmp/lars_opts_XXXXXX";
static const char *const files[] = {"$LARS_TEST_OPTS", "/nonexistent.ini", NULL};
static char err[CONF_ERR_MAX];

static int check(const void *values, char why[CONF_ERR_MAX])
{
    const struct set *s = values;

    if (s->port != 13)
        return 0;
    snprintf(why, CONF_ERR_MAX, "[a] port must not be 13");
    return -EINVAL;
}

static void more(FILE *to, bool as_table)
{
    fputs(as_table ? "command\tgo\t\tGo.\n" : "\nCommands:\n  go\n", to);
}

static struct opts_program program = {.name = "prog",
                                      .summary = "tests its options",
                                      .operands = "",
                                      .about = "First paragraph.\nSecond one.",
                                      .flags = flags,
                                      .keys = keys,
                                      .files = opts_no_files,
                                      .exits = OPTS_EXITS,
                                      .check = check,
                                      .more = more};

static int read_args(char *a, char *b, char *c, char *d)
{
    char prog[] = "prog", *argv[] = {prog, a, b, c, d, NULL};
    int argc = 1;

    while (argc < 5 && argv[argc])
        argc++;
    return opts_read(&program, argc, argv, &set, err);
}

static int setup(void **state)
{
    (void)state;
    program.files = opts_no_files;
    program.min = program.max = 0;
    program.stop_at_operand = false;
    program.operands = "";
    err[0] = '\0';
    return unsetenv("LARS_TEST_OPTS");
}

/* Creates a file with <text>; its path is in <file>. */
static void write_file(const char *text)
{
    int fd;

    memcpy(file + strlen(file) - 6, "XXXXXX", 6);
    fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* The standard output of the program with the option <a>, which makes it end. */
static const char *output_of(char *a)
{
    static char text[8192];
    int out[2], keep = dup(1);
    ssize_t n;

    assert_int_equal(pipe(out), 0);
    fflush(stdout);
    dup2(out[1], 1);
    close(out[1]);
    assert_int_equal(read_args(a, NULL, NULL, NULL), 1);
    fflush(stdout);
    dup2(keep, 1);
    close(keep);
    n = read(out[0], text, sizeof(text) - 1);
    assert_true(n > 0);
    text[n] = '\0';
    close(out[0]);
    return text;
}

static void t_no_option_gives_the_defaults(void **state)
{
    (void)state;
    set.port = 7;
    assert_int_equal(read_args(NULL, NULL, NULL, NULL), 0);
    assert_int_equal(set.port, 80);
    assert_string_equal(set.name, "x");
}

static void t_options_precede_the_file_in_any_order(void **state)
{
    char p[] = "-p9", q[] = "--quick", c[] = "-c";

    (void)state;
    write_file("[a]\nport = 5\nname = file\n");
    assert_int_equal(read_args(p, q, c, file), 0);
    unlink(file);
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

static void t_check_config_only_checks(void **state)
{
    char checked[] = "--check-config", p[] = "--port=13";

    (void)state;
    assert_string_equal(output_of(checked), "options: ok\n");
    assert_int_equal(read_args(checked, p, NULL, NULL), -EINVAL);
    assert_string_equal(err, "[a] port must not be 13");
}

static void t_long_options_are_checked(void **state)
{
    char port[] = "--port=81", name[] = "--name", x[] = "x", quick[] = "--quick=1";
    char unknown[] = "--colour";

    (void)state;
    assert_int_equal(read_args(port, name, x, NULL), 0);
    assert_int_equal(set.port, 81);
    assert_string_equal(set.name, "x");
    assert_int_equal(read_args(name, NULL, NULL, NULL), -EINVAL);
    assert_string_equal(err, "--name: this option needs an argument; see prog --help");
    assert_int_equal(read_args(quick, NULL, NULL, NULL), -EINVAL);
    assert_string_equal(err, "--quick=1: this option takes no argument; see prog --help");
    assert_int_equal(read_args(unknown, NULL, NULL, NULL), -EINVAL);
    assert_string_equal(err, "--colour: there is no such option; see prog --help");
}

static void t_argument_with_a_line_end_is_refused(void **state)
{
    char n[] = "-n", value[] = "a\nport = 9";

    (void)state;
    assert_int_equal(read_args(n, value, NULL, NULL), -EINVAL);
    assert_int_equal(set.port, 80);
}

static void t_argument_with_a_comment_is_refused_and_not_cut(void **state)
{
    char n[] = "-n", late[] = "a ;b", first[] = ";b", none[] = "a;b";

    (void)state;
    assert_int_equal(read_args(n, late, NULL, NULL), -EINVAL);
    assert_int_equal(read_args(n, first, NULL, NULL), -EINVAL);
    assert_int_equal(read_args(n, none, NULL, NULL), 0);
    assert_string_equal(set.name, "a;b");
}

static void t_operands_are_counted(void **state)
{
    char a[] = "1", b[] = "2", p[] = "-p7", help[] = "-h";

    (void)state;
    program.operands = "MODID CMDID";
    program.min = program.max = 2;
    assert_int_equal(read_args(a, p, b, NULL), 0);
    assert_int_equal(set.port, 7);
    assert_int_equal(optind, 2);
    assert_int_equal(read_args(a, NULL, NULL, NULL), -EINVAL);
    assert_string_equal(
        err, "the arguments are MODID CMDID, and 1 were given; see prog --help");
    output_of(help); /* --help needs no operand */
    program.max = -1;
    program.stop_at_operand = true;
    assert_int_equal(read_args(a, b, p, NULL), 0);
    assert_int_equal(set.port, 80);
}

static void t_first_existing_file_is_read_without_c(void **state)
{
    char c[] = "-c", none[] = "/nonexistent.ini";

    (void)state;
    program.files = files;
    assert_int_equal(read_args(NULL, NULL, NULL, NULL), 0);
    assert_int_equal(set.port, 80);
    write_file("[a]\nport = 6\n");
    setenv("LARS_TEST_OPTS", file, 1);
    assert_int_equal(read_args(NULL, NULL, NULL, NULL), 0);
    assert_int_equal(set.port, 6);
    unlink(file); /* a named file must exist */
    assert_int_equal(read_args(NULL, NULL, NULL, NULL), -ENOENT);
    assert_int_equal(read_args(c, none, NULL, NULL), -ENOENT);
}

static void t_program_without_a_file_has_no_c(void **state)
{
    char c[] = "-c", path[] = "x.ini", checked[] = "--check-config";

    (void)state;
    program.files = NULL;
    assert_int_equal(read_args(c, path, NULL, NULL), -EINVAL);
    assert_int_equal(read_args(checked, NULL, NULL, NULL), -EINVAL);
}

static void t_help_names_every_option_and_default(void **state)
{
    static const char *const has[] = {
        "Usage: prog [OPTION]...\nprog - tests its options.\n\nFirst paragraph.\n",
        "  -p, --port PORT         Listen on this port. The default is 80.\n",
        "  -n, --name NAME         name The default is x.\n",
        "  -q, --quick             Be quick.\n",
        "      --check-config      Check the configuration",
        "  -V, --version           Print the name",
        "\nCommands:\n  go\n",
        "\nExit status:\n  0 The program ended"};
    char help[] = "--help";
    const char *text = output_of(help);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(has) / sizeof(has[0]); i++)
        if (!strstr(text, has[i]))
            fail_msg("\"%s\" is not in: %s", has[i], text);
    while (*text) {
        assert_true(strcspn(text, "\n") <= 80);
        text += strcspn(text, "\n") + 1;
    }
}

static void t_version_is_one_line(void **state)
{
    char version[] = "--version", v[] = "-V";

    (void)state;
    assert_string_equal(output_of(version), "prog " LARS_VERSION "\n");
    assert_string_equal(output_of(v), "prog " LARS_VERSION "\n");
}

static void t_describe_is_a_table_for_programs(void **state)
{
    static const char *const has[] = {
        "program\tprog\t" LARS_VERSION "\ttests its options\t\n",
        "\nabout\tSecond one.\n",
        "\noption\t-p\t--port\tPORT\t80\tListen on this port.\n",
        "\noption\t-q\t--quick\t\t\tBe quick.\n",
        "\nconfig\ta\tname\ttext\t0\t7\tx\t\tname\n",
        "\nconfig\tb\tquick\tnumber\t0\t1\t0\t\t1 = quick\n",
        "\ncommand\tgo\t\tGo.\n",
        "\nexit\t2\tAn option"};
    char describe[] = "--describe";
    const char *text = output_of(describe);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(has) / sizeof(has[0]); i++)
        if (!strstr(text, has[i]))
            fail_msg("\"%s\" is not in: %s", has[i], text);
}

#define B(fn) cmocka_unit_test_setup(fn, setup)

T_MAIN(B(t_no_option_gives_the_defaults), B(t_options_precede_the_file_in_any_order),
       B(t_bad_option_is_named), B(t_missing_file_is_named),
       B(t_check_config_only_checks), B(t_long_options_are_checked),
       B(t_argument_with_a_line_end_is_refused),
       B(t_argument_with_a_comment_is_refused_and_not_cut), B(t_operands_are_counted),
       B(t_first_existing_file_is_read_without_c), B(t_program_without_a_file_has_no_c),
       B(t_help_names_every_option_and_default), B(t_version_is_one_line),
       B(t_describe_is_a_table_for_programs))
