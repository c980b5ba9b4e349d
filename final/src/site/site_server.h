/* site_server -- answers visitors over HTTP from the content in memory.  Thread: loop. */
#ifndef LARS_SITE_SITE_SERVER_H
#define LARS_SITE_SITE_SERVER_H

#include "net/evloop.h"
#include "obs/metrics.h"
#include "site/site_content.h"
#include "site/site_visits.h"

struct site_server;

struct site_server_config {
    const struct site_render *render; /* borrowed */
    struct site_visits *visits; /* borrowed */
    const char *unavailable; /* the page of a 503: borrowed HTML */
    uint32_t inflight; /* requests at once; twice as many are the limit */
};

/* Takes <lfd>, on failure as well.  Copies <cfg>.  Returns 0, -EIO or -ENOMEM. */
int site_server_create(struct site_server **out, struct evloop *l, int lfd,
                       const struct site_server_config *cfg);
void site_server_destroy(struct site_server *s); /* NULL is fine */

/* Serve <c> from now on.  Takes the reference. */
void site_server_set_content(struct site_server *s, struct site_content *c);

/* From now on /healthz says 503 and each answer closes its connection; new connections
 * are accepted for <accept_ms>.  When no request is left after that, or at latest after
 * <all_ms>, evloop_stop() ends the loop. */
void site_server_drain(struct site_server *s, uint32_t accept_ms, uint32_t all_ms);

void site_server_collect(const struct site_server *s, struct metrics *m);
/* NULL, or why the site cannot be shown: a static sentence. */
const char *site_server_health(const struct site_server *s);

#endif
