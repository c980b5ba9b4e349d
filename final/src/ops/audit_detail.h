/* audit_detail -- what a row of Audit holds of a change: the old and the new values, as
 * an object in JSON.  Thread: any. */
#ifndef LARS_OPS_AUDIT_DETAIL_H
#define LARS_OPS_AUDIT_DETAIL_H

#include <jansson.h>

#include "ops/plan.h"
#include "ops/settings.h"

#define AUDIT_DETAIL_ROWS 500         /* further rows are counted only */

/* {"nodes": [{"module": "1/1", "node": "10.0.0.1:80", "old": {"weight": 100, "zone": "a",
 * "state": "up"}, "new": null}], "more": 0, "settings": [{"module": "1/1", "key": "rule",
 * "old": "", "new": "p2c"}]}; "old" and "new" are null when there is none.  NULL = no
 * memory.  The caller frees it. */
char *audit_detail_of(const struct plan *p, const struct settings *s);

/* One element of "nodes", and the list "settings"; the caller owns them.  NULL = no
 * memory. */
json_t *audit_detail_row(const struct node_row *old, const struct node_row *fresh);
json_t *audit_detail_settings(const struct settings *s);

#endif
