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
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void dispatch_destroy(struct dispatch *d)
{
    free(d);
}

int dispatch_set(struct dispatch *d, int32_t msgid, dispatch_fn *fn, void *arg)
{
    if (msgid < 0 || msgid >= DISPATCH_IDS)
        return -ERANGE;
    if (d->on[msgid].fn)
        return -EEXIST;
    d->on[msgid].fn = fn;
    d->on[msgid].arg = arg;
    return 0;
}

bool dispatch_call(const struct dispatch *d, struct conn *c, const struct frame *f)
{
    if (f->msgid < 0 || f->msgid >= DISPATCH_IDS || !d->on[f->msgid].fn)
        return false;
    d->on[f->msgid].fn(c, f, d->on[f->msgid].arg);
    return true;
}
