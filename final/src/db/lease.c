/* Taking and renewing is one statement, so two processes that ask at once cannot both
 * find the lease free.  A second statement reads who has it.
 *
 * Rejected: GET_LOCK().  It belongs to a connection, is not replicated by Galera, and
 * stays with a process that hangs. */
#include "db/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_sql(struct myconn *con, const char *sql)
{
    int rc = myconn_ensure(con);

    return rc < 0 ? rc : myconn_query(con, sql, strlen(sql));
}

static int take_number(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

int lease_take(struct myconn *con, const char *name, uint64_t holder, uint32_t ttl_s)
{
    unsigned long long me = holder;
    uint64_t who = 0;
    char sql[440];
    int rc;

    snprintf(sql, sizeof(sql),
             "INSERT INTO Lease (name, holder, until_at) VALUES ('%s', %llu, "
             "NOW(3) + INTERVAL %u SECOND) ON DUPLICATE KEY UPDATE "
             "holder = IF(holder = %llu OR until_at < NOW(3), VALUES(holder), holder), "
             "until_at = IF(holder = %llu, VALUES(until_at), until_at)",
             name, me, ttl_s, me, me);
    rc = run_sql(con, sql);
    snprintf(sql, sizeof(sql), "SELECT holder FROM Lease WHERE name = '%s'", name);
    if (rc == 0)
        rc = myconn_select(con, sql, take_number, &who);
    return rc < 0 ? rc : who == holder;
}

int lease_release(struct myconn *con, const char *name, uint64_t holder)
{
    char sql[140];

    snprintf(sql, sizeof(sql), "DELETE FROM Lease WHERE name = '%s' AND holder = %llu",
             name, (unsigned long long)holder);
    return run_sql(con, sql);
}
