/* visit -- the cookie `lars_v`, which tells a visitor who is inside from one who waits
 * and from one who is new, and since when.  It is signed, so that gateways need no list
 * of visitors in common: each of them with the same key accepts it.
 *
 * The value has a fixed length: class (1), first seen (8 hex digits, seconds), expiry
 * (8), a random id (16), HMAC-SHA256 of these (64).  Times are seconds of the wall clock,
 * passed in. */
#ifndef LARS_GATEWAY_VISIT_H
#define LARS_GATEWAY_VISIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/fleet_keys.h"
#include "gateway/admit.h"
#include "http/http_head.h"

#define VISIT_COOKIE "lars_v"
#define VISIT_INSIDE_S 600                /* sliding: renewed when half of it is over */
#define VISIT_WAITING_S 7200
#define VISIT_RATE 20                     /* requests a second of one cookie */

struct visit {
    enum admit_class class;
    uint64_t id;                          /* of the cookie */
    uint64_t first_s, expiry_s;           /* expiry: 0 = no valid cookie came */
};

/* The visit that the Cookie fields of <h> show.  A forged or expired cookie is none: the
 * visitor is new and was seen first at <now_s>.  Thread: any. */
void visit_read(const struct fleet_keys *k, const struct http_head *h, uint64_t now_s,
                struct visit *out);

/* The admitted visitor, or the one who waits, needs a new cookie: it has none of this
 * class, or half of its time is over. */
bool visit_is_due(const struct visit *v, enum admit_class class, uint64_t now_s);

#define VISIT_FIELD_MAX 256

/* Write the field Set-Cookie with CR LF for <v> in <class> from <now_s> on.  Returns its
 * length.  Thread: any. */
size_t visit_write(const struct fleet_keys *k, const struct visit *v,
                   enum admit_class class, uint64_t now_s, bool tls,
                   char out[VISIT_FIELD_MAX]);

/* Counts requests by cookie, approximately and in a fixed room. */
struct visit_rate;
int visit_rate_create(struct visit_rate **out); /* 0, -ENOMEM */
void visit_rate_destroy(struct visit_rate *r);

/* Count a request.  True: there were more than VISIT_RATE a second, for some seconds.
 * Thread: one. */
bool visit_rate_exceeded(struct visit_rate *r, uint64_t id, uint64_t now_s);

#endif
