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

const char own_page_style[] =
    "body{font:1.05em/1.7 system-ui,sans-serif;color:#24323f;background:#f4f6f8;margin:0}"
    "main{max-width:34em;margin:14vh auto;padding:2em;background:#fff;"
    "border-top:4px solid #5b8fb0}h1{font-size:1.35em;font-weight:600;margin:0}"
    "section+section{margin-top:1.6em;padding-top:1.6em;border-top:1px solid #dde4ea;"
    "color:#51616f}small{color:#5b6873}"
    "@media(prefers-color-scheme:dark){body{background:#161c22;color:#dce4ea}"
    "main{background:#1f2830}section+section{border-color:#323e48;color:#a9b7c2}"
    "small{color:#a9b7c2}}";

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
        "<style>%s</style></head>\n<body><main><section><h1>%s</h1></section>"
        "<section lang=\"en\"><h1>%s</h1></section><p><small>%u - %s</small></p></main>"
        "</body></html>\n",
        status, own_page_style, texts[i].zh, texts[i].en, status, request_id);
    return n < 0 ? 0 : (size_t)n < OWN_PAGE_MAX ? (size_t)n : OWN_PAGE_MAX - 1;
}
