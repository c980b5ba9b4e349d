/* site_answer -- makes the responses of the site and the headers that they have.
 * Thread: loop. */
#ifndef LARS_SITE_SITE_ANSWER_H
#define LARS_SITE_SITE_ANSWER_H

#include <microhttpd.h>
#include <stdbool.h>

#include "site/site_bodies.h"

/* Values of Cache-Control. */
#define SITE_ANSWER_PAGE "max-age=2, stale-while-revalidate=10, stale-if-error=600"
#define SITE_ANSWER_FOREVER "public, max-age=31536000, immutable"
#define SITE_ANSWER_NEVER "no-store"

/* Borrows <bytes> until the response is destroyed.  <type> may be NULL.  Returns NULL
 * when there is no memory. */
struct MHD_Response *site_answer_make(const char *bytes, size_t len, const char *type,
                                      const char *cache);

/* The body in the form that the browser takes; or, when the browser has it already, no
 * body, and *<status> becomes 304.  Borrows <b>.  Returns NULL when there is no
 * memory. */
struct MHD_Response *site_answer_body(struct MHD_Connection *con,
                                      const struct site_body *b, unsigned *status);

/* Add what every response has and queue it.  Takes <r>. */
enum MHD_Result site_answer_send(struct MHD_Connection *con, unsigned status,
                                 struct MHD_Response *r, bool is_closing);

/* English stands before Chinese in Accept-Language, or alone. */
bool site_answer_prefers_english(struct MHD_Connection *con);

#endif
