/* The page describes the expected wait with words and not with a number of seconds,
 * because it is an estimate. */
#include "gateway/waiting_page.h"

#include <stdio.h>

#include "gateway/own_page.h"

struct sentence {
    const char *zh, *en;
};

static const struct {
    uint32_t most_s; /* 0 = any */
    struct sentence words;
} waits[] = {
#define WAITING_PAGE_WAITS
#include "gateway/waiting_page_texts.inc"
#undef WAITING_PAGE_WAITS
};

enum { TITLE, BODY, RELOADS, SORRY, SORRY_BODY, REQUEST, SENTENCES };

static const struct sentence text[SENTENCES] = {
#define WAITING_PAGE_SENTENCES
#include "gateway/waiting_page_texts.inc"
#undef WAITING_PAGE_SENTENCES
};

uint32_t waiting_page_spread(uint32_t refresh_s, uint32_t random)
{
    return refresh_s * (700 + random % 601) / 1000;
}

static const struct sentence *words_of(uint32_t wait_s)
{
    unsigned i = 0;

    while (waits[i].most_s && wait_s > waits[i].most_s)
        i++;
    return &waits[i].words;
}

/* The part of the page in one language. */
static int write_part(char *out, size_t size, const struct waiting_page *p, int english)
{
    const struct sentence *words = words_of(p->wait_s);
    const char *title, *body, *reloads, *wait = english ? words->en : words->zh;
    int n;

    title =
        english ? text[p->wait_s ? TITLE : SORRY].en : text[p->wait_s ? TITLE : SORRY].zh;
    body = english ? text[p->wait_s ? BODY : SORRY_BODY].en
                   : text[p->wait_s ? BODY : SORRY_BODY].zh;
    reloads = english ? text[RELOADS].en : text[RELOADS].zh;
    n = snprintf(out, size, "<section%s><h1>%s</h1><p>%s%s</p><p>%s</p></section>\n",
                 english ? " lang=\"en\"" : "", title, body, p->wait_s ? wait : "",
                 reloads);
    return n > 0 && (size_t)n < size ? n : 0;
}

size_t waiting_page_write(char out[WAITING_PAGE_MAX], const struct waiting_page *p)
{
    int n = snprintf(
        out, WAITING_PAGE_MAX,
        "<!doctype html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\">"
        "<meta http-equiv=\"refresh\" content=\"%u\"><title>%s</title>"
        "<style>%s</style></head>\n<body><main>\n",
        p->refresh_s, text[p->wait_s ? TITLE : SORRY].zh, own_page_style);
    size_t len = n > 0 ? (size_t)n : 0;

    len += (size_t)write_part(out + len, WAITING_PAGE_MAX - len, p, 0);
    len += (size_t)write_part(out + len, WAITING_PAGE_MAX - len, p, 1);
    n = snprintf(out + len, WAITING_PAGE_MAX - len,
                 "<p><small>%s <span lang=\"en\">%s</span> %s</small></p></main></body>"
                 "</html>\n",
                 text[REQUEST].zh, text[REQUEST].en, p->request_id);
    return n > 0 && (size_t)n < WAITING_PAGE_MAX - len ? len + (size_t)n : len;
}
