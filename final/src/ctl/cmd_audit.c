/* Audit has what operators asked for, RouteLog every row of RouteData that was changed,
 * also by an SQL prompt.  Both are only read here.
 *
 * Rejected: one list of both.  A drain of a zone is one decision and hundreds of rows. */
#include "ctl/cmd_audit.h"

#include <errno.h>
#include <stdlib.h>

#define LIMIT "200"

static int audit_list(struct ctl *c, int argc, char **argv)
{
    static const char columns[] =
        "id# at actor via action subject result revision# reason";

#define AUDIT                                                                            \
    "SELECT id, at, actor, via, action, subject, result, revision, reason FROM Audit "
    return argc > 0 ? ctl_print(c, columns,
                                AUDIT "WHERE subject = %s ORDER BY id DESC LIMIT " LIMIT,
                                argv[0])
                    : ctl_print(c, columns, AUDIT "ORDER BY id DESC LIMIT " LIMIT);
}

#define NODE "CONCAT(modid, '/', cmdid), CONCAT(INET_NTOA(ip), ':', port), "
#define VALUES(when)                                                                     \
    "IF(" when "_weight IS NULL, '', CONCAT('weight=', " when "_weight, ' zone=', " when \
    "_zone, ' state=', " when "_state))"

/* A number of a row; returns 0, or CTL_USAGE after a line on standard error. */
static int read_id(const char *text, uint64_t *id)
{
    char *end;

    errno = 0;
    *id = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *id > 0)
        return 0;
    return ctl_say(CTL_USAGE, "ID: \"%s\" is not the number of a row", text);
}

/* The nodes stand in RouteLog, which has all of them, and only those of changes that were
 * made.  A change that was refused, or that was too large for RouteLog, has the first
 * ones in the row itself; the result tells the one from the other. */
#define OF_DETAIL(column) "JSON_VALUE(n." column
#define DETAIL_VALUES(column)                                                            \
    "IF(" OF_DETAIL(column) ", '$.weight') IS NULL, '', CONCAT('weight=', " OF_DETAIL(   \
        column) ", '$.weight'), ' zone=', " OF_DETAIL(column) ", '$.zone'), ' state=', " \
    OF_DETAIL(column) ", '$.state')))"
#define SHOW                                                                             \
    "SELECT " NODE VALUES("old") ", " VALUES("new") ", 'done' FROM RouteLog WHERE "      \
    "audit_id = %llu UNION ALL SELECT n.module, n.node, " DETAIL_VALUES("old") ", "      \
    DETAIL_VALUES("fresh") ", a.result FROM Audit a, "                                   \
    "JSON_TABLE(a.detail, '$.nodes[*]' COLUMNS "                                         \
    "(module VARCHAR(24) PATH '$.module', node VARCHAR(24) PATH '$.node', old JSON "     \
    "PATH '$.old', fresh JSON PATH '$.new')) n WHERE a.id = %llu AND NOT EXISTS "        \
    "(SELECT 1 FROM RouteLog r WHERE r.audit_id = a.id) UNION ALL SELECT s.module, '', " \
    "COALESCE(CONCAT(s.name, '=', s.old), ''), CONCAT(s.name, '=', s.fresh), a.result "  \
    "FROM Audit a, "                                                                     \
    "JSON_TABLE(a.detail, '$.settings[*]' COLUMNS (module VARCHAR(24) PATH '$.module', " \
    "name VARCHAR(16) PATH '$.key', old VARCHAR(255) PATH '$.old', fresh VARCHAR(255) "  \
    "PATH '$.new')) s WHERE a.id = %llu"

static int audit_show(struct ctl *c, int argc, char **argv)
{
    uint64_t found = 0, id;
    int rc = read_id(argv[0], &id);

    (void)argc;
    if (rc != 0)
        return rc;
    rc = sqldb_number(c->db, &found, "SELECT COUNT(*) FROM Audit WHERE id = %llu",
                      (unsigned long long)id);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (found == 0)
        return ctl_say(CTL_FAILED, "the audit has no row %llu; see larsctl audit list",
                       (unsigned long long)id);
    return ctl_print(c, "module node from to result", SHOW, (unsigned long long)id,
                     (unsigned long long)id, (unsigned long long)id);
}

static int audit_routes(struct ctl *c, int argc, char **argv)
{
    static const char columns[] = "at audit# database_user module node from to";
    uint32_t modid, cmdid;
    int rc;

#define LOG                                                                              \
    "SELECT at, audit_id, db_user, " NODE VALUES("old") ", " VALUES("new") " FROM "      \
                                                                           "RouteLog "
    if (argc == 0)
        return ctl_print(c, columns, LOG "ORDER BY id DESC LIMIT " LIMIT);
    if (argc == 1)
        return ctl_say(CTL_USAGE, "a module has two numbers; give MODID and CMDID");
    rc = ctl_module(argv, &modid, &cmdid);
    return rc != 0 ? rc
                   : ctl_print(c, columns,
                               LOG "WHERE modid = %u AND cmdid = %u ORDER BY id DESC "
                                   "LIMIT " LIMIT,
                               modid, cmdid);
}

const struct ctl_cmd cmd_audit[] = {
    {"audit", "list", "[SUBJECT]", 0, 1,
     "List what operators did, the newest first; or what they did to one subject.",
     audit_list,
     "SUBJECT is MODID/CMDID, zone:NAME, host:IP, alarm:ID, silence:ID, target:NAME, "
     "user:NAME, drill:ID, gateway:ADDRESS:PORT or edition:YEAR. Refused "
     "changes are listed, too."},
    {"audit", "show", "ID", 1, 1, "Show the old and the new values of one row.",
     audit_show,
     "The values of a change that was refused are those that it would have set; result "
     "is done when they were set."},
    {"audit", "routes", "[MODID CMDID]", 0, 2,
     "List each node that was changed, also by an SQL prompt.", audit_routes,
     "audit is the row of audit list; 0 = the change was made by SQL."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
