/* A change of a node is found by RouteLog, which has every changed row, also of changes
 * by SQL; a change of a setting only by its subject in Audit.
 *
 * Rejected: the subject of Audit alone.  Draining a host or a zone changes nodes of many
 * modules and has another subject. */
#include "web/marks.h"

#include <errno.h>
#include <stdlib.h>

#define MARKS_MAX 200

static json_t *number(const char *text)
{
    return text ? json_integer(strtoll(text, NULL, 10)) : json_null();
}

static int take_change(char **at, void *arg)
{
    return json_array_append_new(arg,
                                 json_pack("{s:o,s:o,s:s,s:s,s:s}", "id", number(at[0]),
                                           "at", number(at[1]), "actor", at[2], "action",
                                           at[3], "subject", at[4]))
               ? -ENOMEM
               : 0;
}

static int take_alarm(char **at, void *arg)
{
    return json_array_append_new(arg,
                                 json_pack("{s:o,s:s,s:s,s:o,s:o}", "id", number(at[0]),
                                           "kind", at[1], "subject", at[2], "raised",
                                           number(at[3]), "cleared", number(at[4])))
               ? -ENOMEM
               : 0;
}

/* The rows of RouteLog of what the chart is about. */
static int append_rows(struct buf *sql, const struct marks_of *of)
{
    if (of->zone)
        return sqldb_append(sql, "(BINARY old_zone = %s OR BINARY new_zone = %s)",
                            of->zone, of->zone);
    if (of->port)
        return sqldb_append(sql, "modid = %u AND cmdid = %u AND ip = %u AND port = %u",
                            of->modid, of->cmdid, of->ip, of->port);
    return sqldb_append(sql, "modid = %u AND cmdid = %u", of->modid, of->cmdid);
}

/* Changes that have no row there: of a setting, of a zone without nodes. */
static int append_subject(struct buf *sql, const struct marks_of *of)
{
    if (of->zone)
        return sqldb_append(sql, "subject = CONCAT('zone:', %s)", of->zone);
    if (of->port)
        return sqldb_append(sql, "FALSE");
    return sqldb_append(sql, "subject = '%u/%u'", of->modid, of->cmdid);
}

static int append_time(struct buf *sql, uint64_t from, uint64_t to)
{
    return sqldb_append(sql, "at >= FROM_UNIXTIME(%llu) AND at < FROM_UNIXTIME(%llu)",
                        (unsigned long long)from, (unsigned long long)to);
}

#define IF_OK(call)                                                                      \
    if (rc == 0)                                                                         \
    rc = (call)

static int read_changes(struct sqldb *db, const struct marks_of *of, uint64_t from,
                        uint64_t to, json_t *list)
{
    struct buf sql = {0};
    int rc = sqldb_append(&sql, "SELECT id, CAST(UNIX_TIMESTAMP(at) * 1000 AS UNSIGNED) "
                                "AS ms, actor, action, subject FROM Audit WHERE result = "
                                "'done' AND ");

    IF_OK(append_time(&sql, from, to));
    IF_OK(sqldb_append(&sql, " AND ("));
    IF_OK(append_subject(&sql, of));
    IF_OK(sqldb_append(&sql, " OR id IN (SELECT audit_id FROM RouteLog WHERE "));
    IF_OK(append_rows(&sql, of));
    IF_OK(sqldb_append(&sql, ")) UNION ALL SELECT 0, CAST(UNIX_TIMESTAMP(MIN(at)) * 1000 "
                             "AS UNSIGNED), db_user, 'sql', '' FROM RouteLog WHERE "
                             "audit_id = 0 AND "));
    IF_OK(append_time(&sql, from, to));
    IF_OK(sqldb_append(&sql, " AND "));
    IF_OK(append_rows(&sql, of));
    IF_OK(sqldb_append(&sql,
                       " GROUP BY FLOOR(UNIX_TIMESTAMP(at)), db_user ORDER BY ms DESC "
                       "LIMIT %u",
                       MARKS_MAX));
    IF_OK(sqldb_each_text(db, take_change, list, &sql));
    buf_free(&sql);
    return rc;
}

/* Alarms have the subject MODID/CMDID, ADDRESS:PORT or the name of a zone. */
static int append_alarms(struct buf *sql, const struct marks_of *of)
{
    if (of->zone)
        return sqldb_append(sql, "kind = 'zone_down' AND BINARY subject = %s", of->zone);
    if (of->port)
        return sqldb_append(sql, "subject = CONCAT(INET_NTOA(%u), ':', %u)", of->ip,
                            of->port);
    return sqldb_append(sql,
                        "(subject = '%u/%u' OR subject IN (SELECT "
                        "CONCAT(INET_NTOA(serverip), ':', serverport) FROM RouteData "
                        "WHERE modid = %u AND cmdid = %u))",
                        of->modid, of->cmdid, of->modid, of->cmdid);
}

static int read_alarms(struct sqldb *db, const struct marks_of *of, uint64_t from,
                       uint64_t to, json_t *list)
{
    struct buf sql = {0};
    int rc =
        sqldb_append(&sql,
                     "SELECT id, kind, subject, FLOOR(UNIX_TIMESTAMP(raised_at)), "
                     "FLOOR(UNIX_TIMESTAMP(cleared_at)) FROM Alarm WHERE raised_at < "
                     "FROM_UNIXTIME(%llu) AND (cleared_at IS NULL OR cleared_at >= "
                     "FROM_UNIXTIME(%llu)) AND ",
                     (unsigned long long)to, (unsigned long long)from);

    IF_OK(append_alarms(&sql, of));
    IF_OK(sqldb_append(&sql, " ORDER BY id DESC LIMIT %u", MARKS_MAX));
    IF_OK(sqldb_each_text(db, take_alarm, list, &sql));
    buf_free(&sql);
    return rc;
}

int marks_read(struct sqldb *db, const struct marks_of *of, uint64_t from, uint64_t to,
               json_t *j)
{
    json_t *changes = json_array(), *alarms = json_array();
    int rc = read_changes(db, of, from, to, changes);

    IF_OK(read_alarms(db, of, from, to, alarms));
    json_object_set_new(j, "changes", changes);
    json_object_set_new(j, "alarms", alarms);
    return rc;
}
