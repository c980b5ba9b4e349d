#include "base/err.h"

#include <string.h>

/* strerror() may hand out one static buffer to all threads; the _np pair of glibc 2.32
 * returns constant strings. */
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
