/* The file of a drill: what it means, and that each fault is named with its line and with
 * what to write instead. */
#include "t.h"

#include "drill/script.h"
#include "lib/textfile.h"

#define LOAD "[load]\nurl = http://127.0.0.1:8080/\n"
#define TARGET "[target]\np99_ms = 500\n"

static struct script s;
static char path[60], err[SCRIPT_ERR];

static int setup(void **state)
{
    snprintf(path, sizeof(path), "/tmp/lars-drill-XXXXXX");
    close(mkstemp(path));
    return t_fds_save(state);
}

static int teardown(void **state)
{
    unlink(path);
    return t_fds_check(state);
}

static int read_text(const char *text)
{
    textfile_write(path, "%s", text);
    return script_read(&s, path, err);
}

/* The script is refused, line <line> is named, and the message has both texts. */
static void refused(int line, const char *what, const char *mend, const char *text)
{
    char at[100];

    assert_int_equal(read_text(text), -EINVAL);
    snprintf(at, sizeof(at), "%s:%d: ", path, line);
    if (strncmp(err, at, strlen(at)) != 0 || !strstr(err, what) || !strstr(err, mend))
        fail_msg("wanted line %d, \"%s\" and \"%s\"; got %s", line, what, mend, err);
}

/* An [event 1] of these lines; its first line is line 5 of the file. */
#define EVENT(lines) LOAD TARGET "[event 1]\n" lines

static void t_script_means_what_it_says(void **state)
{
    (void)state;
    assert_int_equal(
        read_text("[drill]\nname = the day\nmodule = 3/1\n" LOAD
                  "rate = 50\nseconds = 90\nvisits = 1\n" TARGET
                  "max_error_percent = 0.5\n[event 7]\nat = 40\nfor = 10\n"
                  "do = kill a.pid b.pid\n[event 2]\nat = 10\ndo = load x8.5\nfor = 30\n"
                  "[event 3]\nat = 40\ndo = run ssh db stop\nundo = ssh db start\n"
                  "[abort]\nmax_p99_ms = 900\n"),
        0);
    assert_string_equal(s.name, "the day");
    assert_int_equal(s.modid, 3);
    assert_int_equal(s.load.visits, 1);
    assert_int_equal(s.load.seconds, 90);
    assert_int_equal(s.n_events, 3); /* by time, then by number */
    assert_int_equal(s.event[0].number, 2);
    assert_true(s.event[0].what == SCRIPT_LOAD && s.event[0].factor == 8.5);
    assert_int_equal(s.event[0].for_s, 30);
    assert_int_equal(s.event[1].number, 3);
    assert_string_equal(s.event[1].undo, "ssh db start");
    assert_int_equal(s.event[2].what, SCRIPT_KILL);
    assert_true(s.target.p99_ms == 500 && s.target.error_percent == 0.5);
    assert_true(s.target.scale_s == SCRIPT_NONE);
    assert_int_equal(s.abort.p99_ms, 900);
    assert_true(s.abort.error_percent == 0.5);
    assert_int_equal(s.abort.terminal_s, 10);
}

static void t_words_are_split_at_blanks_without_a_shell(void **state)
{
    char copy[SCRIPT_TEXT], *word[SCRIPT_WORDS + 1];

    (void)state;
    assert_int_equal(script_words("  a 'b  c'\t$HOME;x ", copy, word), 4);
    assert_string_equal(word[1], "'b");
    assert_string_equal(word[3], "$HOME;x");
    assert_null(word[4]);
}

static void t_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    assert_int_equal(script_read(&s, "/nowhere/x.ini", err), -ENOENT);
    assert_non_null(strstr(err, "/nowhere/x.ini cannot be read"));
    assert_non_null(strstr(err, "name a file"));
}

static void t_unknown_sections_and_keys_are_named(void **state)
{
    (void)state;
    refused(2, "there is no section \"lod\"", "[load]", "[lod]\nurl = x\n");
    refused(1, "there is no section", "[event N]", "url = x\n");
    refused(3, "no key \"uri\"", "operate/drill", LOAD "uri = x\n");
    refused(6, "no key \"doo\"", "at, do, for, undo and detect", EVENT("doo = wait\n"));
    refused(2, "\"event 0\"", "[event 1] to [event 32]", "[event 0]\nat = 1\n");
    refused(2, "\"event 33\"", "[event 1] to [event 32]", "[event 33]\nat = 1\n");
    refused(2, "\"event x\"", "[event 1] to [event 32]", "[event x]\nat = 1\n");
    refused(1, "neither [section] nor key", "", "nonsense\n");
}

static void t_keys_that_are_there_twice_are_named(void **state)
{
    (void)state;
    refused(3, "twice: \"url\"", "take one", LOAD "url = http://127.0.0.1:1/\n");
    refused(7, "twice: \"at\"", "take one", EVENT("at = 1\nat = 2\n"));
    refused(7, "twice: \"do\"", "take one", EVENT("do = wait\ndo = wait\n"));
}

static void t_values_of_the_load_are_checked(void **state)
{
    (void)state;
    refused(4, "[load] has no url", "url = http://", TARGET "[load]\nrate = 5\n");
    refused(2, "", "", "[load]\nurl = ftp://127.0.0.1/\n" TARGET);
    refused(3, "\"0\"", "rate is a whole number from 1 to 100000", LOAD "rate = 0\n");
    refused(3, "\"9x\"", "seconds is a whole number", LOAD "seconds = 9x\n");
    refused(3, "", "a name or an address", LOAD "host = a b\n" TARGET);
    refused(3, "\"often\"", "poisson or fixed", LOAD "arrivals = often\n" TARGET);
    refused(4, "access log", "take this key", LOAD "access_log = a\npaths = b\n" TARGET);
    refused(4, "access log", "take this key", LOAD "access_log = a\nvisits = 1\n" TARGET);
}

static void t_targets_and_limits_are_checked(void **state)
{
    (void)state;
    assert_int_equal(read_text(LOAD), -EINVAL);
    assert_non_null(strstr(err, "could neither pass nor fail"));
    refused(4, "\"fast\"", "write p50_ms = 1", LOAD "[target]\np50_ms = fast\n");
    refused(4, "\"-1\"", "write scale_s = 1", LOAD "[target]\nscale_s = -1\n");
    refused(4, "\"101\"", "from 0 to 100", LOAD "[target]\nmax_error_percent = 101\n");
    refused(6, "\"nan\"", "0.5", LOAD TARGET "[abort]\nmax_error_percent = nan\n");
    refused(2, "\"3-1\"", "3/1, or none", "[drill]\nmodule = 3-1\n" LOAD TARGET);
}

static void t_each_fault_of_an_event_is_named(void **state)
{
    (void)state;
    refused(6, "has no at", "at = SECONDS", EVENT("do = wait\n"));
    refused(6, "has no do", "do = load x8", EVENT("at = 1\n"));
    refused(6, "no number of seconds", "at = 20", EVENT("at = soon\n"));
    refused(7, "\"explode x\"", "write load x8, kill PIDFILE",
            EVENT("at = 1\ndo = explode x\n"));
    refused(7, "is no load", "do = load x8", EVENT("at = 1\ndo = load 8\n"));
    refused(7, "is no load", "do = load x8", EVENT("at = 1\ndo = load x\n"));
    refused(7, "is no load", "0 to 1000", EVENT("at = 1\ndo = load x1001\n"));
    refused(7, "has no file", "kill PIDFILE", EVENT("at = 1\ndo = kill\n"));
    refused(7, "has no file", "stop PIDFILE", EVENT("at = 1\ndo = stop\n"));
    refused(7, "has no command", "run PROGRAM", EVENT("at = 1\ndo = run\nundo = true\n"));
    refused(7, "run has no undo", "undo = true", EVENT("at = 1\ndo = run ls\n"));
    refused(8, "only run has an undo", "take this line out",
            EVENT("at = 1\ndo = wait\nundo = ls\n"));
    refused(6, "after the load, which ends at 60 s", "earlier time",
            EVENT("at = 60\ndo = wait\n"));
    refused(7, "lasts longer than the load", "write 50 or less",
            EVENT("at = 10\nfor = 51\ndo = wait\n"));
    refused(7, "cannot last 0 seconds", "leave for out",
            EVENT("at = 10\nfor = 0\ndo = wait\n"));
    refused(8, "an access log has its own rate", "take this event out",
            LOAD "access_log = a\n" TARGET "[event 1]\nat = 1\ndo = load x2\n");
}

static void t_faults_are_kill_stop_and_what_says_detect(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(EVENT("at = 1\ndo = kill a.pid\n[event 2]\nat = 2\ndo = stop a.pid\n"
                        "[event 3]\nat = 3\ndo = run x\nundo = y\ndetect = yes\n"
                        "[event 4]\nat = 4\ndo = run x\nundo = y\ndetect = no\n"
                        "[event 5]\nat = 5\ndo = run x\nundo = y\n"
                        "[event 6]\nat = 6\ndo = wait\n"
                        "[event 7]\nat = 7\ndo = load x2\n")),
        0);
    assert_true(s.event[0].detect && s.event[1].detect && s.event[2].detect);
    assert_false(s.event[3].detect || s.event[4].detect || s.event[5].detect);
    assert_false(s.event[6].detect);
    refused(6, "neither yes nor no: \"1\"", "write detect = yes", EVENT("detect = 1\n"));
    refused(7, "twice: \"detect\"", "take one", EVENT("detect = no\ndetect = yes\n"));
    refused(8, "only run and slow-node have this key", "take this line out",
            EVENT("at = 1\ndo = kill a\ndetect = no\n"));
    refused(8, "only run and slow-node have this key", "take this line out",
            EVENT("at = 1\ndo = load x2\ndetect = yes\n"));
}

static void t_loads_that_overlap_are_named(void **state)
{
    (void)state;
    refused(10, "the load of event 1 is not over", "a later time",
            EVENT("at = 1\ndo = load x2\nfor = 5\n[event 2]\nat = 5\ndo = load x3\n"));
    assert_int_equal(
        read_text(EVENT("at = 1\ndo = load x2\n[event 2]\nat = 5\ndo = load x3\n")), 0);
}

static void t_slow_nodes_are_addresses_or_those_of_a_host(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(EVENT(
            "at = 1\nfor = 9\ndo = slow-node 127.0.0.1:8 [::1]:65535 60000ms\n"
            "[event 2]\nat = 10\nfor = 9\ndo = slow-node host-a 1ms\n"
            "[event 3]\nat = 19\ndo = slow-node host-a 64 250ms\ndetect = yes\n"
            "[event 4]\nat = 20\nfor = 2\ndo = slow-node host-a 400ms\n")),
        0);
    assert_int_equal(s.event[0].what, SCRIPT_SLOW);
    assert_int_equal(s.event[0].delay_ms, 60000);
    assert_false(s.event[0].is_host || s.event[0].detect);
    assert_true(s.event[1].is_host && s.event[1].n_nodes == 0);
    assert_int_equal(s.event[1].delay_ms, 1);
    assert_true(s.event[2].is_host && s.event[2].n_nodes == 64 && s.event[2].detect);
}

#define SLOW(words) EVENT("at = 1\ndo = slow-node" words "\n")
#define TWO(a, b)                                                                        \
    EVENT("at = 10\n" a "do = slow-node h 2ms\n[event 2]\n" b "do = slow-node h 3ms\n")

static void t_each_fault_of_slow_node_is_named(void **state)
{
    static const char *const delays[] = {
        "0ms",  "60001ms", "5",    "5s",    "ms",
        "-5ms", "+5ms",    "5ms5", "5.5ms", "99999999999999999999ms"};
    char text[300];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        snprintf(text, sizeof(text), SLOW(" h %s"), delays[i]);
        refused(7, "delay from 1ms to 60000ms", "slow-node HOST [N] 500ms", text);
    }
    refused(7, "delay from 1ms", "slow-node ADDRESS:PORT...", SLOW(""));
    refused(7, "delay from 1ms", "slow-node ADDRESS:PORT...", SLOW(" 500ms"));
    refused(7, "names no node", "slow-node HOST [N] 500ms", SLOW(" h 0 5ms"));
    refused(7, "names no node", "at most 64 nodes", SLOW(" h 65 5ms"));
    refused(7, "names no node", "slow-node ADDRESS:PORT...", SLOW(" h 1 1 5ms"));
    refused(7, "names no node", "slow-node ADDRESS:PORT...", SLOW(" 127.0.0.1:0 5ms"));
    refused(7, "names no node", "slow-node ADDRESS:PORT...", SLOW(" 127.0.0.1:1 h 5ms"));
    refused(8, "only run has an undo", "take", EVENT("at = 1\ndo = slow-node h 5ms\n"
                                                     "undo = true\n"));
}

/* The delay that is left would be that of the first. */
static void t_slow_nodes_that_end_in_the_wrong_order_are_named(void **state)
{
    const char *wrong = "event 1 slows nodes too and ends before this one";

    (void)state;
    refused(10, wrong, "write an at after its end", TWO("for = 10\n", "at = 15\n"));
    refused(10, wrong, "a for that", TWO("for = 10\n", "at = 15\nfor = 9\n"));
    refused(10, wrong, "", TWO("for = 10\n", "at = 15\nfor = 5\n"));
    refused(10, wrong, "", TWO("for = 50\n", "at = 15\n"));
    assert_int_equal(read_text(TWO("for = 10\n", "at = 15\nfor = 4\n")), 0);
    assert_int_equal(read_text(TWO("for = 10\n", "at = 20\n")), 0);
    assert_int_equal(read_text(TWO("", "at = 15\n")), 0);
    assert_int_equal(read_text(TWO("", "at = 15\nfor = 45\n")), 0);
}

static void t_bytes_that_are_no_text_are_named(void **state)
{
    (void)state;
    refused(2, "not UTF-8", "save the file as UTF-8", "[drill]\nname = \xff\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(t_script_means_what_it_says, setup, teardown),
        cmocka_unit_test_setup_teardown(t_words_are_split_at_blanks_without_a_shell,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(t_file_that_cannot_be_read_is_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(t_unknown_sections_and_keys_are_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(t_keys_that_are_there_twice_are_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(t_values_of_the_load_are_checked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(t_targets_and_limits_are_checked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(t_each_fault_of_an_event_is_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(t_faults_are_kill_stop_and_what_says_detect,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(t_loads_that_overlap_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(t_slow_nodes_are_addresses_or_those_of_a_host,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(t_each_fault_of_slow_node_is_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            t_slow_nodes_that_end_in_the_wrong_order_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(t_bytes_that_are_no_text_are_named, setup,
                                        teardown)};

    if (getenv("LARS_TEST_FILTER"))
        cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
