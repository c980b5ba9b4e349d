/* A command prints its result as a table on standard output, everything else on standard
 * error, and returns an exit code: so its output can be piped whatever happens. */
#include "ctl/ctl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ipv4.h"
#include "base/net_addr.h"
#include "base/utf8.h"

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
    return ctl_say(rc == -ENOTCONN ? CTL_NO_DB : CTL_FAILED, "%s", sqldb_error(c->db));
}

struct audit_actor ctl_actor(const struct ctl *c)
{
    return (struct audit_actor){c->who, "larsctl", "", c->reason};
}

int ctl_changed(const struct ctl *c, int rc, int code, const char *why)
{
    if (rc == -EINVAL)
        return ctl_say(code, "%s", why);
    return rc < 0 ? ctl_db_failed(c, rc) : CTL_OK;
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

static int take_row(char **at, void *arg)
{
    return table_add(arg, at);
}

int ctl_table(struct ctl *c, struct table *t, const char *sql, ...)
{
    va_list ap;
    int rc;

    va_start(ap, sql);
    rc = sqldb_veach(c->db, take_row, t, sql, &ap);
    va_end(ap);
    return rc;
}

int ctl_print(struct ctl *c, const char *columns, const char *sql, ...)
{
    struct table *t;
    va_list ap;
    int rc = table_create(&t, columns);

    if (rc < 0)
        return ctl_db_failed(c, rc);
    va_start(ap, sql);
    rc = sqldb_veach(c->db, take_row, t, sql, &ap);
    va_end(ap);
    if (rc == 0)
        return ctl_print_table(c, t);
    table_destroy(t);
    return ctl_db_failed(c, rc);
}

int ctl_range(const char *text, const char *what, uint32_t min, uint32_t max,
              uint32_t *out)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v < min ||
        v > max)
        return ctl_say(CTL_USAGE, "%s: \"%s\" is not a number from %u to %u", what, text,
                       min, max);
    *out = (uint32_t)v;
    return 0;
}

int ctl_u32(const char *text, const char *what, uint32_t max, uint32_t *out)
{
    return ctl_range(text, what, 0, max, out);
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

#define OF_MODULE " WHERE modid = %u AND cmdid = %u LIMIT 1"

int ctl_known_module(struct ctl *c, char **argv, unsigned where, uint32_t *modid,
                     uint32_t *cmdid)
{
    static const struct {
        unsigned where;
        const char *sql;
    } places[] = {
        {CTL_IN_ROUTES, "SELECT 1 FROM RouteData" OF_MODULE},
        {CTL_IN_POLICIES, "SELECT 1 FROM ModulePolicy" OF_MODULE},
        {CTL_IN_CALLS, "SELECT 1 FROM ServerCallStatus" OF_MODULE},
        {CTL_IN_CALLS, "SELECT 1 FROM CallHistory" OF_MODULE},
        {CTL_IN_CHANGES, "SELECT 1 FROM RouteChange" OF_MODULE},
        {CTL_IN_CHANGES, "SELECT 1 FROM RouteHold" OF_MODULE},
    };
    uint64_t found = 0;
    size_t i;
    int rc = ctl_module(argv, modid, cmdid);

    if (rc != 0)
        return rc;
    for (i = 0; rc == 0 && found == 0 && i < sizeof(places) / sizeof(places[0]); i++)
        if (places[i].where & where)
            rc = sqldb_number(c->db, &found, places[i].sql, *modid, *cmdid);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    return found
               ? 0
               : ctl_say(CTL_FAILED,
                         "there is no module %u/%u; see larsctl module list, or add its "
                         "first node with larsctl route add",
                         *modid, *cmdid);
}

int ctl_text(const char *text, const char *what, size_t max_characters)
{
    return utf8_length(text) <= max_characters
               ? 0
               : ctl_say(CTL_USAGE, "%s: it has more than %zu characters", what,
                         max_characters);
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
