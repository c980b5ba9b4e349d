/* access_log -- a line for each request, written by a thread of its own, so that a slow
 * disk delays no visitor.  When its buffer is full, lines are dropped and counted; lines
 * of errors use a reserve that others may not.  A line has, separated by one blank: time,
 * request id, loop, visitor's address, host, method, target, status, bytes of the body,
 * module, node, attempts, why the last failed attempt failed, what the cache did (hit,
 * miss, stale, wait, pass; confirmed: a node has answered 304 about a copy; static: the
 * copy of the site), the visitor's class (new, waiting, inside), how many us it took
 * until admission, to connect, to the first byte and in all, the version of TLS, and the
 * zone of the gateway.  "-" = none.  Columns are added at the end only, and readers pass
 * over those that they do not know. */
#ifndef LARS_GATEWAY_ACCESS_LOG_H
#define LARS_GATEWAY_ACCESS_LOG_H

#include <stddef.h>
#include <stdint.h>

struct access_log;

/* Append to the file <path>, which is created with mode 0640.  One request of <sample>
 * is written, and every error.  Returns 0; -EACCES ...; -ENOMEM.  Thread: init. */
int access_log_create(struct access_log **out, const char *path, uint32_t sample);
void access_log_destroy(struct access_log *a); /* writes what waits; NULL is fine */

/* Queue a line, without its line end.  Copies <line>.  Never waits.  Thread: any. */
void access_log_line(struct access_log *a, const char *line, size_t len, int is_error);

/* <text> as a column: blanks and control characters become '_', "" becomes "-"; at most
 * <size> - 1 bytes.  Thread: any. */
void access_log_word(char *out, size_t size, const char *text);

/* Whether the next request that is no error is one of the sample.  Thread: any. */
int access_log_wants(struct access_log *a);

/* Open <path> again: after logrotate has moved it.  Thread: any. */
void access_log_reopen(struct access_log *a);

uint64_t access_log_dropped(const struct access_log *a); /* lines.  Thread: any */

#endif
