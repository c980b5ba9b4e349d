/* request_log -- finds a request in the access log of a gateway (gateway/access_log.h has
 * the columns) and explains its line in sentences.  Thread: one. */
#ifndef LARS_CTL_REQUEST_LOG_H
#define LARS_CTL_REQUEST_LOG_H

#include <stdio.h>

#define REQUEST_LOG_LINE 8192
#define REQUEST_LOG_ERR 400

/* In the order of the line; what follows, the version of TLS and the zone of the gateway,
 * is not read, and lines of older gateways lack some of it. */
enum request_log_column {
    REQUEST_LOG_TIME,
    REQUEST_LOG_ID,
    REQUEST_LOG_LOOP,
    REQUEST_LOG_IP,
    REQUEST_LOG_HOST,
    REQUEST_LOG_METHOD,
    REQUEST_LOG_TARGET,
    REQUEST_LOG_STATUS,
    REQUEST_LOG_BYTES,
    REQUEST_LOG_MODULE,
    REQUEST_LOG_NODE,
    REQUEST_LOG_TRIES,
    REQUEST_LOG_WHY,
    REQUEST_LOG_CACHE,
    REQUEST_LOG_CLASS,
    REQUEST_LOG_QUEUE_US,
    REQUEST_LOG_CONNECT_US,
    REQUEST_LOG_FIRST_US,
    REQUEST_LOG_TOTAL_US,
    REQUEST_LOG_COLUMNS
};

struct request_log_entry {
    char line[REQUEST_LOG_LINE];          /* the columns, each ended by a 0 byte */
    const char *column[REQUEST_LOG_COLUMNS];
};

/* The line of the request <id>, 16 hexadecimal digits, in <path> or in <path>.1.
 * Returns 0, or with a sentence in <err>: -EINVAL when <id> is none; -ENOENT when there
 * is no such line; -EACCES ... when the file cannot be read. */
int request_log_find(const char *path, const char *id, struct request_log_entry *out,
                     char err[REQUEST_LOG_ERR]);

/* Write what became of it. */
void request_log_explain(const struct request_log_entry *e, FILE *to);

#endif
