/* api_brief -- scaling and drills in short, for the overview, the wall and the frame of
 * all pages.  Thread: any. */
#ifndef LARS_WEB_API_BRIEF_H
#define LARS_WEB_API_BRIEF_H

#include <jansson.h>

#include "web/snap.h"

/* The scaled modules: wanted and needed in each zone, up by zone, and whether nodes are
 * missing. */
json_t *api_brief_scaling(const struct snap *s);

/* The drill that runs, or was lost; JSON null: there is none. */
json_t *api_brief_drill(const struct snap *s);

#endif
