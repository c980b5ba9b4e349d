/* api_spans -- the time that the request of a chart asks for: its parameters from, to,
 * span and step.  Thread: one with a database. */
#ifndef LARS_WEB_API_SPANS_H
#define LARS_WEB_API_SPANS_H

#include "web/request.h"
#include "web/spans.h"

/* The last hour unless the parameters say another time; steps are <least> or more
 * seconds.  Returns false after a reply. */
bool api_spans_take(struct request *q, struct sqldb *db, uint32_t least, struct spans *s);

/* {"from", "to", "step"}; the caller adds what it knows of each step. */
json_t *api_spans_json(const struct spans *s);

#endif
