/* A further gateway while visitors come, in a whole system: three real gateways, of which
 * the hook lars-front-file starts the third and announces it in a file; its demand counts
 * without a restart; and another lars-autoscaler continues where one that was
 * killed stopped. */
#include <jansson.h>
#include <sys/stat.h>

#include "ctlrun.h"
#include "lib/freeport.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "lib/textfile.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"
#define IS_SERVING "SELECT COUNT(*) FROM FrontHost WHERE state = 'announced' AND seen = 1"

static struct proc gateway[2], scaler[2], load;
static int admin[2], http[2], third, third_admin;
static char key[160];
static struct httpreply reply;

static int setup(void **state)
{
    char cmd[400];
    int rc = gatesys_setup(state);

    memset(gateway, 0, sizeof(gateway));
    memset(scaler, 0, sizeof(scaler));
    memset(&load, 0, sizeof(load));
    snprintf(cmd, sizeof(cmd), "sh common/users %s >/dev/null", testdb_dir);
    assert_int_equal(system(cmd), 0);
    snprintf(cmd, sizeof(cmd),
             "cd %s && rm -rf calls hold front-state third.pid third.log zone",
             testdb_dir);
    assert_int_equal(system(cmd), 0);
    testdb_sql(
        "DELETE FROM FrontHost; DELETE FROM GatewaySeen; DELETE FROM Lease; DELETE "
        "FROM ScaleDecision; DELETE FROM Audit");
    write_ini("", testdb_socket);
    return rc;
}

/* The third gateway is no child of the test. */
static int third_pid(void)
{
    char path[200];
    FILE *f;
    int pid = 0;

    snprintf(path, sizeof(path), "%s/third.pid", testdb_dir);
    f = fopen(path, "r");
    if (f && fscanf(f, "%d", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return pid;
}

static int teardown(void **state)
{
    int i, pid = third_pid();

    if (pid > 1)
        kill(pid, SIGKILL);
    proc_kill(&load);
    for (i = 0; i < 2; i++) {
        proc_kill(&scaler[i]);
        proc_kill(&gateway[i]);
    }
    return gatesys_teardown(state);
}

static void start_gateways(void)
{
    char more[400];
    int i;

    snprintf(key, sizeof(key), "%s", system_write_file("fleet.key", KEY "\n"));
    chmod(key, 0600);
    gatesys_write_rules("[rule site]\nmodule = 10/1\ncache_ms = 0\n");
    snprintf(more, sizeof(more), "[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n", key);
    for (i = 0; i < 2; i++) {
        http[i] = gatesys_start(&gateway[i], 0, "loops_max = 1\n", more);
        admin[i] = system_http_port(&gateway[i]);
    }
    third = freeport_take();
    do
        third_admin = freeport_take();
    while (third_admin == third);
    system_write_file("third.ini",
                      "[gateway]\nlisten = 127.0.0.1:%d\nrules = %s\nloops_max = "
                      "1\n[agent]\ndir = %s\nport = %d\n[http]\nlisten = 127.0.0.1:0\n"
                      "[admin]\nlisten = 127.0.0.1:%d\nkey_file = %s\n",
                      third, gatesys.rules, sys.dir, sys.agentd.port, third_admin, key);
}

static void write_program(const char *path, const char *text)
{
    textfile_write(path, "%s", text);
    assert_int_equal(chmod(path, 0755), 0);
}

/* The hook, which notes what it was called with, and what it starts: a gateway in a
 * session of its own, which begins when there is no file `hold`. */
static void write_hook(void)
{
    const char *build = getenv("BUILD"), *wrap = getenv("LARS_WRAP");
    char path[200], text[1500], here[300], log[20] = "";

    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(path, sizeof(path), "%s/front.conf", testdb_dir);
    textfile_write(
        path,
        "state = %s/front-state\nstart = %s/start\nhost g3 = 127.0.0.1\nfile = "
        "%s/zone\nline = www IN A {address}\n",
        testdb_dir, testdb_dir, testdb_dir);
    snprintf(path, sizeof(path), "%s/zone", testdb_dir);
    textfile_write(path, "%s", "www IN A 192.0.2.1\n");
    snprintf(path, sizeof(path), "%s/hook", testdb_dir);
    snprintf(text, sizeof(text),
             "#!/bin/sh\necho \"$*\" >>%s/calls\nexport LARS_FRONT_CONF=%s/front.conf\n"
             "exec %s/deploy/hooks/front/lars-front-file \"$@\"\n",
             testdb_dir, testdb_dir, here);
    write_program(path, text);
    snprintf(path, sizeof(path), "%s/start", testdb_dir);
    snprintf(text, sizeof(text),
             "#!/bin/sh\ncd %s\n[ ! -f %s/third.pid ] || exit 0\nsetsid %s/run-third "
             "</dev/null >%s/third%s.log 2>&1 &\nwhile [ ! -f %s/third.pid ]; do sleep "
             "0.01; done\n",
             here, testdb_dir, testdb_dir, testdb_dir, log, testdb_dir);
    write_program(path, text);
    snprintf(path, sizeof(path), "%s/run-third", testdb_dir);
    snprintf(text, sizeof(text),
             "#!/bin/sh\necho $$ >%s/pid.new\nmv %s/pid.new %s/third.pid\nwhile [ -f "
             "%s/hold ]; do sleep 0.02; done\nexec %s %s/lars-gateway -c %s/third.ini\n",
             testdb_dir, testdb_dir, testdb_dir, testdb_dir, wrap ? wrap : "",
             build ? build : "build", testdb_dir);
    write_program(path, text);
}

/* Returns the port of its metrics. */
static int start_scaler(int i)
{
    const char *file = system_write_file(
        "autoscaler.ini",
        "[autoscaler]\ngateways = 127.0.0.1:%d, 127.0.0.1:%d\nkey_file = %s\npull_ms = "
        "100\nround_ms = 200\nlease_s = 3\ndown_window_s = 600\n[hook]\nfront = "
        "%s/hook\ntimeout_ms = 60000\n[front]\nbusy_percent = 1\nbusy_s = "
        "1\ncalm_percent "
        "= 0\ndrain_s = 1\nstart_s = 600\n[db]\nsocket = %s\nuser = lars_scale\npassword "
        "= lars_scale\n[http]\nlisten = 127.0.0.1:0\n",
        admin[0], admin[1], key, testdb_dir, testdb_socket);

    proc_start(&scaler[i], "lars-autoscaler", "-c", file, NULL);
    return system_http_port(&scaler[i]);
}

static double metric(int port, const char *name)
{
    httppeer_get(port, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static void add_third(void)
{
    char args[120];

    snprintf(args, sizeof(args), "front add g3 c 127.0.0.1:%d 127.0.0.1:%d", third_admin,
             third);
    assert_int_equal(ctl(args), 0);
}

/* Requests to the first gateway: its loop is busy. */
static void start_load(void)
{
    char url[60];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", gateway[0].port);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "4000", "-s",
               "300", "-E", "100", "-n", "16", NULL);
}

/* How often the program was called with arguments that begin with <what>. */
static unsigned n_calls(const char *what)
{
    char path[200], line[200];
    unsigned n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/calls", testdb_dir);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        n += strncmp(line, what, strlen(what)) == 0;
    if (f)
        fclose(f);
    return n;
}

static bool is_in_zone(void)
{
    char path[200], text[400] = "";
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/zone", testdb_dir);
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    return strstr(text, "www IN A 127.0.0.1\n") != NULL;
}

static void t_a_busy_front_gets_a_gateway_that_counts_when_it_is_seen(void **state)
{
    int port;

    (void)state;
    start_gateways();
    write_hook();
    port = start_scaler(0);
    T_WAIT(metric(port, "lars_autoscaler_gateways_answering") == 2);
    start_load();
    T_WAIT(metric(port, "lars_autoscaler_front_none_left") == 1);
    T_WAIT(
        testdb_number("SELECT COUNT(*) FROM ScaleDecision WHERE modid = 0 AND note LIKE "
                      "'%scale.front%'") > 0);
    add_third();
    T_WAIT(testdb_number(IS_SERVING) == 1);
    assert_int_equal(n_calls("start g3"), 1);
    assert_int_equal(n_calls("announce g3 1"), 1);
    assert_true(is_in_zone());
    T_WAIT(metric(port, "lars_autoscaler_front_serving") == 3);
    assert_true(metric(port, "lars_autoscaler_gateways") == 3);
    T_WAIT(metric(port, "lars_autoscaler_gateways_answering") == 3);
    assert_true(
        testdb_number("SELECT COUNT(*) FROM Audit WHERE actor = 'lars-autoscaler' "
                      "AND subject = 'front:g3'") >= 2);
    assert_int_equal(ctl("front list"), 0);
    expect_text("announced and seen from outside");
    expect_text("configured");
    /* a gateway that is lost, and withdrawn by an operator */
    assert_int_equal(kill(third_pid(), SIGKILL), 0);
    T_WAIT(testdb_number("SELECT COUNT(*) FROM GatewaySeen WHERE origin = 'table' AND "
                         "required = 1 AND why <> ''") == 1);
    assert_int_equal(ctl("front withdraw g3"), 0);
    T_WAIT(testdb_number("SELECT COUNT(*) FROM FrontHost WHERE state = 'withdrawn'") ==
           1);
    assert_int_equal(n_calls("withdraw g3 1"), 1);
    assert_false(is_in_zone());
    T_WAIT(testdb_number("SELECT COUNT(*) FROM GatewaySeen") == 2);
    assert_true(metric(port, "lars_autoscaler_gateways") == 2);
    assert_int_equal(ctl("front remove g3"), 0);
}

static void t_the_next_leader_goes_on_without_a_second_start(void **state)
{
    char path[200];
    int port;

    (void)state;
    start_gateways();
    write_hook();
    snprintf(path, sizeof(path), "%s/hold", testdb_dir);
    textfile_write(path, "%s", "");
    add_third();
    port = start_scaler(0);
    T_WAIT(metric(port, "lars_autoscaler_leader") == 1);
    port = start_scaler(1);
    start_load();
    T_WAIT(
        testdb_number("SELECT COUNT(*) FROM FrontHost WHERE state = 'starting' AND done "
                      "= 1") == 1);
    proc_kill(&scaler[0]);
    T_WAIT(metric(port, "lars_autoscaler_leader") == 1);
    assert_int_equal(unlink(path), 0);
    T_WAIT(testdb_number(IS_SERVING) == 1);
    assert_int_equal(n_calls("start g3"), 1);
    assert_int_equal(n_calls("announce g3 2"), 1);
    assert_int_equal(n_calls("announce"), 1);
    T_WAIT(metric(port, "lars_autoscaler_front_serving") == 3);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(S(t_a_busy_front_gets_a_gateway_that_counts_when_it_is_seen),
            S(t_the_next_leader_goes_on_without_a_second_start))
