/* dbusers.h -- the users of the database of the console, larsctl and lars-autoscaler, in
 * that of mydb.h: lars_web, lars_web_ro, lars_ctl and lars_scale, each with its name as
 * its password. */
#ifndef LARS_TEST_DBUSERS_H
#define LARS_TEST_DBUSERS_H

#include "mydb.h"

static inline void dbusers_create(void)
{
    static bool done;
    char cmd[200];

    snprintf(cmd, sizeof(cmd), "sh common/users %s >/dev/null", mydb_dir);
    if (!done)
        assert_int_equal(system(cmd), 0);
    done = true;
}

#endif
