/* scale_db -- the database calls of the autoscaler: its lease, one read of everything
 * that a round looks at, and one write of everything that it changes.  Each is one
 * transaction. Unless it says otherwise a call returns 0, -ENOMEM, or as
 * myconn_query(), and scale_db_error() has the server's words.  Thread: one at a time. */
#ifndef LARS_SCALE_SCALE_DB_H
#define LARS_SCALE_SCALE_DB_H

#include "db/myconn.h"
#include "scale/front_rows.h"
#include "scale/measures.h"
#include "scale/track.h"

struct scale_db;

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int scale_db_create(struct scale_db **out, const struct myconn_config *cfg);
void scale_db_close(struct scale_db *d); /* in the thread that used it; NULL is fine */

/* As lease_take_fenced() and lease_release(), with the lease "scale". */
int scale_db_lease(struct scale_db *d, uint64_t holder, uint32_t ttl_s, uint64_t *fence);
int scale_db_release(struct scale_db *d, uint64_t holder);

/* Everything at one moment.  <out> is emptied first; after a failure it is empty. */
int scale_db_read(struct scale_db *d, struct snapshot *out);

struct scale_decision { /* a row of ScaleDecision */
    struct module_id id;
    double demand, refused, inflight, load_nodes;
    unsigned zones, up, need, plan, was, wanted;
    const char *rule; /* at most 16 characters */
    char note[256];
};

struct scale_changes { /* borrowed for the call */
    const struct scale_decision *decision;
    size_t n_decision;
    const struct track_change *factor; /* of capacities */
    size_t n_factor;
    const struct node_steps *steps; /* of <snapshot> */
    const struct snapshot *snapshot;
    const struct measures_changes *measures; /* of <snapshot>; NULL: none */
    const struct front_changes *front; /* NULL: none */
    const struct shortages *shortages; /* shortage_rows.h; NULL: they stay as they are */
};

/* Write <c> if <holder> still has the lease under <fence>, which is then kept for
 * <ttl_s> seconds from now; with nothing to write that is all.  Orders name the
 * decision of their module that is written with them, and changes of the route have a
 * row in Audit. Returns 1: written.  0: the lease is another's, and nothing was
 * written. */
int scale_db_write(struct scale_db *d, uint64_t holder, uint64_t fence, uint32_t ttl_s,
                   const struct scale_changes *c);

const char *scale_db_error(const struct scale_db *d); /* of the last failure */

#endif
