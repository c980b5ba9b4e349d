/* err -- the names of error codes.
 * Everything in this project that can fail returns zero or more on success and a
 * negative errno on failure.  A return value cannot be overwritten by the next call,
 * as the global errno can, so it may be passed up through any number of functions. */
#ifndef LARS_BASE_ERR_H
#define LARS_BASE_ERR_H

/* "ECONNRESET" for -ECONNRESET; "OK" for 0 and above; "E?" for a code the C library
 * does not know.  Static storage, never NULL.  Thread: any. */
const char *err_str(int rc);

/* The same as a sentence for people: "Connection reset by peer".  Static storage. */
const char *err_text(int rc);

#endif
