/* dispatch -- maps each message id to the function that handles it.
 * A program fills the table before its loops run and only reads it afterwards, so several
 * threads may share one table. */
#ifndef LARS_NET_DISPATCH_H
#define LARS_NET_DISPATCH_H

#include <stdbool.h>

#include "net/frame.h"

#define DISPATCH_IDS 256                  /* message ids 0 to 255 */

struct conn;
struct dispatch;

/* A handler.  Borrows <c> and <f> for the call.  It may close <c>. */
typedef void dispatch_fn(struct conn *c, const struct frame *f, void *arg);

int dispatch_create(struct dispatch **out); /* 0 or -ENOMEM.  Thread: init */
void dispatch_destroy(struct dispatch *d); /* NULL is fine */

/* Set the handler of <msgid>; <arg> is passed to it.  Borrows <arg>.  Returns 0; -ERANGE
 * when <msgid> is not 0 to 255; -EEXIST when it has a handler.  Thread: init. */
int dispatch_set(struct dispatch *d, int32_t msgid, dispatch_fn *fn, void *arg);

/* Call the handler of f->msgid.  Returns false when there is none.  Thread: any. */
bool dispatch_call(const struct dispatch *d, struct conn *c, const struct frame *f);

#endif
