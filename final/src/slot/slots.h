/* slots -- the nodes of this host: starts, checks and stops a process in each slot, so
 * that what runs is what was ordered.
 *
 *                  check passes            3 checks fail
 *     +----------+              +-------+                +------+
 *  -->| starting |------------->| ready |--------------->| sick |
 *     +----------+              +-------+<---------------+------+
 *       |  ^    ends, or no check    |      check passes    |
 *       v  |    passes in start_ms   v ends by itself       v no check passes in start_ms
 *     +--------+<-------------------------------------------+
 *     | failed |  starts again after 1 to 60 s
 *     +--------+
 *
 * A slot without an order, or with a node of another module, is stopping: SIGTERM, and
 * SIGKILL after drain_ms.  Of the nodes that are sick one at a time is started anew,
 * because what makes all of them sick at once is load, which fewer nodes make worse.
 *
 * What runs when slots are created was started by an earlier lars-slotd: it is watched
 * and not started again.  The last orders are kept in the folder; they are followed
 * while no others have come, and after 5 s nodes that they name are started as well.
 * Thread: loop. */
#ifndef LARS_SLOT_SLOTS_H
#define LARS_SLOT_SLOTS_H

#include "base/conf.h"
#include "net/evloop.h"
#include "slot/slot_link.h"
#include "slot/slot_modules.h"
#include "slot/slot_state.h"

struct slots;

struct slots_config { /* the texts are borrowed until slots_destroy() */
    struct evloop *loop;
    const char *dir; /* of the files of the slots; it exists */
    const char *address; /* IPv4 of the nodes */
    uint32_t n, first_port; /* slots, at most SLOT_MAX; slot k listens on
                                       * first_port + k - 1 */
    uint32_t start_ms, drain_ms, check_ms;
    void (*on_change)(void *arg); /* slots_status() has changed; NULL = none */
    void *arg;
};

/* Finds what runs.  Takes <m>.  Returns 0; -EACCES, -ENOSPC or another -errno when the
 * folder cannot be written, with a sentence in <err> that names it.  Thread: init. */
int slots_create(struct slots **out, const struct slots_config *c, struct slot_modules *m,
                 char err[CONF_ERR_MAX]);
void slots_destroy(struct slots *s); /* the nodes keep running.  NULL is fine */

/* All orders of this host; a slot that is not named is to be empty.  Returns 0; -ESTALE
 * when <fence> is lower than the highest one so far; -EINVAL when an order names a slot
 * twice, or one that is not there, or no module.  On failure nothing changes. */
int slots_order(struct slots *s, uint64_t fence, const struct slot_order *o, size_t n);

/* The file with the modules was read again.  Takes <m>.  Nodes that run keep what they
 * were started with; those that failed are started at once. */
void slots_set_modules(struct slots *s, struct slot_modules *m);

/* All slots 1 to n that are not empty, sorted; at most <max>, of SLOT_MAX.  Returns how
 * many. */
size_t slots_status(const struct slots *s, struct slot_status *out, size_t max);

/* Every slot is to be empty, until the end of this program. */
void slots_stop_all(struct slots *s);
unsigned slots_n_running(const struct slots *s); /* processes, in all slots */

struct slots_stat {
    uint64_t fence; /* the highest so far */
    uint64_t n_orders, n_stale; /* lists of orders; those that were refused */
    uint64_t n_starts, n_failed, n_kills; /* starts; nodes that failed; SIGKILLs */
    unsigned n_adopted; /* processes that were found */
    int keep_rc; /* of the last orders that were to be kept in the
                                       * folder: 0 or -errno */
};

void slots_stat(const struct slots *s, struct slots_stat *out);

#endif
