/* static_notice -- the sentence by which visitors see that a page is a saved copy.
 * Thread: any. */
#ifndef LARS_GATEWAY_STATIC_NOTICE_H
#define LARS_GATEWAY_STATIC_NOTICE_H

#include <stdint.h>

#include "base/buf.h"

/* Append the page <html> with the sentence, in the page's language, behind the tag body;
 * a page without this tag stays as it is.  <taken_s>: UNIX time of the copy.  Returns 0
 * or -ENOMEM. */
int static_notice_add(struct buf *out, const char *html, size_t len, uint64_t taken_s);

#endif
