/* gateways -- what the console knows of the gateways of its configuration.  A thread for
 * each gateway asks it once a second for all viewers together, and only while a viewer
 * looks; so a gateway that does not answer delays neither another nor a page. */
#ifndef LARS_WEB_GATEWAYS_H
#define LARS_WEB_GATEWAYS_H

#include "fleet/gateway_client.h"
#include "fleet/gateway_list.h"
#include "web/gateway_rates.h"

enum gateways_state {
    GATEWAYS_READY,
    GATEWAYS_DRAINING,
    GATEWAYS_UNREACHABLE, /* two looks in a row had no answer */
    GATEWAYS_UNKNOWN, /* there is no answer of the last seconds */
};

/* Valid during the call that gets it. */
struct gateways_view {
    const char *admin; /* its admin port, ADDRESS:PORT */
    enum gateways_state state;
    const struct gateway_answer *answer; /* the last one; NULL: none yet */
    uint64_t age_ms; /* of the answer */
    uint64_t started_s; /* of the gateway, since 1970 */
    const struct gateway_rates *rates;
    uint64_t since_ms; /* GATEWAYS_UNREACHABLE: since when, ms of 1970 */
    int fault; /* and why: -errno of gateway_client_get() */
    const char *why; /* the same as a sentence */
};

struct gateways;

/* Copies <list>.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int gateways_start(struct gateways **out, const struct gateway_list *list);
void gateways_stop(struct gateways *g); /* waits for looks; NULL is fine.  Thread: init */

/* A viewer looks: the gateways are asked for the next seconds.  NULL is fine, for all of
 * these.  Thread: any. */
void gateways_look(struct gateways *g);
unsigned gateways_n(const struct gateways *g);

/* Call <fn> for each gateway, in the order of the configuration.  <fn> does not wait. */
void gateways_each(struct gateways *g,
                   void (*fn)(const struct gateways_view *v, void *arg), void *arg);

const char *gateways_state_name(enum gateways_state s);

#endif
