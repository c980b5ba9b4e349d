/* ctl_gateways -- the gateways in [gateways] admin, each asked for its state, and signed
 * commands to some of them.  Gateways need no database, so neither does this.  Thread:
 * one. */
#ifndef LARS_CTL_CTL_GATEWAYS_H
#define LARS_CTL_CTL_GATEWAYS_H

#include "base/net_addr.h"
#include "ctl/ctl.h"
#include "fleet/gateway_client.h"
#include "fleet/gateway_list.h"

#define CTL_GATEWAYS_MAX GATEWAY_LIST_MAX

struct ctl_gateway {
    char at[NET_ADDR_STRLEN]; /* its admin port */
    json_t *state; /* of /gateway; NULL = it did not answer */
    char why[GATEWAY_CLIENT_WHY]; /* then: a sentence */
    bool obeyed; /* the last command; otherwise <why> has the reason */
};

struct ctl_gateways {
    struct ctl_gateway at[CTL_GATEWAYS_MAX];
    unsigned n;
};

/* Ask all of them.  Returns 0, or an exit code after a line on standard error when the
 * list is empty; ctl_gateways_free() is needed in both cases. */
int ctl_gateways_ask(const struct ctl *c, struct ctl_gateways *out);
void ctl_gateways_free(struct ctl_gateways *g);

/* Ask one of them again. */
void ctl_gateways_look(struct ctl_gateway *g);

/* A member of a JSON object of a gateway; "" and 0: it is not there, or of another type.
 * <of> may be NULL. */
const char *ctl_gateways_text(const json_t *of, const char *member);
long long ctl_gateways_number(const json_t *of, const char *member);

/* Its host's name; "" when it did not answer.  It serves: it answered and does not drain.
 * It is in a zone when it answered and its [gateway] zone is this one.
 * <name> is its admin port, the address in it, its host, its address for visitors, or
 * "zone:NAME": each in the zone. */
const char *ctl_gateways_host(const struct ctl_gateway *g);
bool ctl_gateways_serves(const struct ctl_gateway *g);
bool ctl_gateways_in_zone(const struct ctl_gateway *g, const char *zone);
bool ctl_gateways_match(const struct ctl_gateway *g, const char *name);

/* Whether others serve when the gateways that <name> names are drained.  Returns CTL_OK,
 * or CTL_NEEDS_YES after a line on standard error: none does, and -y was not given. */
int ctl_gateways_may_drain(struct ctl *c, const struct ctl_gateways *g, const char *name);

/* Send the command to the gateways that <name> names, NULL = all of them, and print each
 * answer or what is wrong on standard error.  The audit gets a row "gateway <path>" for
 * each; without a database a line on standard error is all.  Returns an exit code:
 * CTL_FAILED when one of them did not obey; "/drain": or as ctl_gateways_may_drain(). */
int ctl_gateways_command(struct ctl *c, struct ctl_gateways *g, const char *name,
                         const char *path, const char *body);

#endif
