/* front_probe -- asks hosts with gateways once a second: a host that starts whether its
 * gateway is ready, at its admin port; an announced one for its /lars-id, at the address
 * that visitors use.  A thread for each host, so one that hangs delays no other one; a
 * question takes at most a second.  Thread: one at a time. */
#ifndef LARS_SCALE_FRONT_PROBE_H
#define LARS_SCALE_FRONT_PROBE_H

#include "scale/front_life.h"

struct front_probe;

int front_probe_create(struct front_probe **out); /* 0 or -ENOMEM */
void front_probe_destroy(struct front_probe *p); /* waits for 1 s at most; NULL is fine */

enum front_probe_kind { FRONT_PROBE_READY, FRONT_PROBE_ID };

struct front_probe_target {
    char host[SNAPSHOT_NAME];
    char at[SNAPSHOT_AT]; /* the admin port, or the address for visitors */
    enum front_probe_kind kind;
    char id[33]; /* FRONT_PROBE_ID: of its process, as its admin port says; "" = not
                  * known, and then nothing is seen */
};

/* Ask these <n> hosts and no others.  Counts go on while host, address and kind are the
 * same.  What could not get a thread or a place is tried in the next call. */
void front_probe_ask(struct front_probe *p, const struct front_probe_target *t, size_t n);

#define FRONT_PROBE_WHY 200

struct front_probe_view {
    unsigned n_ok, n_failed; /* in a row; one of them is 0 */
    char why[FRONT_PROBE_WHY]; /* the last failure, a sentence; "" = none */
};

void front_probe_look(struct front_probe *p, const char *host,
                      struct front_probe_view *out);

#endif
