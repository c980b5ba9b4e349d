/* One buffer for each thread, as errno has one: a client that could not be opened has no
 * place for a text.
 *
 * Rejected: the text as an out-parameter of lars_open(), whose signature is fixed. */
#include "api/last_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[256];

void last_error_clear(void)
{
    text[0] = '\0';
}

int last_error_set(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return -EINVAL;
}

const char *last_error_text(void)
{
    return text;
}
