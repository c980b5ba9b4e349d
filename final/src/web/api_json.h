/* api_json -- parts of answers that several handlers write.  Thread: any. */
#ifndef LARS_WEB_API_JSON_H
#define LARS_WEB_API_JSON_H

#include <jansson.h>

#include "web/request.h"
#include "web/snap.h"
#include "web/web.h"

/* When the snapshot was read, its age, and which sources work: {"at": ms, "age_ms": n,
 * "sources": {"db": true, "reports": true, "dnsd": true}}. */
json_t *api_json_head(const struct snap *s, struct web *web);

json_t *api_json_module(const struct snap *s, const struct snap_module *m);
json_t *api_json_alarm(const struct snap_alarm *a);
json_t *api_json_node(const struct node_row *r, const struct snap_node *v);
json_t *api_json_sum(uint64_t sum);   /* 16 hexadecimal digits */
json_t *api_json_module_id(uint32_t modid, uint32_t cmdid); /* "1/1" */
json_t *api_json_address(uint32_t ip, uint32_t port); /* "10.0.0.1:80" */
json_t *api_json_number(const char *text); /* a cell of the database; NULL: null */
bool api_json_read_sum(const char *text, uint64_t *sum);
bool api_json_read_module(const char *text, uint32_t *modid, uint32_t *cmdid);

/* "ok", "out", "held", "drained" or "down": what is worst about the module. */
const char *api_json_module_state(const struct snap_module *m);

/* Numbers of a page: 0 decimals of milliseconds, 3 of rates. */
json_t *api_json_rate(double v);

/* No snapshot yet: 503.  Returns false then. */
bool api_json_has_snap(struct request *q, const struct request_env *env);

#endif
