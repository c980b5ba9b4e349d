/* doctor.  Each part of the system is asked in the way its users ask it: the schema is
 * looked at, a TCP connection is made to each service, an agent answers a question.  A
 * line for each part says what is wrong and how to mend it; the exit code is that of the
 * database, or 1 when another part is away. */
#include "ctl/cmd_doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/net_addr.h"
#include "ctl/cmd_schema.h"
#include "net/sock.h"

#define CONNECT_MS 1000

/* Can a TCP connection be made to <where>?  Returns 0 or -errno. */
static int try_connect(const char *where)
{
    struct net_addr at;
    int fd = net_addr_parse(&at, where);

    if (fd == 0)
        fd = sock_connect(&at, CONNECT_MS);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* Print a line for each of the addresses in <list>.  Returns how many do not answer. */
static int check_list(const char *what, const char *list)
{
    char copy[300], *word, *save = NULL;
    int rc, bad = 0;

    snprintf(copy, sizeof(copy), "%s", list);
    for (word = strtok_r(copy, " ,", &save); word; word = strtok_r(NULL, " ,", &save)) {
        rc = try_connect(word);
        printf("%s %s: %s%s\n", what, word, rc == 0 ? "ok" : strerror(-rc),
               rc == 0 ? ""
                       : "; start it, or correct its address in [larsctl] of the "
                         "configuration");
        bad += rc != 0;
    }
    return bad;
}

/* Print a line for each module that a DNSService holds.  Returns how many there are. */
static int check_holds(struct ctl *c)
{
    struct table *t;
    size_t r;
    int n = 0;

    if (table_create(&t, "modid# cmdid# nodes# gone#") < 0)
        return 0;
    if (ctldb_table(c->db, t,
                    "SELECT modid, cmdid, MAX(had), MAX(gone) FROM RouteHold WHERE "
                    "seen_at > NOW(3) - INTERVAL 30 SECOND GROUP BY modid, cmdid") == 0)
        n = (int)table_n_rows(t);
    for (r = 0; r < (size_t)n; r++) {
        const char *modid = table_cell(t, r, 0), *cmdid = table_cell(t, r, 1);

        printf("module %s/%s: the removal of %s of %s nodes is held; larsctl route "
               "confirm %s %s, or add the nodes again\n",
               modid, cmdid, table_cell(t, r, 3), table_cell(t, r, 2), modid, cmdid);
    }
    table_destroy(t);
    return n;
}

static int doctor(struct ctl *c, int argc, char **argv)
{
    struct lars_client *client;
    struct lars_host h;
    unsigned i;
    int code = cmd_schema_check(c), bad = 0, rc;

    (void)argc;
    (void)argv;
    if (code == 0)
        puts("database: ok");
    if (code == 0)
        bad += check_holds(c);
    bad += check_list("dnsd", c->dnsd);
    bad += check_list("reportd", c->reportd);
    for (i = 0; i < c->n_agent; i++) {
        rc = ctl_open_agent(c, i, &client);
        if (rc == 0) {
            rc = lars_get_host(client, 1, 1, &h); /* "no such module" is an answer, too */
            lars_close(client);
        }
        rc = rc == -ENOENT || rc == -EAGAIN || rc >= 0 ? 0 : rc;
        printf("agent %s: %s\n", c->agent[i],
               rc == 0 ? "ok" : "it does not answer; start lars-agentd");
        bad += rc != 0;
    }
    return code != 0 ? code : bad > 0 ? CTL_FAILED : CTL_OK;
}

const struct ctl_cmd cmd_doctor[] = {
    {"doctor", "", "", 0, 0, "Check every part of the system, a line for each.", doctor,
     "It checks the schema and the addresses in [larsctl] of the configuration."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
