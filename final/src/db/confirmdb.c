#include "db/confirmdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct confirmdb {
    struct myconn *con;
    char error[MYCONN_ERROR_MAX];
};

int confirmdb_create(struct confirmdb **out, const struct myconn_config *cfg)
{
    struct confirmdb *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void confirmdb_close(void *confirmdb)
{
    struct confirmdb *d = confirmdb;

    if (!d)
        return;
    myconn_destroy(d->con);
    free(d);
}

static int take_confirmed(char **at, void *arg)
{
    *(int *)arg = at[0] && at[0][0] == '1';
    return 0;
}

int confirmdb_ask(void *confirmdb, uint32_t modid, uint32_t cmdid)
{
    struct confirmdb *d = confirmdb;
    char sql[160];
    int yes = 0, rc = myconn_ensure(d->con);

    snprintf(sql, sizeof(sql),
             "SELECT confirmed FROM RouteChange WHERE modid = %u AND cmdid = %u "
             "ORDER BY version DESC LIMIT 1",
             modid, cmdid);
    if (rc == 0)
        rc = myconn_select(d->con, sql, take_confirmed, &yes);
    return rc < 0 ? rc : yes;
}
