/* A visitor should know that what is shown may be old, and need not be alarmed: one quiet
 * line at the top, without a script, with its style in itself, because a copy of any site
 * gets it.  It is added when the copy is made, so that serving it costs nothing. */
#include "gateway/static_notice.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "gateway/static_notice_texts.inc"

#define HEAD_MAX 4096 /* bytes in which <html lang> and <body> must stand */
#define STYLE                                                                            \
    "margin:0;padding:.5em 1em;text-align:center;font:.95em/1.5 system-ui,sans-serif;"   \
    "background:#eef3ec;color:#24323f;border-bottom:1px solid #c5d2c4"

/* Where the tag <name> begins; NULL = nowhere. */
static const char *find_tag(const char *html, size_t len, const char *name)
{
    size_t i, n = strlen(name);

    for (i = 0; i + n + 1 < len; i++)
        if (html[i] == '<' && strncasecmp(html + i + 1, name, n) == 0 &&
            strchr(" \t\r\n>", html[i + 1 + n]))
            return html + i;
    return NULL;
}

static bool is_english(const char *html, size_t len)
{
    const char *tag = find_tag(html, len, "html");
    const char *end = tag ? memchr(tag, '>', len - (size_t)(tag - html)) : NULL;

    return end && (memmem(tag, (size_t)(end - tag), "lang=\"en", 8) ||
                   memmem(tag, (size_t)(end - tag), "lang=en", 7));
}

int static_notice_add(struct buf *out, const char *html, size_t len, uint64_t taken_s)
{
    size_t most = len < HEAD_MAX ? len : HEAD_MAX;
    const char *body = find_tag(html, most, "body");
    const char *end = body ? memchr(body, '>', len - (size_t)(body - html)) : NULL;
    size_t first = end ? (size_t)(end + 1 - html) : 0;
    char text[600], line[800], when[40];
    time_t at = (time_t)taken_s;
    bool english = is_english(html, most);
    struct tm tm;
    int rc;

    if (!end || !localtime_r(&at, &tm))
        return buf_append(out, html, len);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
    if (english)
        snprintf(text, sizeof(text), NOTICE_EN, when);
    else
        snprintf(text, sizeof(text), NOTICE_ZH, when);
    snprintf(line, sizeof(line),
             "\n<p role=\"status\" lang=\"%s\" style=\"" STYLE "\">%s</p>",
             english ? "en" : "zh-CN", text);
    rc = buf_append(out, html, first);
    if (rc == 0)
        rc = buf_append(out, line, strlen(line));
    return rc < 0 ? rc : buf_append(out, html + first, len - first);
}
