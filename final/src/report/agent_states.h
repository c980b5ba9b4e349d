/* agent_states -- takes the messages in which agents say what they have in force (message
 * 38) and writes them to the database in a thread of its own.  The thread also shows each
 * second that this Report Service works.  Messages that wait together are written in one
 * transaction, and each is acknowledged (39) after it; one that finds no room or that the
 * database refuses is dropped, and the agent repeats it. */
#ifndef LARS_REPORT_AGENT_STATES_H
#define LARS_REPORT_AGENT_STATES_H

#include "db/service_db.h"
#include "report/batchsrv.h"

#define AGENT_STATES_GAP_MS 10 /* between two transactions that are not full */

struct agent_states;

struct agent_states_config {
    const char *name, *address; /* of this process, as process_name_of(); copied */
    const char *zone; /* of this process, at most 32 bytes, or NULL; copied */
    size_t max; /* bytes of the messages that wait */
    struct batchsrv *srv; /* borrowed; acknowledgements leave by it */
};

/* Takes <db>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int agent_states_start(struct agent_states **out, struct service_db *db,
                       const struct agent_states_config *cfg);

/* End the thread; messages that wait or still come are dropped.  Takes at most the
 * database's time-out.  Twice and NULL are fine.  Thread: init. */
void agent_states_stop(struct agent_states *a);
void agent_states_destroy(
    struct agent_states *a); /* after the reportsrv.  NULL is fine */

/* For reportsrv_config.more, after batchsrv_more(). */
int agent_states_more(struct dispatch *d, struct agent_states *a);

struct agent_states_stat {
    uint64_t n_written, n_dropped, n_fail; /* messages */
};

void agent_states_stat(struct agent_states *a, struct agent_states_stat *out); /* any */

#endif
