/* endpoints -- the servers that hold the same database, the preferred one first, and
 * which of them to try next.  It opens no connection and reads no clock: the caller gives
 * the time and a random number.  Thread: one at a time. */
#ifndef LARS_DB_ENDPOINTS_H
#define LARS_DB_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENDPOINTS_MAX 8
#define ENDPOINTS_HOST 108
#define ENDPOINTS_TEXT (ENDPOINTS_HOST + 8)
#define ENDPOINTS_DOWN_MS 1000        /* a mark lasts so long, and up to as much again */
#define ENDPOINTS_WAIT_MIN_MS 200     /* of the wait after a round; it doubles */
#define ENDPOINTS_WAIT_MAX_MS 5000
#define ENDPOINTS_BACK_MS                                                                \
    10000 /* between two attempts to go back, at least; at
                                       * most 2 s more */

struct endpoint {
    char host[ENDPOINTS_HOST];        /* a name, an address, or the path of a socket */
    uint16_t port;                    /* 0 = <host> is the path of a socket */
};

struct endpoints {
    struct endpoint at[ENDPOINTS_MAX];
    size_t n;                         /* 1 to ENDPOINTS_MAX */
    uint64_t down_until_ms[ENDPOINTS_MAX];
    uint32_t wait_ms;                 /* the next wait without its random part; 0 = the
                                       * last round was no failure */
    uint64_t not_before_ms;           /* of the next round */
    uint64_t back_ms;                 /* of the next attempt to go back */
};

/* <text> has 1 to ENDPOINTS_MAX of NAME:PORT, ADDRESS:PORT, [IPV6]:PORT and /PATH/SOCKET,
 * with spaces between them.  Returns NULL, or a static sentence that says what is wrong;
 * <out> is undefined then. */
const char *endpoints_parse(struct endpoints *out, const char *text);

/* A list of one; port 0: <host> is a path.  A <host> that is too long is cut. */
void endpoints_set_one(struct endpoints *out, const char *host, uint16_t port);

/* Write the indices of the endpoints into <order>, in the order in which they are to be
 * tried: those that are not marked down, then the others.  Returns their number; 0: the
 * wait after a failed round is not over.  A list of one never waits. */
size_t endpoints_order(const struct endpoints *e, uint64_t now_ms,
                       size_t order[ENDPOINTS_MAX]);

/* The endpoint <i> could not be used: mark it down for 1 to 2 s. */
void endpoints_failed(struct endpoints *e, size_t i, uint64_t now_ms, uint32_t random);

/* All endpoints of endpoints_order() have failed: wait a random part of 0.2 s, which
 * doubles with each such round up to 5 s. */
void endpoints_round_failed(struct endpoints *e, uint64_t now_ms, uint32_t random);

/* There is a connection to the endpoint <i>. */
void endpoints_connected(struct endpoints *e, size_t i, uint64_t now_ms, uint32_t random);

/* Is it time to try an endpoint that is preferred to <i>, to which there is a connection?
 * The answer is yes once in 10 to 12 s at most. */
bool endpoints_go_back(struct endpoints *e, size_t i, uint64_t now_ms, uint32_t random);

/* "10.0.1.11:3310" or "/path".  Returns <buf>. */
const char *endpoints_text(const struct endpoint *e, char buf[ENDPOINTS_TEXT]);

#endif
