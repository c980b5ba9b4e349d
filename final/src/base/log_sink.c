/* A pipe whose reader stopped would block write(2), and with it the thread that logs: the
 * loop of a daemon, which then answers no client and ignores SIGTERM.  So each write is
 * made only when it cannot wait: a socket by MSG_DONTWAIT; anything else after poll(2)
 * without a time-out, which for a pipe means that PIPE_BUF bytes fit.  The mutex is held
 * for the two calls, because a second thread could fill the pipe between them; neither
 * waits.
 *
 * Rejected: O_NONBLOCK on the descriptor.  It belongs to the open file, which other
 * processes share (a terminal, a log collector), and their writes would begin to fail.
 * Rejected: a thread that writes.  Its queue would be lost when the process is killed. */
#include "base/log_sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t n_dropped;
static uint64_t n_reported;           /* of them; guarded by lock */

/* False: it would have to wait. */
static bool write_now(int fd, const char *line, size_t len)
{
    struct pollfd p = {fd, POLLOUT, 0};
    ssize_t n = send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n >= 0)
        return true;
    if (errno != ENOTSOCK)
        return errno != EAGAIN;       /* another failure: a failed log cannot be logged */
    if (poll(&p, 1, 0) == 0)
        return false;
    n = write(fd, line, len);
    return n >= 0 || errno != EAGAIN;
}

/* Tells how many lines were dropped.  False: it cannot be written now. */
static bool write_drops(int fd)
{
    char line[160];
    struct timespec ts;
    struct tm tm;
    size_t len;
    int n;

    if (n_dropped == n_reported)
        return true;
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    len = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    n = snprintf(line + len, sizeof(line) - len,
                 ".%03ldZ WARN log.dropped lines=%llu: the reader of the log did not "
                 "read\n",
                 ts.tv_nsec / 1000000, (unsigned long long)(n_dropped - n_reported));
    if (!write_now(fd, line, len + (size_t)n))
        return false;
    n_reported = n_dropped;
    return true;
}

void log_sink_write(int fd, const char *line, size_t len)
{
    pthread_mutex_lock(&lock);
    if (!write_drops(fd) || !write_now(fd, line, len))
        n_dropped++;
    pthread_mutex_unlock(&lock);
}

uint64_t log_sink_n_dropped(void)
{
    return n_dropped;
}
