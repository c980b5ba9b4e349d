/* One frame and two sentences for each status.  The request id is the only part that
 * changes, and it has hexadecimal digits only. */
#include "gateway/own_page.h"

#include <stdio.h>

static const struct {
    uint16_t status;
    const char *zh, *en;
} texts[] = {
#include "gateway/own_page_texts.inc"
};

size_t own_page_write(char out[OWN_PAGE_MAX], uint16_t status, const char *request_id)
{
    size_t i = 0;
    int n;

    while (texts[i].status != status && texts[i].status != 0)
        i++;
    n = snprintf(
        out, OWN_PAGE_MAX,
        "<!doctype html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>%u</title>"
        "<style>body{font:1.1em/1.6 sans-serif;max-width:34em;margin:15vh auto;"
        "padding:0 1em}small{opacity:.6}</style></head>\n<body><h1>%u</h1>"
        "<p>%s</p><p lang=\"en\">%s</p><small>%s</small></body></html>\n",
        status, status, texts[i].zh, texts[i].en, request_id);
    return n < 0 ? 0 : (size_t)n < OWN_PAGE_MAX ? (size_t)n : OWN_PAGE_MAX - 1;
}
