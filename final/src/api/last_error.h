/* last_error -- what lars_last_error() returns: the argument that a function has refused,
 * its value, and what would be right.  Thread: each has its own. */
#ifndef LARS_API_LAST_ERROR_H
#define LARS_API_LAST_ERROR_H

/* At the begin of each function that lars_last_error() is for. */
void last_error_clear(void);

/* Writes <fmt>, a sentence, cut when it is longer than 255 bytes.  Returns -EINVAL. */
int last_error_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "" when there is none. */
const char *last_error_text(void);

#endif
