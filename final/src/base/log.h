/* log -- one event, one line on stderr:
 *   2026-11-22T08:00:00.123Z WARN accept.full err=EMFILE quiet=12
 * A fixed event name first, then key=value, so that grep and journald can work with it.
 * Log an error where it is handled; where it is only passed on, return it.
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

/* For whatever a client can provoke: this place in the code logs at most once in <ms>.
 * The next line says how many were kept quiet. */
#define LOG_EVERY(ms, level, event, fmt, ...)                                            \
    do {                                                                                 \
        static struct log_gate gate_;                                                    \
        uint32_t quiet_;                                                                 \
        if (log_gate_open(&gate_, (ms), &quiet_))                                        \
            log_write((level), (event), fmt " quiet=%u", ##__VA_ARGS__, quiet_);         \
    } while (0)

struct log_gate {
    _Atomic uint64_t next_ms;             /* monotonic; 0 = never opened */
    _Atomic uint32_t n_quiet;             /* refused since it last opened */
};

/* True once per <every_ms>; <quiet> then takes the number refused before. */
bool log_gate_open(struct log_gate *g, uint32_t every_ms, uint32_t *quiet);

void log_set_level(enum log_level least); /* default INFO */
void log_set_fd(int fd);                 /* borrows <fd>; default 2; tests read it back */

/* Writes one line of at most 1,000 bytes with one write(2), so that lines of several
 * threads do not mix.  Control characters become '?': a peer cannot forge a line. */
void log_write(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
