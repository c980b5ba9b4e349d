/* repeat -- how often, and after what pause, a transaction is repeated that has lost
 * against another one (-EDEADLK of myconn_query()).  Thread: one at a time. */
#ifndef LARS_DB_REPEAT_H
#define LARS_DB_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

#define REPEAT_MAX 5                  /* times, after the first */
#define REPEAT_MS 5000                /* none begins later than this after the first */

struct repeat {
    unsigned n;
    uint64_t end_ms;                  /* monotonic */
};

/* Call before the first attempt. */
void repeat_begin(struct repeat *r);

/* <rc> is the result of an attempt.  Returns false when it is final: any other than
 * -EDEADLK, or the attempts are used up.  Otherwise waits 5 to 50 ms and returns true. */
bool repeat_after(struct repeat *r, int rc);

/* <rc> becomes the result of <call>, which is evaluated for each attempt: one whole
 * transaction. */
#define REPEAT(rc, call)                                                                 \
    do {                                                                                 \
        struct repeat repeat_;                                                           \
                                                                                         \
        repeat_begin(&repeat_);                                                          \
        do                                                                               \
            (rc) = (call);                                                               \
        while (repeat_after(&repeat_, (rc)));                                            \
    } while (0)

/* The same, and the function returns the result. */
#define REPEAT_RETURN(call)                                                              \
    do {                                                                                 \
        int rc_;                                                                         \
                                                                                         \
        REPEAT(rc_, call);                                                               \
        return rc_;                                                                      \
    } while (0)

#endif
