/* log -- writes each event as one line to standard error:
 *   2026-11-22T08:00:00.123Z WARN accept.wait err=EMFILE quiet=12
 * After time (UTC) and level come a fixed event name and key=value pairs, so that grep
 * and journald can select lines.  A function either handles an error and logs it, or
 * returns it and does not log it; so each error is logged once.
 * Thread: any. */
#ifndef LARS_BASE_LOG_H
#define LARS_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

#define LOG_DEBUG(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

/* For events that a client can cause as often as it likes: this statement writes at most
 * one line in <ms> milliseconds.  The key quiet= of a line is the number of lines that
 * were suppressed since the line before. */
#define LOG_EVERY(ms, level, event, fmt, ...)                                            \
    do {                                                                                 \
        static struct log_gate gate_;                                                    \
        uint32_t quiet_;                                                                 \
        if (log_gate_open(&gate_, (ms), &quiet_))                                        \
            log_write((level), (event), fmt " quiet=%u", ##__VA_ARGS__, quiet_);         \
    } while (0)

struct log_gate {                         /* zeroed = ready to open */
    _Atomic uint64_t next_ms;             /* monotonic; closed before this time */
    _Atomic uint32_t n_quiet;             /* calls refused since it last opened */
};

/* Returns true at most once in <every_ms>, whichever thread asks, and then stores in
 * <quiet> how many calls returned false since the last true. */
bool log_gate_open(struct log_gate *g, uint32_t every_ms, uint32_t *quiet);

void log_set_level(enum log_level least); /* drops lines below; default INFO */
void log_set_fd(int fd);                 /* borrows <fd>; default 2; used by tests */

/* Writes one line as a whole, so that the lines of several threads do not mix.  Never
 * waits: a line whose reader does not read is dropped and counted (base/log_sink.h).
 * A line longer than 1,000 bytes is cut.  Control characters become '?', so that text
 * from a peer cannot forge a line. */
void log_write(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
