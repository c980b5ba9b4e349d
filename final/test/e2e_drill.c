/* larsctl drill against real nodes: events happen and are undone however the drill ends,
 * also when it is killed, and the report has the numbers of the load. */
#include "proc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/freeport.h"
#include "lib/textfile.h"

#define NODES 2 /* the first one is loaded */

static struct proc node[NODES], drill;
static int port[NODES];
static char dir[40], folder[60], script[60], ini[60], mark[60];
static char line[2000];

/* --- the world ---------------------------------------------------------------------- */

static const char *pid_file(int i)
{
    static char path[NODES][80];

    snprintf(path[i], sizeof(path[i]), "%s/node%d.pid", dir, i);
    return path[i];
}

static void start_node(int i)
{
    char at[40];

    port[i] = freeport_take();
    snprintf(at, sizeof(at), "127.0.0.1:%d", port[i]);
    proc_start(&node[i], "http_node", "-d", "5", at, NULL);
    proc_wait_port(&node[i]);
    textfile_write(pid_file(i), "%d\n", (int)node[i].pid);
}

static int setup(void **state)
{
    int i;

    memset(node, 0, sizeof(node));
    memset(&drill, 0, sizeof(drill));
    if (t_fds_save(state) != 0)
        return -1;
    snprintf(dir, sizeof(dir), "/tmp/lars-drill-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(folder, sizeof(folder), "%s/d", dir);
    snprintf(script, sizeof(script), "%s/s.ini", dir);
    snprintf(ini, sizeof(ini), "%s/c.ini", dir);
    snprintf(mark, sizeof(mark), "%s/mark", dir);
    textfile_write(ini, "[gateways]\nadmin =\n");
    for (i = 0; i < NODES; i++)
        start_node(i);
    return 0;
}

static pid_t pid_in_file(int i)
{
    FILE *f = fopen(pid_file(i), "r");
    int pid = 0;

    if (f && fscanf(f, "%d", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return pid;
}

/* The nodes that the drill has started are children of no test. */
static int teardown(void **state)
{
    char command[80];
    int i;

    proc_kill(&drill);
    for (i = 0; i < NODES; i++) {
        pid_t pid = pid_in_file(i);

        if (pid > 1 && pid != node[i].pid)
            kill(pid, SIGKILL);
        proc_kill(&node[i]);
    }
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    if (system(command) != 0)
        return -1;
    return t_fds_check(state);
}

/* Whether a node answers a request. */
static bool answers(int i)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port[i]),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = 1};
    const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    char head[12] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    ok = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
         send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) == sizeof(ask) - 1 &&
         recv(fd, head, sizeof(head), MSG_WAITALL) == sizeof(head) &&
         memcmp(head, "HTTP/1.1 200", sizeof(head)) == 0;
    close(fd);
    return ok;
}

static bool has_mark(void)
{
    return access(mark, F_OK) == 0;
}

static void write_script(unsigned seconds, const char *events, const char *target)
{
    textfile_write(script,
                   "[load]\nurl = http://127.0.0.1:%d/x\nrate = 50\nseconds = %u\n"
                   "arrivals = fixed\ntimeout_ms = 5000\n%s[target]\n%s\n",
                   port[0], seconds, events, target);
}

static void start_drill(void)
{
    proc_start(&drill, "larsctl", "-c", ini, "drill", "run", script, folder, "--for-real",
               NULL);
}

/* Read what the drill prints to its end.  Returns its exit code. */
static int finish(void)
{
    while (proc_line(drill.out, line, sizeof(line)))
        print_message("%s\n", line);
    return proc_wait(&drill);
}

/* larsctl drill VERB FOLDER; its first line is in <line>. */
static int ctl(const char *verb)
{
    struct proc p = {0};
    char rest[2000];

    proc_start(&p, "larsctl", "-c", ini, "-o", "csv", "drill", verb, folder, NULL);
    line[0] = '\0';
    if (proc_line(p.out, line, sizeof(line)))
        while (proc_line(p.out, rest, sizeof(rest)))
            snprintf(line, sizeof(line), "%s", rest);
    return proc_wait(&p);
}

static json_t *report(void)
{
    char path[100];
    json_t *r;

    snprintf(path, sizeof(path), "%s/report.json", folder);
    r = json_load_file(path, 0, NULL);
    assert_non_null(r);
    return r;
}

static json_int_t number(const json_t *of, const char *name)
{
    const json_t *n = json_object_get(of, name);

    assert_true(json_is_number(n));
    return (json_int_t)json_number_value(n);
}

static json_int_t sum(const json_t *r, const char *name)
{
    const json_t *seconds = json_object_get(r, "seconds");
    json_int_t all = 0;
    size_t i;

    for (i = 0; i < json_array_size(seconds); i++)
        all += number(json_array_get(seconds, i), name);
    return all;
}

static void page_has(const char *name, const char *text)
{
    static char page[300000];
    char path[100];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(page, 1, sizeof(page) - 1, f);
    fclose(f);
    page[n] = '\0';
    if (!strstr(page, text))
        fail_msg("%s has no %s", name, text);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "src="));
}

/* --- the tests ---------------------------------------------------------------------- */

static void t_script_is_only_printed_without_for_real(void **state)
{
    (void)state;
    write_script(60, "[event 1]\nat = 1\ndo = kill /nowhere.pid\n", "p99_ms = 500");
    proc_start(&drill, "larsctl", "-c", ini, "drill", "run", script, folder, NULL);
    proc_expect_line(drill.out, "kill /nowhere.pid");
    proc_expect_line(drill.out, "nothing was done");
    assert_int_equal(finish(), 0);
    assert_int_equal(access(folder, F_OK), -1);
}

static void t_report_has_the_numbers_of_the_load(void **state)
{
    json_t *r, *all;

    (void)state;
    write_script(4, "[event 1]\nat = 2\nfor = 1\ndo = load x4\n",
                 "max_error_percent = 0\np99_ms = 20000\nshift_s = 0");
    start_drill();
    assert_int_equal(finish(), 0);
    r = report();
    all = json_object_get(r, "all");
    assert_in_range(number(all, "due"), 348, 351); /* 3 x 50 + 200 */
    assert_int_equal(number(all, "ok"), number(all, "due"));
    assert_int_equal(number(all, "failed"), 0);
    assert_int_equal(sum(r, "due"), number(all, "due"));
    assert_int_equal(sum(r, "ok"), number(all, "ok"));
    assert_true(number(all, "p50_us") >= 5000);
    assert_true(json_is_true(json_object_get(r, "pass")));
    assert_int_equal(json_array_size(json_object_get(r, "targets")), 3);
    json_decref(r);
    page_has("report.en.html", ">PASS<");
    page_has("report.en.html", "<polyline");
    page_has("report.zh.html", "lang=\"zh-CN\"");
    assert_int_equal(ctl("report"), 0);
}

static void t_target_that_is_missed_is_told(void **state)
{
    json_t *r;

    (void)state;
    write_script(1, "", "p99_ms = 1\nmax_error_percent = 5");
    start_drill();
    proc_expect_line(drill.out, "FAIL  p99_ms");
    assert_int_equal(finish(), 1);
    r = report();
    assert_true(json_is_false(json_object_get(r, "pass")));
    json_decref(r);
    page_has("report.en.html", ">FAIL<");
    assert_int_equal(ctl("report"), 1);
}

static void t_events_happen_and_are_undone(void **state)
{
    char events[600];
    pid_t before;

    (void)state;
    snprintf(events, sizeof(events),
             "[event 1]\nat = 1\nfor = 4\ndo = stop %s\n"
             "[event 2]\nat = 6\ndo = run touch %s\nundo = rm %s\n"
             "[event 3]\nat = 7\ndo = kill %s\n",
             pid_file(1), mark, mark, pid_file(1));
    write_script(9, events, "max_error_percent = 0");
    before = pid_in_file(1);
    start_drill();
    proc_expect_line(drill.out, "event 1 done");
    assert_false(answers(1));
    proc_expect_line(drill.out, "event 1 undone");
    T_WAIT(answers(1));
    proc_expect_line(drill.out, "event 2 done");
    assert_true(has_mark());
    proc_expect_line(drill.out, "event 3 done");
    assert_false(answers(1));
    assert_int_equal(finish(), 0);
    assert_false(has_mark());
    assert_true(pid_in_file(1) != before);
    T_WAIT(answers(1));
}

/* By test/shim.c: an hour forward and back, each second. */
static void t_jumps_of_the_wall_clock_move_no_event(void **state)
{
    const char *build = getenv("BUILD");
    char events[200], path[PATH_MAX];

    (void)state;
    if (getenv("LARS_MODE"))
        skip();
    assert_non_null(realpath(build ? build : "build", path));
    strncat(path, "/shim.so", sizeof(path) - strlen(path) - 1);
    snprintf(events, sizeof(events), "[event 1]\nat = 1\nfor = 2\ndo = stop %s\n",
             pid_file(1));
    write_script(5, events, "max_error_percent = 0");
    setenv("LD_PRELOAD", path, 1);
    setenv("SHIM_CLOCK", "3600", 1);
    start_drill();
    unsetenv("LD_PRELOAD");
    unsetenv("SHIM_CLOCK");
    proc_expect_line(drill.out, "event 1 done");
    assert_false(answers(1));
    proc_expect_line(drill.out, "event 1 undone");
    T_WAIT(answers(1));
    assert_int_equal(finish(), 0);
}

static void t_errors_of_a_killed_server_are_counted(void **state)
{
    char events[200];
    json_t *r, *all, *e;

    (void)state;
    snprintf(events, sizeof(events), "[event 1]\nat = 1\nfor = 2\ndo = kill %s\n",
             pid_file(0));
    /* under valgrind the node that is started again takes seconds until it answers */
    write_script(getenv("LARS_MODE") ? 20 : 6, events, "max_error_percent = 0");
    start_drill();
    assert_int_equal(finish(), 1);
    r = report();
    all = json_object_get(r, "all");
    assert_in_range(number(all, "failed"), 50, number(all, "due") - 60);
    assert_int_equal(number(all, "failed") + number(all, "ok"), number(all, "due"));
    assert_int_equal(sum(r, "failed"), number(all, "failed"));
    e = json_array_get(json_object_get(r, "events"), 0);
    assert_int_equal(number(e, "did_s"), 1);
    assert_true(json_is_null(json_object_get(e, "shift_s"))); /* until it was undone */
    json_decref(r);
    T_WAIT(answers(0));
}

static void start_long(const char *more)
{
    char events[600];

    snprintf(events, sizeof(events),
             "[event 1]\nat = 1\ndo = stop %s\n"
             "[event 2]\nat = 1\ndo = run touch %s\nundo = rm %s\n%s",
             pid_file(1), mark, mark, more);
    write_script(90, events, "max_error_percent = 100");
    start_drill();
    proc_expect_line(drill.out, "event 2 done");
    assert_true(has_mark());
    assert_false(answers(1));
}

static void expect_ended_and_undone(const char *why)
{
    json_t *r;

    assert_int_equal(finish(), 1);
    assert_false(has_mark());
    T_WAIT(answers(1));
    r = report();
    if (!strstr(json_string_value(json_object_get(r, "aborted")), why))
        fail_msg("aborted: %s", json_string_value(json_object_get(r, "aborted")));
    assert_true(json_is_true(json_object_get(r, "undone")));
    json_decref(r);
}

static void t_abort_from_another_terminal_undoes_everything(void **state)
{
    (void)state;
    start_long("");
    T_WAIT(ctl("status") == 0 && strstr(line, ",running,") && strstr(line, ",2,0"));
    assert_int_equal(ctl("undo"), 1); /* it runs */
    assert_int_equal(ctl("abort"), 0);
    expect_ended_and_undone("abort");
    assert_int_equal(ctl("status"), 0);
    assert_non_null(strstr(line, ",aborted,"));
    assert_int_equal(ctl("abort"), 1);
}

static void t_ctrl_c_undoes_everything(void **state)
{
    (void)state;
    start_long("");
    kill(drill.pid, SIGINT);
    expect_ended_and_undone("Ctrl-C");
}

static void t_end_of_the_terminal_undoes_everything(void **state)
{
    int none = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    start_long("[abort]\nterminal_s = 1\n");
    kill(drill.pid, SIGHUP); /* as a terminal does; it alone ends nothing */
    dup2(none, drill.in); /* the other end of its standard input is closed */
    close(none);
    expect_ended_and_undone("terminal");
}

static void t_event_that_fails_ends_the_drill(void **state)
{
    (void)state;
    start_long("[event 3]\nat = 2\ndo = run false\nundo = true\n");
    proc_expect_line(drill.out,
                     "event 3 done: run false FAILED: false ended with the exit "
                     "code 1");
    expect_ended_and_undone("an event failed");
}

static void t_undo_after_kill_9_at_each_event(void **state)
{
    char events[600], wanted[40];
    int n;

    (void)state;
    for (n = 1; n <= 3; n++) {
        snprintf(events, sizeof(events),
                 "[event 1]\nat = 0\ndo = run touch %s\nundo = rm -f %s\n"
                 "[event 2]\nat = 1\ndo = stop %s\n"
                 "[event 3]\nat = 2\ndo = kill %s\n",
                 mark, mark, pid_file(1), pid_file(0));
        write_script(600, events, "max_error_percent = 100");
        start_drill();
        snprintf(wanted, sizeof(wanted), "event %d done", n);
        proc_expect_line(drill.out, wanted);
        assert_int_equal(proc_end(&drill, SIGKILL), 1000 + SIGKILL);
        assert_true(has_mark());
        assert_int_equal(answers(1), n < 2);
        assert_int_equal(answers(0), n < 3);
        assert_int_equal(ctl("status"), 1);
        assert_non_null(strstr(line, ",NOT UNDONE,"));
        assert_int_equal(ctl("abort"), 1);
        start_drill(); /* it does not begin while the last one is in force */
        proc_expect_line(drill.out, "use larsctl drill undo ");
        assert_int_equal(finish(), 1);
        assert_int_equal(ctl("undo"), 0);
        assert_false(has_mark());
        T_WAIT(answers(1));
        T_WAIT(answers(0));
        assert_int_equal(ctl("undo"), 0);
        assert_non_null(strstr(line, "undone already"));
    }
}

static void t_drill_does_not_begin_when_it_is_not_ready(void **state)
{
    char events[200];

    (void)state;
    snprintf(events, sizeof(events), "[event 1]\nat = 0\ndo = kill %s\n", pid_file(1));
    write_script(600, events, "max_error_percent = 100");
    kill(node[1].pid, SIGKILL);
    assert_int_equal(proc_wait(&node[1]), 1000 + SIGKILL);
    start_drill();
    proc_expect_line(drill.out, "NOT READY event 1: ");
    assert_int_equal(finish(), 1);
    kill(node[0].pid, SIGKILL);
    assert_int_equal(proc_wait(&node[0]), 1000 + SIGKILL);
    start_drill();
    proc_expect_line(drill.out, "does not answer within 5 s");
    assert_int_equal(finish(), 1);
    assert_int_equal(access(folder, F_OK), -1);
}

#define C(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {C(t_script_is_only_printed_without_for_real),
                                       C(t_report_has_the_numbers_of_the_load),
                                       C(t_target_that_is_missed_is_told),
                                       C(t_events_happen_and_are_undone),
                                       C(t_jumps_of_the_wall_clock_move_no_event),
                                       C(t_errors_of_a_killed_server_are_counted),
                                       C(t_abort_from_another_terminal_undoes_everything),
                                       C(t_ctrl_c_undoes_everything),
                                       C(t_end_of_the_terminal_undoes_everything),
                                       C(t_event_that_fails_ends_the_drill),
                                       C(t_undo_after_kill_9_at_each_event),
                                       C(t_drill_does_not_begin_when_it_is_not_ready)};

    if (getenv("LARS_TEST_FILTER"))
        cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
