/* api_gateway -- gateways in JSON.  Thread: any. */
#ifndef LARS_WEB_API_GATEWAY_H
#define LARS_WEB_API_GATEWAY_H

#include <jansson.h>

#include "web/api.h"
#include "web/web.h"

/* What is wrong with gateways, without an address: {"all": n, "unreachable": n,
 * "modules": [{"module": "3/1", "state": "waiting", "gateways": 2}]}, with modules whose
 * admission is not normal.  JSON null: none are configured.  Counts as a look. */
json_t *api_gateway_brief(struct web *web);

/* After a zone was drained, or has returned: the same for its gateways, as far as they
 * answer.  One that does not obey is a line in the log; the page of the gateways shows
 * it. */
void api_gateway_change_zone(const struct request_env *env, const char *zone, bool drain,
                             const struct audit_actor *who);

#endif
