/* http_path -- the path of a target, so that the program which picks a node and the node
 * which serves the request read the same path.  Thread: any. */
#ifndef LARS_HTTP_HTTP_PATH_H
#define LARS_HTTP_HTTP_PATH_H

#include "http/http_head.h"

/* Whether servers agree about the path of <target>, which ends at '?'.  They do not when
 * it has
 *     a segment . or .., also as %2e, and with parameters as in /..;a/
 *                        some remove it, before or after they decode, and some do not
 *     %2f, %5c, \        a separator for some and a character for others
 *     %00 to %1f, %7f    ends a name for some
 *     % without two hexadecimal digits */
bool http_path_is_clear(struct http_text target);

/* Write the path of <target>, which is clear, in the one spelling that its equivalents
 * have: escapes of letters, digits and - . _ ~ are decoded, others are in upper case
 * (RFC 3986, 6.2.2), and several slashes are one.  Returns its length; what does not fit
 * in <size> bytes is cut off. */
size_t http_path_normal(struct http_text target, char *out, size_t size);

#endif
