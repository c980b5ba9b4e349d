/* measures -- the nodes that larsctl capacity measure loads, each in a slot of its own:
 * which slot it gets, and when it loses it.  Such a node is never in the route, and
 * node_life neither counts nor stops it (slot_nodes.h).
 *     asked -> given (the slot has an order) -> over (the slot is emptied)
 *           -> refused, with a sentence
 * Pure: what a node needs to go on is in the tables.  Thread: any. */
#ifndef LARS_SCALE_MEASURES_H
#define LARS_SCALE_MEASURES_H

#include "scale/node_life.h"

enum measures_verb {
    MEASURES_GIVE, /* the slot is ordered for it */
    MEASURES_REFUSE, /* its slot, if it has one, is emptied */
    MEASURES_END, /* the same, and the row goes */
};

struct measures_change {
    enum measures_verb verb;
    size_t measure; /* index into the snapshot's measures */
    uint32_t host, slot; /* of MEASURES_GIVE */
    char note[SNAPSHOT_NOTE]; /* of MEASURES_REFUSE */
};

struct measures_changes {
    struct measures_change at[SNAPSHOT_MEASURES_MAX];
    size_t n;
};

/* After node_life_round() has made <steps> and <missing> for <want>.  A slot is given on
 * a host that is heard, without another node that is measured, in a zone in which no node
 * lacks a slot; and it is taken back when one does. */
void measures_round(const struct snapshot *s, const struct node_want *want,
                    const unsigned *missing, size_t n_want,
                    const struct node_steps *steps, struct measures_changes *out);

#endif
