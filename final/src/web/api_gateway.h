/* api_gateway -- gateways in JSON.  Thread: any. */
#ifndef LARS_WEB_API_GATEWAY_H
#define LARS_WEB_API_GATEWAY_H

#include <jansson.h>

#include "web/web.h"

/* What is wrong with gateways, without an address: {"all": n, "unreachable": n,
 * "modules": [{"module": "3/1", "state": "waiting", "gateways": 2}]}, with modules whose
 * admission is not normal.  JSON null: none are configured.  Counts as a look. */
json_t *api_gateway_brief(struct web *web);

#endif
