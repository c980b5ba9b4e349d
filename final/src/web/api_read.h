/* api_read -- what is sent to viewers again each second.  Thread: any. */
#ifndef LARS_WEB_API_READ_H
#define LARS_WEB_API_READ_H

#include <jansson.h>

#include "web/snap.h"
#include "web/web.h"

/* NULL = no memory. */
json_t *api_read_overview_json(const struct snap *s, struct web *web);
json_t *api_read_wall_json(const struct snap *s, struct web *web);

#endif
