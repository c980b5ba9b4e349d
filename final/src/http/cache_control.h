/* cache_control -- what a request and a response say about keeping the response in a
 * cache that visitors share (RFC 9111), and for how long it may serve when it is not
 * fresh any more (RFC 5861).  It only reads heads.  When a field can be read in two ways,
 * the reading that keeps less is taken.  Thread: any. */
#ifndef LARS_HTTP_CACHE_CONTROL_H
#define LARS_HTTP_CACHE_CONTROL_H

#include "http/http_head.h"

/* The languages that are distinguished.  A request that prefers none of them is OTHER
 * when it names any language, and NONE when it names none. */
enum cache_control_language {
    CACHE_CONTROL_NONE,
    CACHE_CONTROL_ZH,
    CACHE_CONTROL_EN,
    CACHE_CONTROL_OTHER
};

struct cache_control_request {
    bool may_use;                         /* a copy may answer it, and the response to it
                                           * may answer others */
    bool gzip;                            /* it accepts a body in gzip */
    enum cache_control_language language;
};

/* May a copy answer the request <h>?  Only GET and HEAD, and none with
 *     Authorization          the response may be for one user only
 *     Cookie                 as Authorization, but when <cookies_ignored>; the cookie
 *                            <own_cookie> of the gateway does not count (NULL = none)
 *     Range, If-Range        a copy is whole, and players seek in videos
 *     If-Match, If-Unmodified-Since      they ask for the state at the node
 *     Cache-Control: no-store            nothing of it may be kept
 * If-None-Match and If-Modified-Since are no obstacle: a copy can answer them.  no-cache
 * and max-age of a request are ignored: visitors must not decide how often nodes work. */
void cache_control_read_request(const struct http_head *h, bool cookies_ignored,
                                const char *own_cookie,
                                struct cache_control_request *out);

enum cache_control_why {                  /* why a response is not kept */
    CACHE_CONTROL_KEEP,
    CACHE_CONTROL_STATUS,                 /* not 200, 203, 301, 404 or 410 */
    CACHE_CONTROL_FRAMING,                /* its end is not known to be its end */
    CACHE_CONTROL_COOKIE,                 /* Set-Cookie */
    CACHE_CONTROL_FORBIDDEN,              /* no-store, no-cache, private; Pragma */
    CACHE_CONTROL_VARY,                   /* depends on more than encoding and language */
    CACHE_CONTROL_ENCODING,               /* another coding than the request's class has
                                           * */
    CACHE_CONTROL_EXPIRED                 /* fresh for no time */
};

/* In ms from the arrival of the response. */
struct cache_control_times {
    uint64_t fresh_ms;                    /* it may serve without a word to a node */
    uint64_t stale_ms;                    /* then: while another request fetches it */
    uint64_t stale_error_ms;              /* then: when nodes fail */
};

/* May the response <h> be kept for requests like <r>?  <t> has the times that hold when
 * the response names none, and gets those that hold.  With must-revalidate or
 * proxy-revalidate both stale times are 0; s-maxage means proxy-revalidate as well
 * (RFC 9111, 5.2.2.10) but for a stale time that the response names.  Returns the first
 * reason against it, CACHE_CONTROL_KEEP when there is none; <t> counts only then. */
enum cache_control_why cache_control_read_response(const struct http_head *h,
                                                   const struct cache_control_request *r,
                                                   struct cache_control_times *t);

/* The value of Age in s; 0 when it has none or no number. */
uint64_t cache_control_age_s(const struct http_head *h);

/* Is it one entity tag, short and plain enough to be sent back in If-None-Match: a quoted
 * string of at most 200 bytes without ',', '"', blanks and bytes above 126? */
bool cache_control_etag_usable(struct http_text etag);

/* Does the list <if_none_match> have <etag>, by the weak comparison (RFC 9110, 8.8.3.2)?
 * "*" matches every tag. */
bool cache_control_etag_matches(struct http_text if_none_match, struct http_text etag);

#endif
