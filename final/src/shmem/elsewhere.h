/* elsewhere -- where a call goes that has failed before, or for which no node was picked.
 * Thread: any, each with its own view. */
#ifndef LARS_SHMEM_ELSEWHERE_H
#define LARS_SHMEM_ELSEWHERE_H

#include "base/rnd.h"
#include "lb/pick.h"
#include "shmem/picker.h"

/* <i>: the member of <v> that was picked, or PICK_NONE; <addr>: of each member; <p>: the
 * nodes that are to be avoided.  The own zone may fail as a whole, and each of its nodes
 * would cost an attempt: so the call goes to another zone.  A node there that was never
 * checked comes after member <i> while that is healthy, but after two failures before it.
 * Else it goes to member <i>, unless that is to be avoided and there is a healthy one
 * that is not.  Returns a member; PICK_NONE = there is none. */
uint32_t elsewhere_pick(const struct pick_view *v, const struct net_addr *addr,
                        struct rnd *rnd, uint32_t i, const struct picker_pick *p,
                        uint64_t now_ms);

#endif
