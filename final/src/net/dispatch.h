/* dispatch -- which function handles which message id.
 * Filled before the loop runs, only read afterwards: threads may share one. */
#ifndef LARS_NET_DISPATCH_H
#define LARS_NET_DISPATCH_H

#include <stdbool.h>

#include "net/frame.h"

#define DISPATCH_IDS 256                  /* message ids 0 to 255 */

struct conn;
struct dispatch;

/* Borrows <c> and <f> for the call.  It may close <c>. */
typedef void dispatch_fn(struct conn *c, const struct frame *f, void *arg);

int dispatch_create(struct dispatch **out); /* 0 or -ENOMEM.  Thread: init */
void dispatch_destroy(struct dispatch *d); /* NULL is fine */

/* Returns 0; -ERANGE when <msgid> is not 0 to 255; -EEXIST when it has a handler.
 * Borrows <arg>.  Thread: init. */
int dispatch_set(struct dispatch *d, int32_t msgid, dispatch_fn *fn, void *arg);

/* False when nobody handles this id.  Thread: any. */
bool dispatch_call(const struct dispatch *d, struct conn *c, const struct frame *f);

#endif
