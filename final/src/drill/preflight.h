/* preflight -- what must hold before a drill may begin.  Thread: one. */
#ifndef LARS_DRILL_PREFLIGHT_H
#define LARS_DRILL_PREFLIGHT_H

#include "db/sqldb.h"
#include "drill/script.h"
#include "drill/watch.h"

struct preflight {
    const struct script *script;
    const char *who; /* the operator */
    const char *fields; /* of each request of the load; "" = none */
    struct sqldb *db; /* NULL = no module is named, none is asked */
    const struct myconn_config *db_config; /* for faults_prepare() */
    struct watch *watch; /* that has not been started */
    FILE *to; /* a line for each check */
};

/* Returns how many checks have failed; each line says what and how to mend it.  It takes
 * up to ten seconds. */
unsigned preflight_check(const struct preflight *p);

#endif
