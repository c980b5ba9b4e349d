/* A fault of the file is printed as FILE:LINE: TEXT, which editors understand, and all
 * faults are printed at once.  Nothing is written when there is one. */
#include "ctl/cmd_fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "roster/render.h"
#include "roster/roster.h"
#include "roster/roster_ports.h"
#include "roster/text_file.h"

/* --- check -------------------------------------------------------------------------- */

/* Read and check <file>; its faults go to standard error, one a line.  Returns 0, and
 * then free() both; or an exit code. */
static int read_roster(const char *file, struct roster **out, char **text)
{
    struct roster_faults *faults = calloc(1, sizeof(*faults));
    struct roster *r = calloc(1, sizeof(*r));
    int rc = text_file_read(file, text);
    /* a file that has a byte 0 is read as it is, for the number of the line */
    FILE *f = rc == 0 && **text ? fmemopen(*text, strlen(*text), "r") : fopen(file, "re");

    if (rc < 0)
        *text = NULL;
    if (!f)
        rc = -errno;
    else if (!r || !faults)
        rc = -ENOMEM;
    else
        rc = roster_read(r, f, faults);
    if (faults)
        roster_faults_print(faults, file, stderr);
    if (f)
        fclose(f);
    free(faults);
    if (rc == 0) {
        *out = r;
        return 0;
    }
    free(r);
    free(*text);
    return rc == -EINVAL ? CTL_USAGE
                         : ctl_say(CTL_USAGE,
                                   "%s cannot be read: %s; mend: copy the example "
                                   "/usr/share/lars/fleet/fleet.ini and write your hosts",
                                   file, err_text(rc));
}

static void print_range(FILE *to, const char *before, uint32_t first, uint32_t last)
{
    fprintf(to, "%s%u", before, first);
    if (last > first)
        fprintf(to, "-%u", last);
}

static void print_roles(FILE *to, const struct roster_host *h)
{
    const char *between = "";
    int i;

    for (i = 0; i < ROSTER_N_ROLES; i++) {
        if (!roster_has(h, (enum roster_role)i))
            continue;
        fprintf(to, "%s%s", between, roster_role_name((enum roster_role)i));
        between = " ";
    }
}

/* Ports that other machines reach, or those on 127.0.0.1. */
static void print_ports(FILE *to, const struct roster_host *h, bool outside)
{
    const struct roster_ports_row *row;
    const char *between = "";
    uint32_t first, last;
    unsigned i;

    for (i = 0; (row = roster_ports_at(i)) != NULL; i++) {
        if ((row->from != 0) != outside || !roster_ports_of(h, row, &first, &last))
            continue;
        print_range(to, between, first, last);
        between = " ";
    }
}

/* "b1:3306,7778": the ports of <to_host> to which programs of <h> connect. */
static void print_reached(FILE *to, const struct roster_host *h,
                          const struct roster_host *to_host, const char **between)
{
    const struct roster_ports_row *row;
    uint32_t first, last;
    bool any = false;
    unsigned i;

    for (i = 0; (row = roster_ports_at(i)) != NULL; i++) {
        if ((row->from & h->roles) == 0 || !roster_ports_of(to_host, row, &first, &last))
            continue;
        if (!any)
            fprintf(to, "%s%s", *between, to_host->name);
        print_range(to, any ? "," : ":", first, last);
        any = true;
        *between = " ";
    }
}

/* A text that a function writes.  NULL = out of memory.  The caller frees it. */
enum cell { CELL_ROLES, CELL_PORTS, CELL_LOCAL, CELL_REACHES };

static char *make_cell(const struct roster *r, const struct roster_host *h, enum cell c)
{
    const char *between = "";
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    unsigned i;

    if (!to)
        return NULL;
    switch (c) {
    case CELL_ROLES:
        print_roles(to, h);
        break;
    case CELL_PORTS:
    case CELL_LOCAL:
        print_ports(to, h, c == CELL_PORTS);
        break;
    case CELL_REACHES:
        for (i = 0; i < r->n; i++)
            if (&r->host[i] != h)
                print_reached(to, h, &r->host[i], &between);
        break;
    }
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int add_host(struct table *t, const struct roster *r, const struct roster_host *h)
{
    char *made[4] = {NULL};
    bool all = true;
    int i, rc = -ENOMEM;

    for (i = 0; i < 4; i++) {
        made[i] = make_cell(r, h, (enum cell)i);
        all = all && made[i];
    }
    if (all) {
        char name[ROSTER_NAME_LEN], zone[ROSTER_NAME_LEN], ip[ROSTER_IP_LEN];
        char *cells[] = {name, zone, ip, made[0], made[1], made[2], made[3]};

        memcpy(name, h->name, sizeof(name));
        memcpy(zone, h->zone, sizeof(zone));
        memcpy(ip, h->ip, sizeof(ip));
        rc = table_add(t, cells);
    }
    for (i = 0; i < 4; i++)
        free(made[i]);
    return rc;
}

static int fleet_check(struct ctl *c, int argc, char **argv)
{
    struct table *t = NULL;
    struct roster *r;
    char *text;
    int code = read_roster(argv[0], &r, &text), rc;
    unsigned i;

    (void)argc;
    if (code != 0)
        return code;
    rc = table_create(&t, "host zone address roles ports local_ports reaches");
    for (i = 0; i < r->n && rc == 0; i++)
        rc = add_host(t, r, &r->host[i]);
    free(r);
    free(text);
    if (rc == 0)
        return ctl_print_table(c, t);
    table_destroy(t);
    return ctl_say(CTL_FAILED, "out of memory");
}

/* --- render ------------------------------------------------------------------------- */

static void print_result(const char *dir, const struct render_result *done)
{
    if (done->n_files == 0) {
        printf("%s: nothing has changed\n", dir);
        return;
    }
    printf("%s: %u files written or removed, %u certificates issued, %u revoked", dir,
           done->n_files, done->n_issued, done->n_revoked);
    if (done->n_hosts_removed > 0)
        printf(", %u hosts removed", done->n_hosts_removed);
    putchar('\n');
}

static int fleet_render(struct ctl *c, int argc, char **argv)
{
    struct render_source from = {NULL, c->fleet_dir, (int64_t)time(NULL)};
    struct render_result done;
    char why[RENDER_WHY], *text;
    struct roster *r;
    int code = read_roster(argv[0], &r, &text), rc;

    (void)argc;
    if (code != 0)
        return code;
    from.roster = text;
    rc = render_fleet(r, &from, argv[1], &done, why);
    free(r);
    free(text);
    if (rc < 0)
        return ctl_say(CTL_FAILED, "%s", why);
    print_result(argv[1], &done);
    return CTL_OK;
}

const struct ctl_cmd cmd_fleet[] = {
    {"fleet", "check", "FILE", 1, 1,
     "Check the file that names the hosts of an installation, and show what each has.",
     fleet_check,
     "ports are open to other machines, local_ports to programs of the host; reaches are "
     "ports of other hosts to which programs of this one connect.  A file with faults "
     "gives a line for each on standard error, with its number and how to mend it, and "
     "exit code 2."},
    {"fleet", "render", "FILE DIR", 2, 2,
     "Write what each host needs into a folder: configuration, certificates, units.",
     fleet_render,
     "DIR/HOST is for that host alone; DIR/_fleet has the CA, the passwords and the list "
     "of certificates, and must stay secret.  A second render changes nothing unless the "
     "file has changed: keys and passwords are kept, certificates are renewed 30 days "
     "before their end, those of a host that was removed or whose machine grew are "
     "revoked.  The templates are in [larsctl] fleet."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
