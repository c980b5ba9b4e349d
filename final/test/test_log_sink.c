/* The log and a reader that does not read: no line waits, dropped lines are counted, and
 * the log shows it when its reader reads again. */
#include "base/log_sink.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "t.h"

#define LINES 2000                    /* more than a pipe holds */

static void fill(int fd)
{
    int i;

    log_set_fd(fd);
    for (i = 0; i < LINES; i++)
        LOG_ERROR("test.line", "n=%d text=%0200d", i, 0);
    log_set_fd(STDERR_FILENO);
}

/* Reads what <fd> has now into <buf>; returns its length. */
static size_t drain(int fd, char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
        len += (size_t)n;
    buf[len] = '\0';
    return len;
}

/* <fd>[1] is written; <fd>[0] is read only after the writer has ended. */
static void check_stalled_reader(int fd[2])
{
    static char buf[1 << 20];
    uint64_t before = log_sink_n_dropped();
    char want[80];

    fill(fd[1]);
    assert_true(log_sink_n_dropped() > before);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    assert_true(drain(fd[0], buf, sizeof(buf)) > 1000);
    assert_non_null(strstr(buf, "test.line n=0 "));
    snprintf(want, sizeof(want), "WARN log.dropped lines=%llu: ",
             (unsigned long long)(log_sink_n_dropped() - before));
    log_set_fd(fd[1]);
    LOG_ERROR("test.again", "n=%d", 1);
    log_set_fd(STDERR_FILENO);
    drain(fd[0], buf, sizeof(buf));
    assert_non_null(strstr(buf, want));
    assert_non_null(strstr(buf, "ERROR test.again n=1\n"));
    close(fd[0]);
    close(fd[1]);
}

static void t_pipe_that_is_not_read_blocks_no_line(void **state)
{
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    check_stalled_reader(fd);
}

static void t_socket_that_is_not_read_blocks_no_line(void **state)
{
    int fd[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    check_stalled_reader(fd);
}

static void *fill_thread(void *arg)
{
    fill(*(int *)arg);
    return NULL;
}

static void t_threads_that_fill_a_pipe_together_all_end(void **state)
{
    pthread_t th[4];
    int fd[2], i;

    (void)state;
    assert_int_equal(pipe(fd), 0);
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&th[i], NULL, fill_thread, &fd[1]), 0);
    for (i = 0; i < 4; i++)
        pthread_join(th[i], NULL);
    close(fd[0]);
    close(fd[1]);
}

static void t_lines_that_fit_are_whole(void **state)
{
    static char buf[1 << 16];
    int fd[2];
    char *line, *rest;

    (void)state;
    assert_int_equal(pipe(fd), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    fill(fd[1]);
    drain(fd[0], buf, sizeof(buf));
    for (line = strtok_r(buf, "\n", &rest); line && rest[0];
         line = strtok_r(NULL, "\n", &rest))
        assert_int_equal(strncmp(line, "20", 2), 0);
    close(fd[0]);
    close(fd[1]);
}

#define P(f) cmocka_unit_test(f)

T_MAIN(P(t_pipe_that_is_not_read_blocks_no_line),
       P(t_socket_that_is_not_read_blocks_no_line),
       P(t_threads_that_fill_a_pipe_together_all_end), P(t_lines_that_fit_are_whole))
