/* drill_mark -- the field Lars-Drill, by which the load of a drill shows that it is no
 * visitor.  Gateways and nodes count it as demand, and not as visits.  Its value is
 *     1.EXPIRY.MAC
 * EXPIRY: ten digits, the first second since 1970 in which it is not valid any more;
 * MAC: HMAC-SHA256 with a key of the fleet, 64 digits, of
 *     lars-drill-1 LF EXPIRY LF
 * A mark may be used in any number of requests until then.  One that was
 * overheard keeps the requests that are sent with it from being counted as visits until
 * then, and does nothing else.
 * Times are seconds of the wall clock, passed in. */
#ifndef LARS_FLEET_DRILL_MARK_H
#define LARS_FLEET_DRILL_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/fleet_keys.h"

#define DRILL_MARK_FIELD "Lars-Drill"
#define DRILL_MARK_LIFE_S 3600u           /* of a new mark */
#define DRILL_MARK_SKEW_S 30u             /* by which two clocks may differ */
#define DRILL_MARK_LEN (2 + 10 + 1 + FLEET_KEYS_MAC)

/* The value of a mark from <now_s> on, with a 0 byte.  Thread: any. */
void drill_mark_make(const struct fleet_keys *k, uint64_t now_s,
                     char out[DRILL_MARK_LEN + 1]);

/* What one thread remembers of the mark that it has accepted last; zeroed = none.  It has
 * to be zeroed when the keys change. */
struct drill_mark_memory {
    uint64_t expiry_s;
    char mark[DRILL_MARK_LEN];
};

/* Whether the <len> bytes at <mark> are a mark that is valid at <now_s>: written as
 * above, signed with one of the keys, and not valid for longer than a new one.  A mark
 * that <m> remembers is only compared.  Thread: that of <m>. */
bool drill_mark_check(struct drill_mark_memory *m, const struct fleet_keys *k,
                      const char *mark, size_t len, uint64_t now_s);

#endif
