/* export and import.  Import makes the routes of the database those of the file: the
 * whole file is read before anything is written, and ops then compares it with the rows
 * and writes only what differs, in one transaction.  A bad line changes nothing, and an
 * import of what export wrote changes nothing, so that agents get no update without need.
 *
 * Rejected: DELETE of all rows and INSERT of the file.  Every module would change, and
 * the removal guard of lars-dnsd would see a mass removal. */
#include "ctl/cmd_files.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/make_change.h"
#include "ctl/route_csv.h"

static int export_routes(struct ctl *c, int argc, char **argv)
{
    enum table_format f = c->format;
    int code;

    (void)argc;
    (void)argv;
    c->format = f == TABLE_TEXT ? TABLE_CSV : f;
    code = ctl_print(c, "modid# cmdid# node zone weight# state",
                     "SELECT modid, cmdid, CONCAT(INET_NTOA(serverip), ':', serverport), "
                     "zone, weight, state FROM RouteData "
                     "ORDER BY modid, cmdid, serverip, serverport");
    c->format = f;
    return code;
}

/* Returns an exit code. */
static int apply_import(struct ctl *c, const struct node_rows *want, bool all)
{
    static const struct make_change_options
        with_yes = {PLAN_YES,
                    {"", "give -y to do it",
                     "to do it: larsctl -y import FILE remove-all"}},
        with_all = {PLAN_REMOVE_ALL, {"", "give -y to do it", "give -y to do it"}};
    struct ops_request r = {.action = "import", .subject = "", .all = want};
    struct ops_outcome out = {.result = OPS_DONE};
    int code = make_change_run(c, &r, all ? &with_all : &with_yes, &out);

    if (code == CTL_OK)
        fprintf(stderr, "removed %u, added %u, changed %u\n", out.plan.removed,
                out.plan.added, out.plan.changed);
    ops_free(&out);
    return code;
}

static int import_routes(struct ctl *c, int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[1], "remove-all") == 0;
    struct node_rows want = {NULL, 0, 0};
    int code;

    if (argc > 1 && !all)
        return ctl_say(CTL_USAGE, "\"%s\" is not remove-all", argv[1]);
    code = route_csv_read(argv[0], &want, all);
    if (code == CTL_OK)
        code = apply_import(c, &want, all);
    node_row_free(&want);
    return code;
}

const struct ctl_cmd cmd_files[] = {
    {"export", "", "", 0, 0, "Print all routes as CSV.", export_routes,
     "With -o json the routes are printed as JSON."},
    {"import", "", "FILE [remove-all]", 1, 2,
     "Make the routes those of a CSV file; - reads stdin.", import_routes,
     "The file has the form that export writes: modid,cmdid,node,zone,weight,state. "
     "Nodes that are not in it are removed; that needs -y, and so does a line that "
     "drains a node. An import that leaves no node in service needs the word remove-all "
     "as well, and a file without routes is refused without it. A wrong line changes "
     "nothing."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
