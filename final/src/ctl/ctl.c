/* A command prints its result as a table on standard output, everything else on standard
 * error, and returns an exit code: so its output can be piped whatever happens.
 *
 * "In force" is measured at the agents, as the last step of the way of a change:
 * database, lars-dnsd, agent.  An agent has it when it gives the nodes that the database
 * has. */
#include "ctl/ctl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ipv4.h"
#include "base/mono.h"
#include "base/net_addr.h"

#define IN_FORCE_MS 5000
#define MAX_NODES 4000
#define SAY_MAX 2000

int ctl_say(int code, const char *fmt, ...)
{
    char text[SAY_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fputs("larsctl: ", stderr);
    table_print_safe(text, stderr);
    fputc('\n', stderr);
    return code;
}

int ctl_db_failed(const struct ctl *c, int rc)
{
    if (rc == -ENOMEM)
        return ctl_say(CTL_FAILED, "out of memory");
    return ctl_say(rc == -ENOTCONN ? CTL_NO_DB : CTL_FAILED, "%s", ctldb_error(c->db));
}

/* Has the reader of standard output ended, as `larsctl route list | head -1` does?  It
 * has all it wanted, so this is no failure. */
static bool reader_is_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

int ctl_print_table(struct ctl *c, struct table *t)
{
    int rc = table_print(t, c->format, stdout);

    table_destroy(t);
    if (rc < 0 && !reader_is_gone())
        return ctl_say(CTL_FAILED, "cannot write the result: %s", strerror(-rc));
    return CTL_OK;
}

int ctl_print(struct ctl *c, const char *columns, const char *sql, ...)
{
    struct table *t;
    va_list ap;
    int rc = table_create(&t, columns);

    if (rc < 0)
        return ctl_db_failed(c, rc);
    va_start(ap, sql);
    rc = ctldb_vtable(c->db, t, sql, &ap);
    va_end(ap);
    if (rc == 0)
        return ctl_print_table(c, t);
    table_destroy(t);
    return ctl_db_failed(c, rc);
}

int ctl_u32(const char *text, const char *what, uint32_t max, uint32_t *out)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v > max)
        return ctl_say(CTL_USAGE, "%s: \"%s\" is not a number from 0 to %u", what, text,
                       max);
    *out = (uint32_t)v;
    return 0;
}

int ctl_module(char **argv, uint32_t *modid, uint32_t *cmdid)
{
    int rc = ctl_u32(argv[0], "MODID", UINT32_MAX, modid);

    if (rc == 0)
        rc = ctl_u32(argv[1], "CMDID", UINT32_MAX, cmdid);
    if (rc == 0 && *modid == 0 && *cmdid == 0)
        rc = ctl_say(CTL_USAGE, "there is no module 0 0; MODID or CMDID must be above 0");
    return rc;
}

int ctl_node(const char *text, uint32_t *ip, uint32_t *port)
{
    struct net_addr at;

    if (net_addr_parse(&at, text) < 0 || at.family != AF_INET || at.port == 0 ||
        ipv4_of(&at) == 0)
        return ctl_say(CTL_USAGE, "NODE: \"%s\" is not like 10.0.0.1:80", text);
    *ip = ipv4_of(&at);
    *port = at.port;
    return 0;
}

int ctl_open_agent(const struct ctl *c, unsigned i, struct lars_client **out)
{
    struct lars_options opt = {.dir = "/nonexistent", .timeout_ms = 500};
    struct net_addr at;
    char text[NET_ADDR_STRLEN], *colon;

    if (net_addr_parse(&at, c->agent[i]) < 0)
        return -EINVAL;
    net_addr_str(&at, text);
    colon = strrchr(text, ':');
    *colon = '\0';
    opt.address = text;
    opt.port = at.port;
    return lars_open(out, &opt);
}

/* The nodes that the database has for the module, and agents should give. */
static int read_wanted(struct ctl *c, struct table *t, uint32_t modid, uint32_t cmdid)
{
    return ctldb_table(c->db, t,
                       "SELECT DISTINCT serverip, serverport FROM RouteData WHERE modid ="
                       " %u AND cmdid = %u AND state = 'up' AND weight > 0 AND "
                       "serverip > 0 AND serverport BETWEEN 1 AND 65535 ORDER BY 1, 2",
                       modid, cmdid);
}

static bool has_node(const struct table *t, const struct lars_addr *a)
{
    uint32_t ip = (uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 |
                  (uint32_t)a->ip[2] << 8 | a->ip[3];
    size_t r;

    for (r = 0; r < table_n_rows(t); r++)
        if (strtoull(table_cell(t, r, 0), NULL, 10) == ip &&
            strtoul(table_cell(t, r, 1), NULL, 10) == a->port)
            return true;
    return false;
}

static bool agent_has(struct lars_client *client, uint32_t modid, uint32_t cmdid,
                      const struct table *want)
{
    static struct lars_addr at[MAX_NODES];
    int i, n = lars_get_route(client, modid, cmdid, at, MAX_NODES);

    if (n == -ENOENT)
        n = 0;
    if (n < 0 || (size_t)n != table_n_rows(want))
        return false;
    for (i = 0; i < n; i++)
        if (!has_node(want, &at[i]))
            return false;
    return true;
}

/* Wait until agent <i> gives the nodes of <want>, or until <end_ms>.  Returns whether it
 * does. */
static bool wait_for_agent(struct ctl *c, unsigned i, uint32_t modid, uint32_t cmdid,
                           const struct table *want, uint64_t end_ms)
{
    struct lars_client *client;
    bool has;

    if (ctl_open_agent(c, i, &client) < 0)
        return false;
    while (!(has = agent_has(client, modid, cmdid, want)) && mono_ms() < end_ms)
        poll(NULL, 0, 2);
    lars_close(client);
    return has;
}

void ctl_in_force(struct ctl *c, uint32_t modid, uint32_t cmdid)
{
    uint64_t start_ms = mono_ms();
    struct table *want;
    unsigned i, n = 0;

    if (c->n_agent == 0 || table_create(&want, "ip# port#") < 0)
        return;
    if (read_wanted(c, want, modid, cmdid) == 0) {
        for (i = 0; i < c->n_agent; i++)
            n += wait_for_agent(c, i, modid, cmdid, want, start_ms + IN_FORCE_MS);
        fprintf(stderr, "%u/%u: in force on %u of %u agents, %llu ms\n", modid, cmdid, n,
                c->n_agent, (unsigned long long)(mono_ms() - start_ms));
    }
    table_destroy(want);
}
