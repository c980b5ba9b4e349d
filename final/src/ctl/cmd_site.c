/* showcase-import writes what an edition has, and these commands decide whether it is
 * shown.  They connect as the other commands do, to the server that has the audit. */
#include "ctl/cmd_site.h"

#include <errno.h>

#include "ctl/site_copy.h"
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
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    uint32_t year;
    int code = ctl_range(text, "YEAR", YEAR_MIN, YEAR_MAX, &year), rc;

    if (code != 0)
        return code;
    rc = fn(c->db, &who, year, why);
    return ctl_changed(c, rc, CTL_FAILED, why);
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

const struct ctl_cmd cmd_site[] = {
    {"site", "list", "", 0, 0, "List the editions of the exhibition site.", site_list,
     NULL},
    {"site", "publish", "YEAR", 1, 1, "Show an edition, which was a draft.", site_publish,
     "showcase-import can still change it, and the site shows the change."},
    {"site", "freeze", "YEAR", 1, 1,
     "Keep a published edition as it is: showcase-import refuses to change it.",
     site_freeze, "It stays on the site.  There is no command that undoes it."},
    {"site", "snapshot", "", 0, 0, "Have each gateway make a new copy of the site.",
     site_copy_snapshot,
     "A gateway follows the links of the site, from its rule with mirror = 1, and checks "
     "each.  The command waits for the end, up to 330 s, and the exit status is 1 when a "
     "gateway has no new copy; its old one stays then.  The command is signed with "
     "[gateways] key_file."},
    {"site", "static", "on|off", 1, 1,
     "Have visitors get the copy of the site, or the pages of the nodes.",
     site_copy_switch,
     "It needs neither a node nor a database and survives a restart of the gateways."},
    {"site", "status", "", 0, 0, "Show the copy of the site of each gateway.",
     site_copy_status,
     "age is the time since the copy was made.  reason is live, or why visitors get the "
     "copy: operator (switched on) or no_node (none answers).  snapshot is how the "
     "latest one since the start of the gateway ended."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
