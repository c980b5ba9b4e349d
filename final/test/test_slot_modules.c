/* The file with the modules of lars-slotd: what is read from it, what replaces a {name},
 * and that each fault is reported with its line and with what to do. */
#include "slot/slot_modules.h"

#include "t.h"

static char path[64], err[CONF_ERR_MAX];

static int read_text(struct slot_modules **out, const char *text)
{
    FILE *f;
    int rc;

    snprintf(path, sizeof(path), "/tmp/slot_modules.%d", (int)getpid());
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    err[0] = '\0';
    rc = slot_modules_create(out, path, err);
    unlink(path);
    return rc;
}

static void t_each_name_is_replaced_within_the_words_that_were_there(void **state)
{
    struct slot_modules_place at = {{20, 1}, "10.0.0.7", 8003, 3};
    struct slot_modules_argv a;
    struct slot_modules *m;

    (void)state;
    assert_int_equal(read_text(&m, "; nodes of this host\n[module 20/1]\n"
                                   "run = /bin/node  --listen {address}:{port} {slot} "
                                   "m={modid}/{cmdid} {\"a\":{}} ''\n"),
                     -EINVAL); /* quotes */
    assert_int_equal(read_text(&m, "[module 20/1]\nrun = /bin/node  --listen "
                                   "{address}:{port}\t{slot} m={modid}/{cmdid} {} {A}\n"
                                   "check = /healthz?x=1\n[module 20/2]\nrun = /x\n"),
                     0);
    assert_int_equal(slot_modules_n(m), 2);
    assert_int_equal(slot_modules_argv(m, &at, &a), 0);
    assert_string_equal(a.argv[0], "/bin/node");
    assert_string_equal(a.argv[1], "--listen");
    assert_string_equal(a.argv[2], "10.0.0.7:8003");
    assert_string_equal(a.argv[3], "3");
    assert_string_equal(a.argv[4], "m=20/1");
    assert_string_equal(a.argv[5], "{}");
    assert_string_equal(a.argv[6], "{A}");
    assert_null(a.argv[7]);
    assert_string_equal(slot_modules_check(m, at.module), "/healthz?x=1");
    at.module.cmdid = 2;
    assert_string_equal(slot_modules_check(m, at.module), "");
    at.module.cmdid = 3;
    assert_null(slot_modules_check(m, at.module));
    assert_int_equal(slot_modules_argv(m, &at, &a), -ENOENT);
    slot_modules_destroy(m);
}

static void t_longest_run_has_room_for_what_is_put_into_it(void **state)
{
    struct slot_modules_place at = {{999999999, 999999999}, "255.255.255.255", 65535, 1};
    struct slot_modules_argv a;
    struct slot_modules *m;
    char text[2200] = "[module 999999999/999999999]\nrun = /x ";
    size_t n = strlen(text), first = strlen("[module 999999999/999999999]\nrun = ");

    (void)state;
    while (n + 9 < first + 2047)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "{address}");
    assert_int_equal(read_text(&m, text), 0);
    assert_int_equal(slot_modules_argv(m, &at, &a), 0);
    assert_true(strlen(a.argv[1]) > 3000);
    slot_modules_destroy(m);
    memset(text + n, 'x', 20);
    text[n + 20] = '\0';
    assert_int_equal(read_text(&m, text), -EINVAL);
    assert_non_null(strstr(err, "more than 64 words or 2047 bytes"));
}

static void t_each_fault_is_reported_with_its_line_and_what_to_do(void **state)
{
    static const struct {
        const char *text, *at, *what;
    } bad[] = {
        {"run = /x\n", ":1: ", "write [module MODID/CMDID]"},
        {"[node 1/2]\nrun = /x\n", ":2: ", "write [module MODID/CMDID]"},
        {"[module 0/0]\nrun = /x\n", ":2: ", "write [module MODID/CMDID]"},
        {"[module -1/2]\nrun = /x\n", ":2: ", "write [module MODID/CMDID]"},
        {"[module 1/2/3]\nrun = /x\n", ":2: ", "write [module MODID/CMDID]"},
        {"[module 1/2]\nrun = node\n", ":2: ", "write it with all folders"},
        {"[module 1/2]\nrun =\n", ":2: ", "write it with all folders"},
        {"[module 1/2]\nrun = /x \"a b\"\n", ":2: ", "put a command"},
        {"[module 1/2]\nrun = /x {adress}\n", ":2: ", "unknown {name}; {address}"},
        {"[module 1/2]\nrun = /x\ncheck = ping\n", ":3: ", "path of an HTTP request"},
        {"[module 1/2]\nrun = /x\ncheck = /a b\n", ":3: ", "blanks"},
        {"[module 1/2]\nrum = /x\n", ":2: ", "there are run and check"},
        {"[module 1/2]\ncheck = /x\n", ": [module 1/2]", "has no run; add"},
        {"[module 1/2\nrun = /x\n", ":1: ", "the ] after"},
    };
    struct slot_modules *m;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_text(&m, bad[i].text), -EINVAL);
        if (strncmp(err, path, strlen(path)) != 0 || !strstr(err, bad[i].at) ||
            !strstr(err, bad[i].what))
            fail_msg("\"%s\" is reported as: %s", bad[i].text, err);
    }
}

static void t_missing_file_is_an_error_and_an_empty_one_is_not(void **state)
{
    struct slot_modules *m;

    (void)state;
    assert_int_equal(slot_modules_create(&m, "/nonexistent/modules.ini", err), -ENOENT);
    assert_non_null(
        strstr(err, "/nonexistent/modules.ini: cannot be read: No such file"));
    assert_int_equal(read_text(&m, "\n; no module\n"), 0);
    assert_int_equal(slot_modules_n(m), 0);
    slot_modules_destroy(m);
}

T_MAIN(T(t_each_name_is_replaced_within_the_words_that_were_there),
       T(t_longest_run_has_room_for_what_is_put_into_it),
       T(t_each_fault_is_reported_with_its_line_and_what_to_do),
       T(t_missing_file_is_an_error_and_an_empty_one_is_not))
