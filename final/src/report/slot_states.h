/* slot_states -- takes the messages in which lars-slotd tells what runs in the slots of
 * its host (message 41) and writes them to the database in a thread of its own.  Each
 * message that is written is acknowledged (43).  The last value wins: a message that
 * waits is replaced by the next one of its host, and one that finds no room or that the
 * database refuses is dropped, because the next one comes within a second. */
#ifndef LARS_REPORT_SLOT_STATES_H
#define LARS_REPORT_SLOT_STATES_H

#include "db/slot_state_db.h"
#include "report/batchsrv.h"

struct slot_states;

#define SLOT_STATES_HOSTS 1024 /* whose messages may wait at once */

/* Takes <db>, on failure as well; borrows <srv>, by which acknowledgements leave.
 * Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int slot_states_start(struct slot_states **out, struct slot_state_db *db,
                      struct batchsrv *srv);

/* End the thread; messages that wait or still come are dropped.  Takes at most the
 * database's time-out.  Twice and NULL are fine.  Thread: init. */
void slot_states_stop(struct slot_states *s);
void slot_states_destroy(struct slot_states *s); /* after the reportsrv.  NULL is fine */

/* For reportsrv_config.more, after batchsrv_more(). */
int slot_states_more(struct dispatch *d, struct slot_states *s);

struct slot_states_stat {
    uint64_t n_written; /* messages */
    uint64_t n_replaced; /* by the next one of their host, before that */
    uint64_t n_conflict; /* that came by turns with those of another
                                       * lars-slotd of the same host */
    uint64_t n_late; /* that came after a later one of their host */
    uint64_t n_dropped, n_fail; /* no room; the database refused */
    uint32_t n_host; /* hosts with a message in the last 5 s */
};

void slot_states_stat(struct slot_states *s, struct slot_states_stat *out); /* any */

#endif
