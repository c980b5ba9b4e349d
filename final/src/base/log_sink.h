/* log_sink -- writes a line of the log without ever waiting for its reader.
 * Thread: any. */
#ifndef LARS_BASE_LOG_SINK_H
#define LARS_BASE_LOG_SINK_H

#include <stddef.h>
#include <stdint.h>

#define LOG_SINK_LINE_MAX 1100        /* bytes; less than PIPE_BUF, so lines do not mix */

/* Writes <line>, at most LOG_SINK_LINE_MAX bytes with its newline, to <fd>: a file, a
 * terminal, a pipe or a socket.  When the reader does not read, the line is dropped and
 * counted; the next line that can be written is preceded by one that tells how many were
 * dropped. */
void log_sink_write(int fd, const char *line, size_t len);

/* How many lines this process has dropped so far. */
uint64_t log_sink_n_dropped(void);

#endif
