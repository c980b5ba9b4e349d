/* showcase-import writes what an edition has, and these commands decide whether it is
 * shown.  They connect as the other commands do, to the server that has the audit. */
#include "ctl/cmd_site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl_gateways.h"
#include "ops/site_change.h"

#define YEAR_MIN 1900
#define YEAR_MAX 2999

static int site_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(
        c, "year# state title_zh title_en exhibits# pictures# visits# published",
        "SELECT e.year, e.state, e.title_zh, e.title_en, (SELECT COUNT(*) FROM "
        "lars_site.Exhibit x WHERE x.edition = e.year), (SELECT COUNT(*) FROM "
        "lars_site.ExhibitPicture p WHERE p.edition = e.year), (SELECT "
        "COALESCE(SUM(v.visits), 0) FROM lars_site.ExhibitVisit v WHERE v.edition = "
        "e.year), COALESCE(e.published_at, '') FROM lars_site.Edition e ORDER BY e.year "
        "DESC");
}

typedef int change_fn(struct sqldb *db, const struct audit_actor *who, uint32_t year,
                      char why[CHANGE_WHY]);

static int change(struct ctl *c, const char *text, change_fn *fn)
{
    struct audit_actor who = {c->who, "larsctl", "", c->reason};
    char why[CHANGE_WHY];
    uint32_t year;
    int code = ctl_range(text, "YEAR", YEAR_MIN, YEAR_MAX, &year), rc;

    if (code != 0)
        return code;
    rc = fn(c->db, &who, year, why);
    if (rc == -EINVAL)
        return ctl_say(CTL_FAILED, "%s", why);
    return rc < 0 ? ctl_db_failed(c, rc) : CTL_OK;
}

static int site_publish(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return change(c, argv[0], site_change_publish);
}

static int site_freeze(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return change(c, argv[0], site_change_freeze);
}

/* --- the copy of the site, which gateways keep -------------------------------------- */

static int command(struct ctl *c, const char *path, const char *body)
{
    struct ctl_gateways all;
    int code = ctl_gateways_ask(c, &all);

    if (code == 0)
        code = ctl_gateways_command(c, &all, NULL, path, body);
    ctl_gateways_free(&all);
    return code;
}

static int site_snapshot(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return command(c, "/snapshot", "");
}

static int site_static(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    if (strcmp(argv[0], "on") != 0 && strcmp(argv[0], "off") != 0)
        return ctl_say(CTL_USAGE, "%.40s: write on or off", argv[0]);
    return command(c, "/static", argv[0]);
}

#define COLUMNS "gateway copy taken_at files# bytes# reason snapshot broken# why"
#define N_COLUMNS 9
#define CELL 400

static void put_number(char cell[CELL], const json_t *of, const char *member)
{
    snprintf(cell, CELL, "%lld",
             (long long)json_integer_value(json_object_get(of, member)));
}

static void put_text(char cell[CELL], const json_t *of, const char *member)
{
    const char *text = json_string_value(json_object_get(of, member));

    snprintf(cell, CELL, "%.399s", text ? text : "");
}

static void put_time(char cell[CELL], const json_t *of, const char *member)
{
    const json_t *at = json_object_get(of, member);
    time_t s = (time_t)json_integer_value(at);
    struct tm tm;

    if (json_is_integer(at) && gmtime_r(&s, &tm))
        strftime(cell, CELL, "%Y-%m-%d %H:%M:%S", &tm);
}

static int add_copy(struct table *t, const struct ctl_gateway *g)
{
    const json_t *copy = json_object_get(g->state, "static");
    const json_t *last = json_object_get(copy, "snapshot");
    bool present = json_is_true(json_object_get(copy, "present"));
    char cell[N_COLUMNS][CELL] = {{0}}, *row[N_COLUMNS];
    unsigned i;

    for (i = 0; i < N_COLUMNS; i++)
        row[i] = cell[i];
    snprintf(cell[0], CELL, "%s", g->at);
    snprintf(cell[1], CELL, "%s", !copy ? "unreachable" : present ? "yes" : "no");
    put_time(cell[2], copy, "taken_at");
    put_number(cell[3], copy, "files");
    put_number(cell[4], copy, "bytes");
    put_text(cell[5], copy, "reason");
    put_text(cell[6], last, "state");
    put_number(cell[7], last, "broken");
    put_text(cell[8], last, "why");
    if (!g->state)
        snprintf(cell[8], CELL, "%.399s", g->why);
    return table_add(t, row);
}

static int site_status(struct ctl *c, int argc, char **argv)
{
    struct ctl_gateways all;
    struct table *t = NULL;
    int code = ctl_gateways_ask(c, &all), rc = 0;
    unsigned i;

    (void)argc;
    (void)argv;
    if (code == 0)
        rc = table_create(&t, COLUMNS);
    for (i = 0; code == 0 && rc == 0 && i < all.n; i++)
        rc = add_copy(t, &all.at[i]);
    ctl_gateways_free(&all);
    if (code != 0)
        return code;
    if (rc == 0)
        return ctl_print_table(c, t);
    table_destroy(t);
    return ctl_say(CTL_FAILED, "out of memory");
}

const struct ctl_cmd cmd_site[] = {
    {"site", "list", "", 0, 0, "List the editions of the exhibition site.", site_list,
     NULL},
    {"site", "publish", "YEAR", 1, 1, "Show an edition, which was a draft.", site_publish,
     "showcase-import can still change it, and the site shows the change."},
    {"site", "freeze", "YEAR", 1, 1,
     "Keep a published edition as it is: showcase-import refuses to change it.",
     site_freeze, "It stays on the site.  There is no command that undoes it."},
    {"site", "snapshot", "", 0, 0, "Have each gateway make a new copy of the site.",
     site_snapshot,
     "A gateway follows the links of the site, from its rule with mirror = 1, and checks "
     "each.  The old copy stays until the new one is complete; larsctl site status shows "
     "it.  The command is signed with [gateways] key_file."},
    {"site", "static", "on|off", 1, 1,
     "Have visitors get the copy of the site, or the pages of the nodes.", site_static,
     "It needs neither a node nor a database and survives a restart of the gateways."},
    {"site", "status", "", 0, 0, "Show the copy of the site of each gateway.",
     site_status,
     "reason is live, or why visitors get the copy: operator (switched on) or no_node "
     "(none "
     "answers).  snapshot is how the latest one since the start of the gateway ended."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
