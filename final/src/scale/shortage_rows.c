/* Times are those of the database, because several processes lead in turn.
 *
 * Nodes that come up one by one are late and not stuck, so each of them makes the time
 * begin again; but an alarm that is open stays until all are up.  <most> keeps a node
 * that starts and ends again and again from looking like such a progress. */
#include "scale/shortage_rows.h"

#include "base/buf.h"
#include "db/alarm_scale_sql.h"
#include "db/sqldb.h"
#include "scale/composed.h"

static int write_row(struct myconn *con, const struct shortage *x)
{
    struct buf b = {0};
    int rc = sqldb_append(
        &b,
        "INSERT INTO ScaleShortage (modid, cmdid, zone, wanted, up, most, why) VALUES "
        "(%u, %u, %s, %u, %u, %u, LEFT(%s, 255)) ON DUPLICATE KEY UPDATE since = "
        "IF(seen_at < NOW(3) - INTERVAL " ALARM_SCALE_AGE " OR (VALUES(up) > most AND "
        "since > NOW(3) - INTERVAL " ALARM_SCALE_STUCK "), NOW(3), since), most = "
        "IF(seen_at < NOW(3) - INTERVAL " ALARM_SCALE_AGE ", VALUES(up), "
        "GREATEST(most, VALUES(up))), wanted = VALUES(wanted), up = VALUES(up), why = "
        "VALUES(why), seen_at = NOW(3)",
        x->id.modid, x->id.cmdid, x->zone, x->wanted, x->up, x->up, x->why);

    return composed_run(con, &b, rc);
}

static int delete_others(struct myconn *con, const struct shortages *x)
{
    struct buf b = {0};
    size_t i;
    int rc = sqldb_append(&b, "DELETE FROM ScaleShortage WHERE seen_at < NOW(3) - "
                              "INTERVAL 1 MINUTE");

    if (rc == 0 && x->whole)
        rc = sqldb_append(&b, " OR (modid, cmdid, zone) NOT IN ((0, 0, '')");
    for (i = 0; rc == 0 && x->whole && i < x->n; i++)
        rc = sqldb_append(&b, ", (%u, %u, %s)", x->at[i].id.modid, x->at[i].id.cmdid,
                          x->at[i].zone);
    if (rc == 0 && x->whole)
        rc = sqldb_append(&b, ")");
    return composed_run(con, &b, rc);
}

int shortage_rows_write(struct myconn *con, const struct shortages *x)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < x->n; i++)
        rc = write_row(con, &x->at[i]);
    return rc < 0 ? rc : delete_others(con, x);
}
