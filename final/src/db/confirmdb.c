/* Consent belongs to the change that carries it.  A row of RouteChange that takes a node
 * out of service names the node, and is confirmed or not; the last such row of a node
 * decides.  A row of RouteConfirm is consent to all removals of the module before it.
 *
 * A removal without a row, because the rows were deleted by age or the triggers are
 * missing, is not confirmed.
 *
 * Rejected: asking for the newest change of the module.  Any later confirmed change, such
 * as a node that larsctl adds, would then confirm a removal by another author. */
#include "db/confirmdb.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct asked {
    const struct route_node *gone;
    uint32_t n;
    bool *yes;                        /* of each node: is its removal confirmed? */
};

static int cmp_node(const void *pa, const void *pb)
{
    const struct route_node *a = pa, *b = pb;

    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return (int)a->port - (int)b->port;
}

/* Rows come in the order of their versions: ip, port or NULL, confirmed. */
static int take_change(char **at, void *arg)
{
    struct asked *q = arg;
    bool confirmed = at[2] && at[2][0] == '1';
    struct route_node key = {0};
    const struct route_node *found;

    if (!at[1]) {
        memset(q->yes, confirmed, q->n * sizeof(*q->yes));
        return 0;
    }
    key.ip = at[0] ? (uint32_t)strtoul(at[0], NULL, 10) : 0;
    key.port = (uint16_t)strtoul(at[1], NULL, 10);
    found = bsearch(&key, q->gone, q->n, sizeof(*q->gone), cmp_node);
    if (found)
        q->yes[found - q->gone] = confirmed;
    return 0;
}

int confirmdb_ask(void *confirmdb, uint32_t modid, uint32_t cmdid,
                  const struct route_node *gone, uint32_t n)
{
    struct confirmdb *d = confirmdb;
    struct asked q = {gone, n, calloc(n + 1, sizeof(bool))};
    char sql[240];
    uint32_t i;
    int rc = q.yes ? myconn_begin_work(d->con) : -ENOMEM, without = 0;

    snprintf(sql, sizeof(sql),
             "SELECT goneip, goneport, confirmed FROM RouteChange WHERE modid = %u AND "
             "cmdid = %u AND (goneport IS NOT NULL OR confirmed = 1) ORDER BY version",
             modid, cmdid);
    if (rc == 0)
        rc = myconn_select(d->con, sql, take_change, &q);
    for (i = 0; rc == 0 && i < n; i++)
        without += !q.yes[i];
    free(q.yes);
    return rc < 0 ? rc : without;
}
