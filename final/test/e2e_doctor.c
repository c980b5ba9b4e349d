/* larsctl doctor: it examines every part, whatever another one has, prints what is wrong
 * and how to mend it, in each format, and never waits long for a part that is silent. */
#include <sys/mman.h>

#include "ctlrun.h"
#include "lib/httppeer.h"
#include "net/sock.h"

/* The configuration of larsctl with one HTTP port. */
static void write_http(int port)
{
    char text[80];

    snprintf(text, sizeof(text), "[larsctl]\nhttp = 127.0.0.1:%d\n", port);
    write_ini(text, testdb_socket);
}

static void t_doctor_names_the_program_that_does_not_run(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("doctor"), 0);
    proc_kill(&sys.dnsd);
    assert_int_equal(ctl("doctor"), 1);
    expect_text("database: ok\n");
    expect_text("Connection refused; start it");
    expect_text("reportd 127.0.0.1:");
}

static void t_doctor_without_a_database_examines_the_rest(void **state)
{
    char want[1000];

    (void)state;
    start_system();
    write_ini("", "/nonexistent");
    assert_int_equal(ctl("doctor"), 3);
    expect_text("database: connect: ");
    expect_text("; start the server, see [db] socket, endpoints, host\n");
    assert_int_equal(ctl("-o csv doctor"), 3);
    snprintf(want, sizeof(want),
             "; mend\ndnsd,127.0.0.1:%s,1,ok,\nreportd,127.0.0.1:%s,1,ok,\n"
             "agent,127.0.0.1:%s,1,ok,\n",
             sys.dnsd_port, sys.reportd_port, sys.agentd_port);
    expect_text(strstr(want, "\ndnsd"));
    assert_int_equal(ctl("-o json doctor"), 3);
    assert_int_equal(strncmp(out,
                             "[\n  {\n    \"part\": \"database\",\n    \"at\": "
                             "\"\",\n    \"ok\": 0,\n    \"state\": \"connect: ",
                             71),
                     0);
    expect_text(
        "\"mend\": \"start the server, see [db] socket, endpoints, host\"\n  },\n  {\n");
    assert_string_equal(out + strlen(out) - 6, "  }\n]\n");
}

static void t_doctor_reports_what_a_daemon_reports_of_its_health(void **state)
{
    _Atomic int *status = mmap(NULL, sizeof(*status), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char args[160];
    int port;
    pid_t pid;

    (void)state;
    assert_true(status != MAP_FAILED);
    *status = 503;
    pid = httppeer_serve(&port, status);
    start_system();
    write_http(port);
    assert_int_equal(ctl("doctor"), 1);
    snprintf(args, sizeof(args), "http 127.0.0.1:%d: hello; look at the log", port);
    expect_text(args);
    *status = 200;
    assert_int_equal(ctl("doctor"), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap((void *)status, sizeof(*status));
}

static void t_doctor_does_not_wait_for_a_port_that_is_silent(void **state)
{
    struct net_addr at;
    char args[160];
    int fd;

    (void)state;
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    fd = sock_listen(&at, 16, 0); /* connections are made, and never accepted */
    assert_true(fd >= 0);
    sock_local_addr(fd, &at);
    write_http(at.port);
    assert_int_equal(ctl("doctor"), 1);
    snprintf(args, sizeof(args), "http 127.0.0.1:%u: Connection timed out", at.port);
    expect_text(args);
    close(fd);
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, ctl_setup, system_teardown)

TESTDB_MAIN(L(t_doctor_names_the_program_that_does_not_run),
            L(t_doctor_without_a_database_examines_the_rest),
            L(t_doctor_reports_what_a_daemon_reports_of_its_health),
            L(t_doctor_does_not_wait_for_a_port_that_is_silent))
