/* load_mark -- the field by which the load of a drill shows gateways that it is no
 * visitor (fleet/drill_mark.h).  Thread: one. */
#ifndef LARS_DRILL_LOAD_MARK_H
#define LARS_DRILL_LOAD_MARK_H

#include "fleet/drill_mark.h"

struct load_mark {
    struct fleet_keys *keys;              /* NULL: the load has no mark */
    uint64_t renew_s;                     /* of the wall clock */
    char fields[sizeof(DRILL_MARK_FIELD) + DRILL_MARK_LEN + 4]; /* with CR LF; "" = no
                                           * mark */
};

/* A mark from <now_s> on, signed with the first key in the file <key_file>; "" = none.
 * Returns 0, or -errno with a sentence in <err>. */
int load_mark_init(struct load_mark *m, const char *key_file, uint64_t now_s,
                   char err[CONF_ERR_MAX]);
void load_mark_fini(struct load_mark *m); /* zeroed is fine */

/* Sign a new one when half of the time of the old one is over. */
void load_mark_renew(struct load_mark *m, uint64_t now_s);

#endif
