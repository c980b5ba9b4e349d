/* say, the client to type into, against echo_server. */
#include "t.h"

#include "peer.h"
#include "proc.h"

static struct proc srv, say;
static char port[16];

static int setup(void **state)
{
    memset(&srv, 0, sizeof(srv));
    memset(&say, 0, sizeof(say));
    (void)t_fds_save(state);
    proc_start(&srv, "echo_server", "-p", "0", NULL);
    proc_wait_port(&srv);
    snprintf(port, sizeof(port), "%d", srv.port);
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&say);
    proc_kill(&srv);
    return t_fds_check(state);
}

static void type(const char *text)
{
    assert_int_equal(write(say.in, text, strlen(text)), (ssize_t)strlen(text));
}

static void t_say_prints_the_frames_that_come_back(void **state)
{
    (void)state;
    proc_start(&say, "say", "-p", port, NULL);
    type("hello Lars\nsecond\n");
    proc_expect_line(say.out, "id=1 len=10 hello Lars");
    proc_expect_line(say.out, "id=1 len=6 second");
    type("half a line");
    type(" and the rest\n");
    proc_expect_line(say.out, "id=1 len=24 half a line and the rest");
    close(say.in);
    say.in = dup(0);
    assert_int_equal(proc_wait(&say), 0);
}

static void t_say_that_never_reads_is_closed_by_the_server(void **state)
{
    (void)state;
    proc_start(&say, "say", "-p", port, "-f", "60000", NULL);
    proc_expect_line(say.out, "KiB, read nothing");
    assert_int_equal(proc_wait(&say), 1);
}

static void t_say_without_server_says_why(void **state)
{
    (void)state;
    proc_kill(&srv);
    proc_start(&say, "say", "-p", port, NULL);
    proc_expect_line(say.err, "say: Connection refused (ECONNREFUSED)");
    assert_int_equal(proc_wait(&say), 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_say_prints_the_frames_that_come_back),
       E(t_say_that_never_reads_is_closed_by_the_server),
       E(t_say_without_server_says_why))
