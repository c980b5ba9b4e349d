/* site_sync -- a thread that keeps the content of the site like the database: it reads
 * the revision each second, makes a new content when it has changed, keeps a snapshot
 * file for a start without the database, and writes the visits.  Thread: loop. */
#ifndef LARS_SITE_SITE_SYNC_H
#define LARS_SITE_SITE_SYNC_H

#include "net/evloop.h"
#include "site/site_content.h"
#include "site/site_db.h"

struct site_sync;

struct site_sync_config {
    struct myconn_config db;
    const char *node; /* as for site_db_create() */
    const char *snapshot; /* path of the file; "" = none */
    const struct site_render *render; /* borrowed until site_sync_stop() */
    struct site_visits *visits; /* borrowed until site_sync_stop() */
    /* Called in the loop with a new content, whose reference it takes. */
    void (*on_content)(struct site_content *c, void *arg);
    void *arg;
};

/* Copies <cfg>.  The content of the snapshot file, when there is one, is handed over in
 * one of the first turns of the loop.  Returns 0 or -errno. */
int site_sync_start(struct site_sync **out, struct evloop *l,
                    const struct site_sync_config *cfg);

/* Writes the visits that wait, as far as the database takes them.  NULL is fine. */
void site_sync_stop(struct site_sync *s);

/* ms since the revision was last read; from the start on. */
uint64_t site_sync_age_ms(const struct site_sync *s);
/* Rows that the last content left out, because a value cannot be shown. */
uint64_t site_sync_n_bad(const struct site_sync *s);

#endif
