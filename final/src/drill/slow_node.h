/* slow_node -- lets nodes of this host answer later, through the path /load that
 * showcase-node has.  A node accepts that from its own host only, and from no proxy, so
 * the drill has to run there.  The undo is an array of
 *     {"slow": "ADDRESS:PORT", "delay_ms": what the node had before}
 * The delay is in the memory of the node's process: where nothing listens any more, there
 * is nothing to undo.  Thread: any. */
#ifndef LARS_DRILL_SLOW_NODE_H
#define LARS_DRILL_SLOW_NODE_H

#include "db/myconn.h"
#include "drill/faults.h"

#define SLOW_NODE_MAX 64 /* nodes of an event */
#define SLOW_NODE_MS 30000 /* for all of them */

/* The undo of <e>, which changes nothing: finds the nodes, for a HOST in <db>, and asks
 * each for its delay.  NULL, with a sentence in <why>: <db> is NULL or cannot be asked,
 * no node is ready there, or one of them does not offer a delay. */
json_t *slow_node_prepare(const struct script_event *e, const struct myconn_config *db,
                          char why[FAULTS_WHY]);

/* Give the nodes of <undo> the delay of <e>.  Returns 0; or -errno with a sentence: then
 * some may have it. */
int slow_node_do(const struct script_event *e, const json_t *undo, char why[FAULTS_WHY]);

/* Give one node its delay back.  May be done twice.  Returns 0; or -errno with a
 * sentence. */
int slow_node_undo(const json_t *action, char why[FAULTS_WHY]);

#endif
