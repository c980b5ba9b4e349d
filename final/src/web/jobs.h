/* jobs -- threads that do what may wait: questions to the database, hashing of passwords.
 * The event loop hands over a job and is called back when it is done. */
#ifndef LARS_WEB_JOBS_H
#define LARS_WEB_JOBS_H

#include <stdbool.h>

#include "db/sqldb.h"
#include "net/evloop.h"

struct jobs;

/* A job is a member of the object it is about; zeroed before. */
struct job {
    void (*work)(struct job *j, struct sqldb *db); /* in a thread of the pool */
    void (*done)(struct job *j, bool cancelled); /* in the loop; cancelled: the pool is
                                                  * stopped and <work> did not run */
    struct job *next;                 /* these two are the pool's */
    struct jobs *pool;
};

/* Start <n> threads (1 to 8), each with a connection of its own; at most <max> jobs wait
 * in all.  Copies <cfg>.  Returns 0; -ENOMEM, -EAGAIN, -EMFILE.  Thread: init. */
int jobs_start(struct jobs **out, struct evloop *l, const struct myconn_config *cfg,
               unsigned n, unsigned max);

/* Returns 0, and <done> will be called; -EAGAIN: <max> jobs wait already.  Thread:
 * loop. */
int jobs_add(struct jobs *p, struct job *j);

unsigned jobs_n_waiting(struct jobs *p);

/* End the threads after the job that each has begun, then call <done> for every job that
 * is left.  NULL is fine.  Thread: loop, or after it has ended. */
void jobs_stop(struct jobs *p);

#endif
