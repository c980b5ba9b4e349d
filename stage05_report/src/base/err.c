/* Names and texts for error codes, from two functions of glibc 2.32 that return constant
 * strings: a result needs no lock and stays valid for ever.
 * Invariant: both functions return a string for every int, never NULL.
 * Rejected: strerror(), which may return one static buffer to all threads; strerror_r(),
 * which has two incompatible versions and needs a buffer from every caller. */
#include "base/err.h"

#include <string.h>

const char *err_str(int rc)
{
    const char *name = rc < 0 ? strerrorname_np(-rc) : "OK";

    return name ? name : "E?";
}

const char *err_text(int rc)
{
    const char *text = rc < 0 ? strerrordesc_np(-rc) : "Success";

    return text ? text : "Unknown error";
}
