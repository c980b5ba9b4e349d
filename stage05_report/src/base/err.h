/* err -- names and texts of error codes.
 * Every function of this project that can fail returns zero or more on success and a
 * negative errno on failure.  The next call can overwrite the global errno, but not a
 * return value, so a caller may pass it up through any number of functions. */
#ifndef LARS_BASE_ERR_H
#define LARS_BASE_ERR_H

/* "ECONNRESET" for -ECONNRESET; "OK" for 0 and above; "E?" for a code the C library
 * has no name for.  Static storage, never NULL.  Thread: any. */
const char *err_str(int rc);

/* The text for messages, such as "Connection reset by peer"; "Success" for 0 and above;
 * "Unknown error" for a code without a text.  Static storage, never NULL.  Thread:
 * any. */
const char *err_text(int rc);

#endif
