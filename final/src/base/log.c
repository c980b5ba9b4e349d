/* A line is built in a buffer on the stack and written as a whole.
 *
 * Invariant: one call writes at most one line, which contains exactly one newline; text
 * that came from a peer cannot start a second line or send escape codes to a terminal.
 * The level and the descriptor are atomic, so any thread may log.  base/log_sink writes
 * the line, or drops it when its reader does not read.
 * Rejected: stdio, because its buffer would need a lock and would lose the last lines of
 * a process that is killed; syslog(3), because standard error reaches journald as well
 * and a test can read it. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/log_sink.h"
#include "base/mono.h"

#define LINE_MAX_BYTES 1000

static const char *const level_name[] = {"DEBUG", "INFO", "WARN", "ERROR"};
static _Atomic int log_least = LOG_LEVEL_INFO;
static _Atomic int log_fd = STDERR_FILENO;

void log_set_level(enum log_level least)
{
    log_least = (int)least;
}

void log_set_fd(int fd)
{
    log_fd = fd;
}

bool log_gate_open(struct log_gate *g, uint32_t every_ms, uint32_t *quiet)
{
    uint64_t now = mono_ms();
    uint64_t next = g->next_ms;

    if (now >= next &&
        atomic_compare_exchange_strong(&g->next_ms, &next, now + every_ms)) {
        *quiet = atomic_exchange(&g->n_quiet, 0);
        return true;
    }
    g->n_quiet++;
    return false;
}

/* The number of bytes that snprintf() stored in <room>: its result <n> is the number that
 * the whole text would have needed. */
static size_t clip(int n, size_t room)
{
    if (n < 0)
        return 0;
    return (size_t)n < room ? (size_t)n : room - 1;
}

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    struct timespec ts;
    struct tm tm;
    size_t len, i;
    va_list ap;

    if ((int)level < log_least)
        return;
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    len = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    len += clip(snprintf(line + len, sizeof(line) - len, ".%03ldZ %s %s ",
                         ts.tv_nsec / 1000000, level_name[level], event),
                sizeof(line) - len);
    va_start(ap, fmt);
    len += clip(vsnprintf(line + len, sizeof(line) - len, fmt, ap), sizeof(line) - len);
    va_end(ap);
    for (i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';                   /* replaces the terminating 0 */
    log_sink_write(log_fd, line, len);
}
