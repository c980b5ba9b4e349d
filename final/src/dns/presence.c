/* The thread has a connection of its own: a write that waits must not delay the poller,
 * which brings new routes.
 *
 * Rejected: writing only what changed.  The row is also the sign of life. */
#include "dns/presence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/process_name.h"
#include "base/worker.h"
#include "dns/removal_guard.h"

#define BEAT_MS 1000
#define START_MS 3000                 /* wait so long for the first routes */
#define START_STEP_MS 20
#define HOLDS_MAX 1000                /* further ones are not written */

struct presence {
    struct service_db *db;            /* the thread's, with what follows */
    struct presence_config cfg;
    char name[PROCESS_NAME_MAX], address[PROCESS_NAME_MAX];
    char zone[SERVICE_DB_ZONE];
    bool down;                        /* the failure is logged already */
    struct hold hold[HOLDS_MAX];
    struct service_db_hold row[HOLDS_MAX];
    struct worker *worker;
};

static int put_holds(struct presence *p)
{
    size_t n = removal_guard_holds(p->cfg.guard, p->hold, HOLDS_MAX), i;

    for (i = 0; i < n; i++)
        p->row[i] = (struct service_db_hold){p->hold[i].modid, p->hold[i].cmdid,
                                             p->hold[i].had, p->hold[i].gone};
    return service_db_put_holds(p->db, p->name, p->row, n);
}

static int put_rows(struct presence *p)
{
    struct service_db_self self = {"dnsd", p->name, p->address, p->zone, "", 0};
    struct removal_guard_stat guard = {0};
    struct dnspoll_stat st;
    int rc;

    dnspoll_stat(p->cfg.poll, &st);
    if (p->cfg.guard)
        removal_guard_stat(p->cfg.guard, &guard);
    self.revision = st.version;
    if (guard.stale || st.version == 0 || !st.db_up)
        self.state = "stale";
    rc = service_db_beat(p->db, &self);
    return rc < 0 || !p->cfg.guard ? rc : put_holds(p);
}

/* A DNSService that has just started has no routes yet, which is no reason for an alarm.
 * Returns false when it is time to stop. */
static bool wait_for_routes(struct presence *p)
{
    struct dnspoll_stat st = {0};
    unsigned ms;

    for (ms = 0; ms < START_MS && st.version == 0; ms += START_STEP_MS) {
        dnspoll_stat(p->cfg.poll, &st);
        if (st.version == 0 && !worker_pause(p->worker, START_STEP_MS))
            return false;
    }
    return true;
}

static void presence_main(void *arg)
{
    struct presence *p = arg;
    bool on = wait_for_routes(p);

    while (on) {
        int rc = put_rows(p);

        if (rc < 0 && !p->down)
            LOG_ERROR("db.down", "err=%s of=presence %s", err_str(rc),
                      service_db_error(p->db));
        if (rc == 0 && p->down)
            LOG_INFO("db.back", "of=presence");
        p->down = rc < 0;
        on = worker_pause(p->worker, BEAT_MS);
    }
    service_db_close(p->db);          /* in the thread that used it */
    p->db = NULL;
}

static void release_presence(struct presence *p)
{
    worker_destroy(p->worker);
    service_db_close(p->db);
    free(p);
}

int presence_start(struct presence **out, struct service_db *db,
                   const struct presence_config *cfg)
{
    struct presence *p = calloc(1, sizeof(*p));
    int rc;

    if (!p) {
        service_db_close(db);
        return -ENOMEM;
    }
    p->db = db;
    p->cfg = *cfg;
    snprintf(p->name, sizeof(p->name), "%s", cfg->name);
    snprintf(p->address, sizeof(p->address), "%s", cfg->address);
    snprintf(p->zone, sizeof(p->zone), "%s", cfg->zone ? cfg->zone : "");
    rc = worker_create(&p->worker);
    if (rc == 0)
        rc = worker_start(p->worker, presence_main, p);
    if (rc < 0)
        release_presence(p);
    else
        *out = p;
    return rc;
}

void presence_stop(struct presence *p)
{
    if (!p)
        return;
    worker_stop(p->worker);
    release_presence(p);
}
