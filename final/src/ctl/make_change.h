/* make_change -- what all commands that change something share: they plan or apply an
 * ops_request, print what it does or why it was refused, and wait until it is in force.
 * Thread: one. */
#ifndef LARS_CTL_MAKE_CHANGE_H
#define LARS_CTL_MAKE_CHANGE_H

#include "ctl/ctl.h"
#include "ops/ops.h"

struct make_change_options {
    enum plan_consent yes; /* what -y consents to */
    const char *how[3]; /* by enum plan_consent: "give -y to do it" */
};

/* Fill in who asks, then make the change or, with --dry-run, print its effect.  <out> is
 * zeroed and is to be freed with ops_free().  Returns an exit code. */
int make_change_run(struct ctl *c, struct ops_request *r,
                    const struct make_change_options *how, struct ops_outcome *out);

/* A change of one operation, on routes: the same, and it waits until it is in force. */
int make_change_routes(struct ctl *c, const char *action, const char *subject,
                       const struct change_op *op);

/* The same with other words about consent than "give -y". */
int make_change_routes_by(struct ctl *c, const char *action, const char *subject,
                          const struct change_op *op,
                          const struct make_change_options *how);

/* The operation's next argument KEY=VALUE.  Returns 0 or an exit code. */
int make_change_field(struct change_op *op, const char *word);

#endif
