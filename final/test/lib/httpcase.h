/* httpcase.h -- one HTTP message of a test, with the only result that it may have,
 * however the network cuts it.  Thread: any. */
#ifndef LARS_TEST_LIB_HTTPCASE_H
#define LARS_TEST_LIB_HTTPCASE_H

#include "../t.h"

#include "http/http_parse.h"

struct httpcase {
    const char *what; /* the fault, or what is special */
    const char *text;
    size_t len;
    enum http_why why;
    uint16_t status; /* of the answer; 0 = it is not refused */
};

/* A message that is refused: what, bytes, why, status. */
#define HTTPCASE_BAD(what, bytes, why, status)                                           \
    {                                                                                    \
        what, bytes, sizeof(bytes) - 1, why, status                                      \
    }

/* Parse <len> bytes as a request, or as the response to a request of method <to>, in
 * growing parts: <first> bytes, then <step> more each time.  Each call gets an allocation
 * of exactly its size.  Returns what the last call returned. */
ssize_t httpcase_parse(const char *text, size_t len, size_t first, size_t step,
                       const enum http_method *to, struct http_head *out,
                       enum http_why *why);

/* The message is refused for its reason with every first part, byte by byte, and at once.
 * <to> = NULL: it is a request. */
void httpcase_check_bad(const struct httpcase *c, const enum http_method *to);

/* The message is a head of <len> bytes, all of it, however it is cut.  Its table is
 * stored in <out> and borrows from <text>. */
void httpcase_check_good(const char *text, size_t len, const enum http_method *to,
                         struct http_head *out);

/* The value of the only field <name>; fails when there is none or more than one.  The
 * text is valid until the next call. */
const char *httpcase_value(const struct http_head *h, const char *name);
bool httpcase_has(const struct http_head *h, const char *name);

#endif
