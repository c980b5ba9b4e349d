/* reader -- the thread that reads the database once a second and publishes what it has
 * read as a snapshot. */
#ifndef LARS_WEB_READER_H
#define LARS_WEB_READER_H

#include "db/zone_db.h"
#include "net/evloop.h"
#include "web/snap.h"

struct reader;
struct myconn_config;

/* <on_snap> is called in the loop after each round.  Copies <cfg>.  Returns 0; -ENOMEM,
 * -EAGAIN, -EMFILE.  Thread: init. */
int reader_start(struct reader **out, struct evloop *l, const struct myconn_config *cfg,
                 uint32_t round_ms, void (*on_snap)(void *arg), void *arg);
void reader_stop(struct reader *r);   /* NULL is fine.  Thread: loop, or after it */

/* The newest snapshot with a reference for the caller, or NULL.  Thread: any. */
struct snap *reader_snap(struct reader *r);

/* Milliseconds since the last round that could read the database; 0 rounds = since the
 * start.  Thread: any. */
uint64_t reader_age_ms(struct reader *r);

/* How the databases of the zones stand, as of the last round.  Thread: any. */
void reader_database(struct reader *r, struct zone_db_view *out);

#endif
