/* gateway_change -- a signed command to some of the gateways, such as a drain, with its
 * rows in Audit: the same for larsctl and the console.
 *
 * A drain after which no gateway would serve, or none of a zone, needs consent.  Gateways
 * know nothing of each other, so two operators could drain one each at the same time:
 * after a drain without consent the others are asked again, and when none serves the
 * drain is taken back.  Thread: the connection's. */
#ifndef LARS_OPS_GATEWAY_CHANGE_H
#define LARS_OPS_GATEWAY_CHANGE_H

#include "fleet/gateway_client.h"
#include "fleet/gateway_list.h"
#include "ops/audit.h"
#include "ops/change.h"

struct gateway_change_one {
    const char *at; /* its admin port; borrowed */
    bool is_meant; /* the command is for it */
    bool is_lost; /* known not to answer: it is not asked whether it serves */
    /* set by the calls: */
    bool serves; /* it answered and does not drain */
    bool obeyed; /* otherwise <why> has the reason */
    char zone[33]; /* [gateway] zone; "" = none, or not known */
    char why[GATEWAY_CLIENT_WHY]; /* the answer to the command, a sentence */
};

struct gateway_change {
    struct gateway_change_one one[GATEWAY_LIST_MAX];
    unsigned n;
    const struct fleet_keys *keys;
    const char *path, *body; /* "/drain" and "", for example */
    uint32_t timeout_ms; /* of each request */
    bool consent; /* to a drain of the last one */
    bool must_audit; /* without a database nothing is done */
    int audit_rc; /* set: below 0, the audit lacks a row; only without must_audit */
};

/* Mean those whose [gateway] zone is <zone>: each that is not lost is asked.  Returns how
 * many there are. */
unsigned gateway_change_mean_zone(struct gateway_change *g, const char *zone);

/* Ask whether others serve after a drain.  Returns 0; -EBUSY with a sentence: none would,
 * or none of a zone. */
int gateway_change_check(struct gateway_change *g, char why[CHANGE_WHY]);

/* Send the command to each that is meant, also when one before has failed.  Returns 0
 * when all have obeyed; -EBUSY with a sentence: as gateway_change_check(), and nothing is
 * changed, or it was taken back; -EREMOTEIO: one has not obeyed, its <why> says why; or
 * as sqldb_run(), with must_audit. */
int gateway_change_apply(struct gateway_change *g, struct sqldb *db,
                         const struct audit_actor *who, char why[CHANGE_WHY]);

#endif
