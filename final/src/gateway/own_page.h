/* own_page -- the pages that the gateway answers itself, in Chinese and English, without
 * a script or a picture, so that they need nothing else.  Thread: any. */
#ifndef LARS_GATEWAY_OWN_PAGE_H
#define LARS_GATEWAY_OWN_PAGE_H

#include <stddef.h>
#include <stdint.h>

#define OWN_PAGE_MAX 2048

/* The style of these pages and of the waiting page: what stands between <style> and
 * </style>.  A page is a <main>, whose second <section> is the other language. */
extern const char own_page_style[];

/* Write the page for <status> into <out>; it names the request, so that an operator finds
 * it in the log.  Returns its length. */
size_t own_page_write(char out[OWN_PAGE_MAX], uint16_t status, const char *request_id);

#endif
