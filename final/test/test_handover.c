/* A program is started with the listeners of this one and takes over, or it fails and is
 * no process any more.  This test program is both: with HANDOVER_VARIABLE in its
 * environment it plays the new program, as its first argument says. */
#include "t.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "gateway/handover.h"
#include "gateway/successor.h"
#include "net/inherited.h"
#include "net/portgroup.h"
#include "net/sock.h"

static struct evloop *loop;
static struct net_addr at;
static int lfd[2], result; /* -1 = none yet */
static struct successor *successor;
static char *self;

/* --- the new program ---------------------------------------------------------------- */

static void stop(void *arg)
{
    evloop_stop(arg);
}

/* Exit statuses 10 to 19 name what is wrong. */
static int take_over(const char *port)
{
    char err[CONF_ERR_MAX];
    struct handover *h;
    struct evloop *l;
    int fd[2], c;

    net_addr_set(&at, "127.0.0.1", (uint16_t)atoi(port));
    if (handover_receive(&h, err) < 0 || !h || getenv(HANDOVER_VARIABLE))
        return 10;
    if (inherited_n(&at) != 2)
        return 11;
    fd[0] = portgroup_listen(&at, 1);
    fd[1] = portgroup_listen(&at, 1);
    if (fd[0] < 0 || fd[1] < 0 || inherited_n(&at) != 0)
        return 12;
    if (evloop_create(&l) < 0 || handover_ready(h, l, stop, l) < 0)
        return 13;
    evloop_run(l); /* until it may go */
    c = sock_accept(fd[0], 0, NULL);
    if (c < 0)
        c = sock_accept(fd[1], 0, NULL);
    if (c < 0 || send(c, "new", 3, 0) != 3)
        return 14;
    handover_destroy(h);
    evloop_destroy(l);
    return 0;
}

static int play(char **argv)
{
    char err[CONF_ERR_MAX];
    struct handover *h;

    if (strcmp(argv[1], "ready") == 0)
        return take_over(argv[2]);
    if (strcmp(argv[1], "signal") == 0)
        raise(SIGKILL);
    if (strcmp(argv[1], "slow") == 0) { /* its end takes time after the socket's */
        handover_receive(&h, err);
        handover_destroy(h);
        poll(NULL, 0, 50);
        return 4;
    }
    if (strcmp(argv[1], "hang") == 0)
        for (;;)
            pause();
    return atoi(argv[1]);
}

/* --- the old one -------------------------------------------------------------------- */

static void on_result(bool ready, void *arg)
{
    (void)arg;
    result = ready;
    evloop_stop(loop);
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    result = -1;
    successor = NULL;
    net_addr_set(&at, "127.0.0.1", 0);
    lfd[0] = portgroup_listen(&at, 64);
    sock_local_addr(lfd[0], &at);
    lfd[1] = portgroup_listen(&at, 64);
    return evloop_create(&loop);
}

static int teardown(void **state)
{
    successor_destroy(successor);
    evloop_destroy(loop);
    inherited_close();
    close(lfd[0]);
    close(lfd[1]);
    return t_fds_check(state);
}

static int start(char *program, char *role, uint32_t limit_ms)
{
    static char port[8];
    static char *argv[4];
    struct successor_config c = {.loop = loop,
                                 .argv = argv,
                                 .fd = lfd,
                                 .n_fds = 2,
                                 .limit_ms = limit_ms,
                                 .fn = on_result};

    argv[0] = program;
    argv[1] = role;
    argv[2] = port;
    snprintf(port, sizeof(port), "%u", at.port);
    return successor_start(&successor, &c);
}

static void expect_failure(char *role, uint32_t limit_ms)
{
    assert_int_equal(start(self, role, limit_ms), 0);
    assert_int_equal(evloop_run(loop), 0);
    assert_int_equal(result, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left of it */
    assert_int_equal(errno, ECHILD);
}

static void t_the_new_program_has_the_listeners_and_their_connections(void **state)
{
    int status = 0, c = sock_connect(&at, 5000); /* it waits to be accepted */
    char text[4] = "";

    (void)state;
    assert_true(c >= 0);
    assert_int_equal(start(self, "ready", 20000), 0);
    assert_int_equal(evloop_run(loop), 0);
    assert_int_equal(result, 1);
    assert_true(successor_pid(successor) > 0);
    successor_go(successor);
    assert_int_equal(recv(c, text, 3, 0), 3);
    assert_string_equal(text, "new");
    close(c);
    assert_int_equal(waitpid(successor_pid(successor), &status, 0),
                     successor_pid(successor));
    assert_int_equal(status, 0);
}

static void t_a_program_that_ends_is_a_failure(void **state)
{
    (void)state;
    expect_failure("3", 20000);
}

static char log_line[2048];

/* What the failure of <role> writes to standard error. */
static const char *log_of(char *role)
{
    int keep = dup(2), p[2];
    ssize_t n;

    assert_int_equal(pipe(p), 0);
    dup2(p[1], 2);
    close(p[1]);
    expect_failure(role, 20000);
    dup2(keep, 2);
    close(keep);
    n = read(p[0], log_line, sizeof(log_line) - 1);
    log_line[n > 0 ? n : 0] = '\0';
    while (n > 0 && !strstr(log_line, "failed: ")) {
        n = read(p[0], log_line, sizeof(log_line) - 1);
        log_line[n > 0 ? n : 0] = '\0';
    }
    close(p[0]);
    return log_line;
}

static void t_the_log_has_the_exit_status_of_a_program_that_ends_slowly(void **state)
{
    (void)state;
    assert_non_null(
        strstr(log_of("slow"), "ended with exit status 4 before it was ready"));
    successor_destroy(successor);
    assert_non_null(
        strstr(log_of("signal"), "was ended by signal 9 before it was ready"));
}

static void t_a_program_that_is_killed_is_a_failure(void **state)
{
    (void)state;
    expect_failure("signal", 20000);
}

static void t_a_program_that_is_never_ready_is_ended(void **state)
{
    (void)state;
    expect_failure("hang", 100);
}

static void t_a_program_that_is_not_there_is_enoent(void **state)
{
    (void)state;
    if (t_mode_is("memcheck"))
        return; /* valgrind makes of it a program that ends with status 127 */
    assert_int_equal(start("/nowhere/lars-gateway", "0", 1000), -ENOENT);
    assert_null(successor);
    assert_int_equal(result, -1);
}

static void t_destroy_ends_a_program_that_is_not_ready(void **state)
{
    (void)state;
    assert_int_equal(start(self, "hang", 20000), 0);
    successor_destroy(successor);
    successor = NULL;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void t_without_the_variable_there_is_no_handover(void **state)
{
    char err[CONF_ERR_MAX];
    struct handover *h = (struct handover *)1;

    (void)state;
    assert_int_equal(handover_receive(&h, err), 0);
    assert_null(h);
    assert_int_equal(handover_ready(h, loop, stop, NULL), 0);
}

static void refused(const char *text)
{
    char err[CONF_ERR_MAX] = "";
    struct handover *h;

    setenv(HANDOVER_VARIABLE, text, 1);
    assert_int_equal(handover_receive(&h, err), -EINVAL);
    assert_null(h);
    assert_non_null(strstr(err, "unset it"));
    unsetenv(HANDOVER_VARIABLE);
}

static void t_a_variable_that_names_no_listeners_is_refused(void **state)
{
    char text[40];

    (void)state;
    refused("");
    refused("x");
    refused("1,2");
    refused("99999");
    refused("3;4");
    snprintf(text, sizeof(text), "%d,%d", lfd[0], 99999);
    refused(text);
    snprintf(text, sizeof(text), "%d,-1", lfd[0]);
    refused(text);
}

static void t_a_listener_of_another_address_is_not_taken(void **state)
{
    struct net_addr other = at;
    int fd, own;

    (void)state;
    fd = dup(lfd[0]);
    assert_int_equal(inherited_add(fd), 0);
    other.port++;
    assert_int_equal(inherited_n(&other), 0);
    assert_int_equal(inherited_take(&other), -ENOENT);
    net_addr_set(&other, "127.0.0.1", 0);
    own = portgroup_listen(&other, 1);
    assert_int_not_equal(own, fd);
    close(own);
    assert_int_equal(inherited_n(&at), 1);
    assert_int_equal(inherited_add(0), -ENOTSOCK);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        E(t_the_new_program_has_the_listeners_and_their_connections),
        E(t_a_program_that_ends_is_a_failure),
        E(t_the_log_has_the_exit_status_of_a_program_that_ends_slowly),
        E(t_a_program_that_is_killed_is_a_failure),
        E(t_a_program_that_is_never_ready_is_ended),
        E(t_a_program_that_is_not_there_is_enoent),
        E(t_destroy_ends_a_program_that_is_not_ready),
        E(t_without_the_variable_there_is_no_handover),
        E(t_a_variable_that_names_no_listeners_is_refused),
        E(t_a_listener_of_another_address_is_not_taken)};

    self = argv[0];
    if (getenv(HANDOVER_VARIABLE) && argc == 3)
        return play(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
