/* lars-autoscaler with a module whose nodes a program runs: a script that keeps the
 * number of nodes of each zone in a file and lists them.  The route follows the list. */
#include <sys/stat.h>

#include "lib/httppeer.h"
#include "lib/scaleworld.h"
#include "lib/textfile.h"

#define IN_ZONE "SELECT COUNT(*) FROM RouteData WHERE state = 'up' AND zone = "

#define N_DRAINED "SELECT COUNT(*) FROM RouteData WHERE state = 'drained'"

static struct proc one;
static char program[200];

static int setup(void **state)
{
    char cmd[200];

    (void)t_fds_save(state);
    one = (struct proc){0};
    scaleworld_reset(6);
    testdb_sql("UPDATE ScalePolicy SET actuator = 'exec'; INSERT INTO RouteData (modid, "
               "cmdid, serverip, serverport) VALUES (20, 1, 1, 1)");
    snprintf(program, sizeof(program), "%s/program", testdb_dir);
    snprintf(cmd, sizeof(cmd), "cd %s && rm -f n-? stopping-? deny", testdb_dir);
    assert_int_equal(system(cmd), 0);
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&one);
    return t_fds_check(state);
}

/* Zone a has the address 10.1.0.1 and b 10.1.0.2; a node that is too many is stopping
 * for ever.  While there is the file deny, no order is accepted. */
static void write_program(void)
{
    textfile_write(
        program,
        "#!/bin/sh\nD=%s\n"
        "n=0; [ ! -f $D/n-$3 ] || read n <$D/n-$3\n"
        "if [ $1 = scale ]; then\n"
        "  [ ! -f $D/deny ] || exit 78\n"
        "  [ $4 -ge $n ] || echo $n >$D/stopping-$3\n"
        "  echo $4 >$D/new-$3; mv $D/new-$3 $D/n-$3; exit 0; fi\n"
        "ip=10.1.0.1; [ $3 = a ] || ip=10.1.0.2; i=0\n"
        "while [ $i -lt $n ]; do i=$((i+1)); echo p$i $ip $i ready; done\n"
        "[ ! -f $D/stopping-$3 ] || echo p $ip $(cat $D/stopping-$3) stopping\n",
        testdb_dir);
    assert_int_equal(chmod(program, 0755), 0);
}

static int start(unsigned hold_s)
{
    char text[400];

    write_program();
    snprintf(text, sizeof(text), "[hook]\nexec = %s\nzones = a, b\n", program);
    return scaleworld_start_with(&one, hold_s, false, text);
}

static unsigned long long n_in(const char *zone)
{
    char sql[200];

    snprintf(sql, sizeof(sql), IN_ZONE "'%s'", zone);
    return testdb_number(sql);
}

static void t_nodes_of_a_program_come_and_go_with_the_load(void **state)
{
    (void)state;
    scaleworld_set_calls(44);
    start(2);
    SCALE_WAIT(n_in("a") >= 3 && n_in("b") >= 3);
    assert_int_equal(scaleworld_n_orders(), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE zone <> '' AND "
                                   "(zone = 'a') <> (serverip = INET_ATON('10.1.0.1'))"),
                     0);
    scaleworld_set_calls(1);
    SCALE_WAIT(testdb_number(N_DRAINED) > 0); /* it is listed as stopping */
    assert_true(testdb_number("SELECT COUNT(*) FROM ScaleDecision WHERE rule = 'down'") >
                0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteLog WHERE new_state IS "
                                   "NULL"),
                     0);
    textfile_write(program, "#!/bin/sh\n[ $1 = list ] || exit 0\nip=10.1.0.1; [ $3 = a ] "
                            "|| ip=10.1.0.2\necho p $ip 1 ready\n");
    SCALE_WAIT(n_in("a") == 1 && n_in("b") == 1 && testdb_number(N_DRAINED) == 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteLog WHERE new_state IS "
                                   "NULL AND old_state <> 'drained'"),
                     0);
    /* a row that was never listed is not touched */
    assert_int_equal(testdb_number(
                         "SELECT COUNT(*) FROM RouteData WHERE serverip = 1 AND "
                         "state = 'up'"),
                     1);
}

static void t_nodes_that_a_program_does_not_start_are_a_shortage(void **state)
{
    char deny[300];

    (void)state;
    snprintf(deny, sizeof(deny), "%s/deny", testdb_dir);
    textfile_write(deny, "no permission\n");
    scaleworld_set_calls(44);
    start(2);
    SCALE_WAIT(
        testdb_number("SELECT COUNT(*) FROM ScaleShortage WHERE modid = 20 AND "
                      "cmdid = 1 AND wanted >= 3 AND up = 0 AND why = '[hook] exec "
                      "did not accept the last scale; [hook] exec starts none'") == 2);
    assert_int_equal(unlink(deny), 0);
    SCALE_WAIT(testdb_number("SELECT COUNT(*) FROM ScaleShortage") == 0);
    assert_true(n_in("a") >= 3 && n_in("b") >= 3);
}

static double metric(int port, const char *name)
{
    static struct httpreply reply;

    httppeer_get(port, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static void t_a_program_that_fails_takes_nothing_away(void **state)
{
    unsigned long long n;
    double end;
    int port;

    (void)state;
    scaleworld_set_calls(44);
    port = start(2);
    SCALE_WAIT(n_in("a") >= 3 && n_in("b") >= 3);
    textfile_write(program, "#!/bin/sh\necho no access >&2; exit 78\n");
    proc_expect_line(one.err, "no access");
    scaleworld_set_calls(1);
    n = scaleworld_n_up();
    end = metric(port, "lars_autoscaler_rounds_total") + 30; /* 6 s */
    SCALE_WAIT(metric(port, "lars_autoscaler_rounds_total") >= end);
    assert_true(metric(port, "lars_autoscaler_hook_failures_total") > 0);
    assert_true(scaleworld_n_up() >= n);
    assert_int_equal(testdb_number(N_DRAINED), 0);
    assert_int_equal(proc_end(&one, SIGTERM), 0);
    assert_true(scaleworld_n_up() >= n);
}

static void t_a_dry_run_tells_the_program_nothing(void **state)
{
    char path[300];

    (void)state;
    testdb_sql("UPDATE ScalePolicy SET dry_run = 1");
    scaleworld_set_calls(44);
    start(2);
    SCALE_WAIT(testdb_number("SELECT COUNT(*) FROM ScaleDecision WHERE wanted >= 3") > 0);
    snprintf(path, sizeof(path), "%s/n-a", testdb_dir);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(scaleworld_n_up(), 1);
}

/* --- the hook for Kubernetes -------------------------------------------------------- */

static char cluster[200];

/* The pods of zone a have the addresses 10.1.0.1 to 10.1.0.99, those of b from 101 on. */
static void start_cluster(void)
{
    char path[220], here[200], text[300];

    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(cluster, sizeof(cluster), "%s/cluster.json", testdb_dir);
    snprintf(path, sizeof(path), "%s/hook.ini", testdb_dir);
    textfile_write(cluster,
                   "{\"make_pods\": true, \"deployments\": {"
                   "\"site-a\": {\"replicas\": 1, \"version\": 1, "
                   "\"selector\": \"z=a\"}, "
                   "\"site-b\": {\"replicas\": 1, \"version\": 1, "
                   "\"selector\": \"z=b\"}}, "
                   "\"configmaps\": {\"lars-fence\": {\"version\": 1, \"data\": {}}}}\n");
    textfile_write(path,
                   "[k8s]\nkubectl = %s/test/lib/fake-kubectl\nkubeconfig = %s\n"
                   "[module 20/1]\ndeployment = site-{zone}\nport = 8080\n",
                   here, cluster);
    textfile_write(program,
                   "#!/bin/sh\nexec %s/deploy/hooks/k8s/lars-hook-k8s -c %s "
                   "\"$@\"\n",
                   here, path);
    assert_int_equal(chmod(program, 0755), 0);
    snprintf(text, sizeof(text), "[hook]\nexec = %s\nzones = a, b\n", program);
    scaleworld_start_with(&one, 2, false, text);
}

static void t_pods_of_a_cluster_come_and_go_with_the_load(void **state)
{
    char cmd[300];

    (void)state;
    scaleworld_set_calls(44);
    start_cluster();
    SCALE_WAIT(n_in("a") >= 3 && n_in("b") >= 3);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE zone <> '' AND "
                                   "(serverport <> 8080 OR (zone = 'a') <> (serverip < "
                                   "INET_ATON('10.1.0.100')))"),
                     0);
    scaleworld_set_calls(1);
    SCALE_WAIT(n_in("a") < 3 && testdb_number(N_DRAINED) == 0);
    snprintf(cmd, sizeof(cmd), "grep -q '\"fence\": \"%llu\"' %s",
             testdb_number("SELECT fence FROM Lease WHERE name = 'scale'"), cluster);
    assert_int_equal(system(cmd), 0);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(S(t_a_dry_run_tells_the_program_nothing),
            S(t_pods_of_a_cluster_come_and_go_with_the_load),
            S(t_nodes_of_a_program_come_and_go_with_the_load),
            S(t_nodes_that_a_program_does_not_start_are_a_shortage),
            S(t_a_program_that_fails_takes_nothing_away))
