/* An array indexed by message id: ids are small, so a lookup is a range check and a load.
 * Invariant: the array does not change once a loop runs, so threads share it without a
 * lock.
 * Rejected: a switch in each program, because a library module could not add handlers. */
#include "net/dispatch.h"

#include <errno.h>
#include <stdlib.h>

struct dispatch {
    struct {
        dispatch_fn *fn;                  /* NULL = no handler */
        void *arg;
    } on[DISPATCH_IDS];
};

int dispatch_create(struct dispatch **out)
{
    /* begin dispatch_create */
    *out = NULL;
    return -ENOSYS;
    /* end dispatch_create */
}

void dispatch_destroy(struct dispatch *d)
{
    /* begin dispatch_destroy */
    (void)d;
    /* end dispatch_destroy */
}

int dispatch_set(struct dispatch *d, int32_t msgid, dispatch_fn *fn, void *arg)
{
    /* 1. -ERANGE outside the array; -EEXIST when the id has a handler.
     * 2. Store function and argument. */
    /* begin dispatch_set */
    (void)d;
    (void)msgid;
    (void)fn;
    (void)arg;
    return -ENOSYS;
    /* end dispatch_set */
}

bool dispatch_call(const struct dispatch *d, struct conn *c, const struct frame *f)
{
    /* 1. The id came from the network: below 0, too large or without a handler gives
     *    false.
     * 2. Call the handler with its argument; true. */
    /* begin dispatch_call */
    (void)d;
    (void)c;
    (void)f;
    return false;
    /* end dispatch_call */
}
