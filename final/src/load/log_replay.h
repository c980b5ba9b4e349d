/* log_replay -- the requests of an access log of lars-gateway (gateway/access_log.h has
 * its columns), sorted by the time when they came.  Thread: one. */
#ifndef LARS_LOAD_LOG_REPLAY_H
#define LARS_LOAD_LOG_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#define LOG_REPLAY_MAX 5000000            /* requests */
#define LOG_REPLAY_ERR 400

struct log_replay_request {
    uint64_t at_us;                       /* after the first one */
    char *path;
    uint32_t visitor;                     /* of its address; 1 or more */
};

struct log_replay {                       /* zeroed = empty */
    struct log_replay_request *at;        /* owned */
    size_t n, cap;
    uint64_t n_skipped;                   /* lines that are no GET or cannot be read */
};

/* Returns 0; or, with a sentence in <err>: -errno of open(2); -EINVAL when no line is a
 * request; -E2BIG; -ENOMEM. */
int log_replay_read(struct log_replay *l, const char *file, char err[LOG_REPLAY_ERR]);

/* Add the request of one line, which is changed; a line that is none is counted.  The
 * order and the time 0 are set by log_replay_read() only.  Returns 0; -E2BIG; -ENOMEM. */
int log_replay_add(struct log_replay *l, char *line);
void log_replay_free(struct log_replay *l);

#endif
