/* The program [hook] exec, played by shell scripts of a few lines: what each end means,
 * that output is bounded and not believed in part, that one that hangs delays no other
 * one, and that nothing of it is left. */
#include "lib/textfile.h"

#include <signal.h>
#include <sys/stat.h>

#include "scale/hook.h"
#include "scale/hook_run.h"

#define MAX_MS 60000
#define SOON_MS 100

static char dir[64], program[100];
static struct hook *h;
static struct hook_view view;
static struct hook_run *run;
static const struct module_id one = {20, 1}, two = {20, 2};

static int setup(void **state)
{
    (void)t_fds_save(state);
    snprintf(dir, sizeof(dir), "/tmp/test_hook.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(program, sizeof(program), "%s/program", dir);
    return 0;
}

static int teardown(void **state)
{
    char cmd[100];

    hook_stop(h);
    hook_run_destroy(run);
    h = NULL;
    run = NULL;
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
    return t_fds_check(state);
}

/* The text is that of a script for sh whose folder is $D. */
static void write_program(const char *text)
{
    textfile_write(program, "#!/bin/sh\nD=%s\n%s\n", dir, text);
    assert_int_equal(chmod(program, 0755), 0);
}

static void start_hook(const char *text, uint32_t timeout_ms)
{
    const struct hook_config c = {.program = program,
                                  .timeout_ms = timeout_ms,
                                  .list_ms = 50,
                                  .again_ms = 200,
                                  .order_ms = MAX_MS};

    write_program(text);
    assert_int_equal(hook_start(&h, &c), 0);
}

static const struct hook_view *look(struct module_id id, const char *zone)
{
    hook_look(h, id, zone, &view);
    return &view;
}

static bool has_file(const char *name)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static const char *line_of(const char *name)
{
    static char line[300];
    char path[200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");
    line[0] = '\0';
    if (!f)
        return line;
    if (fgets(line, sizeof(line), f))
        line[strcspn(line, "\n")] = '\0';
    fclose(f);
    return line;
}

static uint64_t n_failed(void)
{
    struct hook_stat st;

    hook_stat(h, &st);
    return st.n_failed;
}

/* --- one program -------------------------------------------------------------------- */

static void begin(const char *text, uint32_t timeout_ms)
{
    char *argv[] = {program, "list", "20/1", "a", NULL};

    hook_run_destroy(run);
    run = NULL;
    write_program(text);
    assert_int_equal(hook_run_start(&run, argv, t_now_ms(), timeout_ms), 0);
}

static enum hook_result end_of(const char *text, uint32_t timeout_ms)
{
    enum hook_result r = HOOK_RUNS;

    begin(text, timeout_ms);
    T_WAIT((r = hook_run_look(run, t_now_ms())) != HOOK_RUNS);
    return r;
}

static void t_exit_status_says_what_became_of_it(void **state)
{
    (void)state;
    assert_int_equal(end_of("exit 0", MAX_MS), HOOK_ACCEPTED);
    assert_int_equal(end_of("exit 75", MAX_MS), HOOK_LATER);
    assert_int_equal(end_of("exit 78", MAX_MS), HOOK_MISCONFIGURED);
    assert_int_equal(end_of("exit 1", MAX_MS), HOOK_FAILED);
    assert_string_equal(hook_run_why(run), "exit status 1");
    assert_int_equal(end_of("kill -9 $$", MAX_MS), HOOK_FAILED);
    assert_string_equal(hook_run_why(run), "ended by signal 9");
    assert_string_equal(hook_run_result_name(HOOK_LATER), "later");
}

static void t_arguments_are_words_and_the_environment_is_clean(void **state)
{
    (void)state;
    setenv("LARS_TEST_SECRET", "x", 1);
    assert_int_equal(end_of("echo \"$#:$*:$LARS_TEST_SECRET:$HOME:${PATH%%:*}\"; read x "
                            "|| echo no input",
                            MAX_MS),
                     HOOK_ACCEPTED);
    unsetenv("LARS_TEST_SECRET");
    assert_string_equal(hook_run_output(run),
                        "3:list 20/1 a:::/usr/local/sbin\nno input\n");
}

static void t_program_that_is_not_there_cannot_be_started(void **state)
{
    char *argv[] = {program, NULL};

    (void)state;
    T_SKIP_IF_MEMCHECK(); /* its posix_spawn() does not report a failed execve() */
    assert_int_equal(hook_run_start(&run, argv, t_now_ms(), MAX_MS), -ENOENT);
    assert_null(run);
}

static void t_endless_output_ends_the_program(void **state)
{
    (void)state;
    assert_int_equal(end_of("yes", MAX_MS), HOOK_FAILED);
    assert_non_null(strstr(hook_run_why(run), "printed more than 65536 bytes"));
    assert_int_equal(strlen(hook_run_output(run)), HOOK_OUTPUT_MAX);
    assert_int_equal(end_of("yes >&2", SOON_MS), HOOK_FAILED);
    assert_int_equal(strlen(hook_run_error(run)), HOOK_ERROR_MAX);
}

static void t_standard_error_is_printable(void **state)
{
    (void)state;
    assert_int_equal(end_of("printf 'a\\033[2J\"b\\nc' >&2; exit 3", MAX_MS),
                     HOOK_FAILED);
    assert_string_equal(hook_run_error(run), "a [2J b c");
}

static void t_a_program_that_hangs_gets_sigterm(void **state)
{
    (void)state;
    assert_int_equal(end_of("trap 'echo told; exit 0' TERM; while :; do sleep 0.05; done",
                            SOON_MS),
                     HOOK_FAILED);
    assert_string_equal(hook_run_output(run), "told\n");
    assert_non_null(strstr(hook_run_why(run), "timeout_ms"));
}

/* In played time: it is not killed until 5 s after SIGTERM. */
static void t_a_program_that_ignores_sigterm_is_killed_with_what_it_started(void **state)
{
    uint64_t now_ms = t_now_ms();
    pid_t left;

    (void)state;
    begin("trap '' TERM; sleep 1000 & echo $! >$D/left.new; mv $D/left.new $D/left; "
          "while :; do sleep 1000; done",
          SOON_MS);
    T_WAIT(has_file("left"));
    left = (pid_t)atoi(line_of("left"));
    now_ms = t_now_ms() + SOON_MS;
    assert_int_equal(hook_run_look(run, now_ms), HOOK_RUNS);
    assert_int_equal(hook_run_look(run, now_ms + 1), HOOK_RUNS);
    T_WAIT(hook_run_look(run, now_ms + HOOK_KILL_MS) != HOOK_RUNS);
    T_WAIT(kill(left, 0) < 0);
}

static void t_what_a_program_leaves_behind_is_killed_and_not_waited_for(void **state)
{
    pid_t left;

    (void)state;
    assert_int_equal(end_of("sleep 1000 & echo $!", MAX_MS), HOOK_ACCEPTED);
    left = (pid_t)atoi(hook_run_output(run));
    assert_true(left > 1);
    T_WAIT(kill(left, 0) < 0);
}

/* --- lists -------------------------------------------------------------------------- */

static void t_a_list_has_nodes_in_their_states(void **state)
{
    struct hook_list l;
    char why[HOOK_LIST_WHY];

    (void)state;
    assert_int_equal(hook_list_parse("p1 10.0.0.1 80 ready\np2 10.0.0.2\t80 stopping\n"
                                     "p3 - - starting\np4 10.0.0.4 65535 starting\n",
                                     &l, why),
                     0);
    assert_int_equal(l.n, 4);
    assert_int_equal(l.at[0].ip, 0x0a000001);
    assert_int_equal(l.at[0].port, 80);
    assert_int_equal(l.n_in[HOOK_NODE_READY], 1);
    assert_int_equal(l.n_in[HOOK_NODE_STARTING], 2);
    assert_int_equal(hook_list_find(&l, 0x0a000002, 80)->state, HOOK_NODE_STOPPING);
    assert_null(hook_list_find(&l, 0x0a000002, 81));
    assert_int_equal(hook_list_parse("", &l, why), 0);
    assert_int_equal(l.n, 0);
}

static void t_a_list_with_one_wrong_line_is_not_believed(void **state)
{
    static const char *const bad[] = {"p1 10.0.0.1 80",
                                      "p1 10.0.0.1 80 ready x\n",
                                      "p1 10.0.0.1 80 Ready\n",
                                      "p1 10.0.0.1 0 ready\n",
                                      "p1 10.0.0.1 65536 ready\n",
                                      "p1 10.0.0 80 ready\n",
                                      "p1 0.0.0.0 80 ready\n",
                                      "p1 - - ready\n",
                                      "p1 10.0.0.1 +8 ready\n",
                                      "p1 10.0.0.1 80 ready",
                                      "\n",
                                      "p1 10.0.0.1 8x ready\n",
                                      "a 1.1.1.1 8 ready\nb 1.1.1.1 8 starting\n",
                                      "a - - starting\na - - starting\n",
                                      "a - - starting\nb 1.1.1.1 8 ready\na - - "
                                      "starting\n",
                                      "a 1.1.1.1 8 stopping\n\ta\t1.1.1.1 9 ready\n"};
    struct hook_list l;
    char why[HOOK_LIST_WHY], text[20000];
    size_t i, n = 0;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why[0] = '\0';
        assert_int_equal(hook_list_parse(bad[i], &l, why), -EINVAL);
        assert_non_null(strstr(why, "line"));
    }
    for (i = 0; i <= HOOK_NODES_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "p%zu 10.0.0.1 %zu ready\n", i,
                              i + 1);
    assert_int_equal(hook_list_parse(text, &l, why), -EINVAL);
    assert_non_null(strstr(why, "more than 256 nodes"));
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 2] = '\n';
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(hook_list_parse(text, &l, why), -EINVAL);
}

/* A node that starts has no address yet: its ID alone shows that it is there twice. */
static void t_the_reason_names_both_lines_of_an_id(void **state)
{
    struct hook_list l;
    char why[HOOK_LIST_WHY];

    (void)state;
    assert_int_equal(
        hook_list_parse("p - - starting\np1 - - starting\np11 - - starting\n", &l, why),
        0);
    assert_int_equal(l.n_in[HOOK_NODE_STARTING], 3); /* a prefix is another ID */
    assert_int_equal(hook_list_parse("p1 1.1.1.1 8 ready\np2 - - starting\np3 - - "
                                     "starting\np2 - - starting\n",
                                     &l, why),
                     -EINVAL);
    assert_string_equal(why, "line 4 lists the ID of line 2 a second time");
}

/* --- places ------------------------------------------------------------------------- */

/* Keeps the number that was ordered for a zone in a file, and lists so many. */
#define OBEYS                                                                            \
    "case $1 in\n"                                                                       \
    "scale) echo $4 >$D/n-$3.new; mv $D/n-$3.new $D/n-$3; echo \"$*\" >$D/told-$3;;\n"   \
    "list) i=0; n=0; [ -f $D/n-$3 ] && read n <$D/n-$3\n"                                \
    "  while [ $i -lt $n ]; do i=$((i+1)); echo p$i 10.0.0.1 $i ready; done;;\n"         \
    "esac"

static void t_an_order_is_told_until_the_list_has_the_number(void **state)
{
    (void)state;
    start_hook(OBEYS, MAX_MS);
    T_WAIT(look(one, "a")->known);
    assert_int_equal(view.list.n, 0);
    hook_order(h, one, "a", 3, 7);
    T_WAIT(look(one, "a")->list.n_in[HOOK_NODE_READY] == 3);
    assert_string_equal(line_of("told-a"), "scale 20/1 a 3 7");
    hook_order(h, one, "a", 1, 7);
    T_WAIT(look(one, "a")->list.n_in[HOOK_NODE_READY] == 1);
    assert_false(look(one, "b")->known); /* a zone of its own */
}

static void t_an_order_is_repeated_while_another_number_runs(void **state)
{
    (void)state;
    start_hook("[ $1 = list ] || echo x >>$D/told; [ $(wc -l <$D/told) -lt 3 ] || echo "
               "p 10.0.0.1 1 ready",
               MAX_MS);
    look(one, "a");
    hook_order(h, one, "a", 1, 7);
    T_WAIT(look(one, "a")->list.n == 1);
}

static void t_an_order_ends_with_the_leader(void **state)
{
    (void)state;
    start_hook(OBEYS, MAX_MS);
    hook_order(h, one, "a", 2, 7);
    T_WAIT(look(one, "a")->list.n == 2);
    hook_forget(h);
    textfile_write(program,
                   "#!/bin/sh\n[ $1 = list ] || echo >%s/told-later\necho >>%s/lists\n"
                   "[ $(wc -l <%s/lists) -lt 10 ] || echo >%s/many\n",
                   dir, dir, dir, dir);
    T_WAIT(look(one, "a")->list.n == 0);
    T_WAIT(has_file("many")); /* lists every 50 ms: an order is due after 200 */
    assert_false(has_file("told-later"));
}

static void t_garbage_leaves_the_last_list_which_grows_old(void **state)
{
    uint64_t failed;

    (void)state;
    start_hook("echo p 10.0.0.1 1 ready; [ ! -f $D/broken ] || echo oops", MAX_MS);
    T_WAIT(look(one, "a")->list.n == 1);
    textfile_write(program, "#!/bin/sh\necho oops\n");
    failed = n_failed();
    T_WAIT(n_failed() >= failed + 2);
    assert_int_equal(look(one, "a")->list.n, 1);
    T_WAIT(look(one, "a")->age_ms > 100);
}

static void t_a_program_that_hangs_delays_no_other_module_or_zone(void **state)
{
    (void)state;
    start_hook("[ \"$2 $3\" != '20/1 a' ] || exec sleep 1000\n" OBEYS, MAX_MS);
    look(one, "a");
    hook_order(h, one, "b", 2, 7);
    hook_order(h, two, "c", 3, 7);
    T_WAIT(look(one, "b")->list.n == 2);
    T_WAIT(look(two, "c")->list.n == 3);
    assert_false(look(one, "a")->known);
}

static void t_at_most_one_program_runs_in_a_place(void **state)
{
    (void)state;
    start_hook("mkdir $D/runs || echo >$D/twice; sleep 0.02; rmdir $D/runs; [ $1 = list "
               "] && echo >>$D/lists",
               MAX_MS);
    hook_order(h, one, "a", 2, 7);
    look(one, "a");
    T_WAIT(has_file("lists") && n_failed() >= 3); /* `scale` ends with 1 */
    assert_false(has_file("twice"));
}

static void t_a_stop_kills_what_runs(void **state)
{
    pid_t pid;

    (void)state;
    start_hook("echo $$ >$D/pid.new; mv $D/pid.new $D/pid; exec sleep 1000", MAX_MS);
    look(one, "a");
    T_WAIT(has_file("pid"));
    pid = (pid_t)atoi(line_of("pid"));
    hook_stop(h);
    h = NULL;
    assert_int_equal(kill(pid, 0), -1);
}

#define H(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(H(t_exit_status_says_what_became_of_it),
       H(t_arguments_are_words_and_the_environment_is_clean),
       H(t_program_that_is_not_there_cannot_be_started),
       H(t_endless_output_ends_the_program), H(t_standard_error_is_printable),
       H(t_a_program_that_hangs_gets_sigterm),
       H(t_a_program_that_ignores_sigterm_is_killed_with_what_it_started),
       H(t_what_a_program_leaves_behind_is_killed_and_not_waited_for),
       H(t_a_list_has_nodes_in_their_states),
       H(t_a_list_with_one_wrong_line_is_not_believed),
       H(t_the_reason_names_both_lines_of_an_id),
       H(t_an_order_is_told_until_the_list_has_the_number),
       H(t_an_order_is_repeated_while_another_number_runs),
       H(t_an_order_ends_with_the_leader),
       H(t_garbage_leaves_the_last_list_which_grows_old),
       H(t_a_program_that_hangs_delays_no_other_module_or_zone),
       H(t_at_most_one_program_runs_in_a_place), H(t_a_stop_kills_what_runs))
