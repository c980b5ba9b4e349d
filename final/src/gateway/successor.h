/* successor -- the process that a gateway starts to follow it, from its start until it
 * serves visitors or has failed.  handover.h has what the two tell each other.
 * Thread: loop. */
#ifndef LARS_GATEWAY_SUCCESSOR_H
#define LARS_GATEWAY_SUCCESSOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "net/evloop.h"
#include "net/inherited.h"

#define SUCCESSOR_FDS_MAX INHERITED_MAX /* the new program takes no more */

struct successor;

/* It serves visitors (<ready>), or it has failed, which is logged with the reason: it is
 * no process any more then. */
typedef void successor_fn(bool ready, void *arg);

struct successor_config {
    struct evloop *loop; /* borrowed */
    char *const *argv; /* the program and its arguments, NULL at the
                                           * end; a name without '/' is one of PATH */
    const int *fd; /* the listeners; the process gets copies */
    unsigned n_fds; /* at most SUCCESSOR_FDS_MAX */
    uint32_t limit_ms; /* to become ready; then it is ended */
    successor_fn *fn;
    void *arg;
};

/* Start it; <fn> is called once, later.  Returns 0, or -errno after a line in the log. */
int successor_start(struct successor **out, const struct successor_config *c);
pid_t successor_pid(const struct successor *s);

/* It is ready: tell it that the fixed ports of this process are free. */
void successor_go(struct successor *s);

/* Ends the process when it is not ready.  NULL is fine. */
void successor_destroy(struct successor *s);

#endif
