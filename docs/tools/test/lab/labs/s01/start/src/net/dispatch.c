/* An array indexed by message id: ids are small, so a lookup is a range check and a load. */
#include "net/dispatch.h"

#include <errno.h>
#include <stdlib.h>

int dispatch_create(struct dispatch **out)
{
    (void)out;
    /* begin dispatch_create */
    return -ENOSYS;
    /* end dispatch_create */
}

void dispatch_destroy(struct dispatch *d)
{
    (void)d;
    /* begin dispatch_destroy */
    /* end dispatch_destroy */
}

int dispatch_set(struct dispatch *d, int32_t msgid, dispatch_fn *fn, void *arg)
{
    (void)d, (void)msgid, (void)fn, (void)arg;
    /* begin dispatch_set */
    return -ENOSYS;
    /* end dispatch_set */
}

bool dispatch_call(const struct dispatch *d, struct conn *c, const struct frame *f)
{
    (void)d, (void)c, (void)f;
    /* begin dispatch_call */
    return false;
    /* end dispatch_call */
}
