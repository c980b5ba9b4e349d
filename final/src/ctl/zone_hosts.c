/* If an isolated database is let write while the other zone lives and writes, two
 * histories begin, and one of them is lost.  So silence counts only when this
 * host is heard by its own zone, and what cannot be known refuses.
 *
 * The agents of the other zone are asked by their protocol, because their port is of UDP;
 * a host is asked by ping and at the port of Galera, which answers also when it refuses.
 *
 * Rejected: the states in the table Service.  They are as old as the isolation. */
#include "ctl/zone_hosts.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "db/dbconf.h"
#include "ops/audit.h"

#define GALERA_PORT 4567
#define ROUNDS 3
#define ROUND_MS 2000
#define AGENT_MS 1000
#define PER_HOST 2 /* questions: ping, Galera */

/* --- the database of a zone --------------------------------------------------------- */

/* The value of "ZONE=VALUE" in a list with spaces; <p> moves on.  False: the end. */
static bool next_pair(const char **p, char zone[129], char value[108])
{
    size_t len, name;

    *p += strspn(*p, " ,\t");
    len = strcspn(*p, " ,\t");
    if (len == 0)
        return false;
    name = strcspn(*p, "=");
    zone[0] = value[0] = '\0';
    if (name < len && name < 129 && len - name - 1 < 108) {
        snprintf(zone, 129, "%.*s", (int)name, *p);
        snprintf(value, 108, "%.*s", (int)(len - name - 1), *p + name + 1);
    }
    *p += len;
    return true;
}

int zone_hosts_database(const struct ctl *c, const char *zone, char where[108])
{
    const char *p = c->zone_databases;
    char name[129];

    while (next_pair(&p, name, where))
        if (strcmp(name, zone) == 0 && where[0])
            return 0;
    return ctl_say(CTL_USAGE,
                   "[zone] databases of larsctl.ini has no database of %s: write "
                   "%s=ADDRESS:PORT there, or %s=/SOCKET on its host",
                   zone, zone, zone);
}

int zone_hosts_open(const struct ctl *c, const char *zone, bool look, struct sqldb **out)
{
    struct myconn_config cfg = *c->db_config;
    char where[108], host[NET_ADDR_STRLEN], *colon;
    struct net_addr at;
    int rc = zone_hosts_database(c, zone, where);

    if (rc != 0)
        return rc;
    cfg.socket = cfg.host = cfg.endpoints = "";
    if (where[0] == '/') {
        cfg.socket = where;
        cfg.user = audit_login_name();
        cfg.password = "";
    } else if (net_addr_parse(&at, where) == 0) {
        net_addr_str(&at, host);
        colon = strrchr(host, ':');
        *colon = '\0';
        cfg.host = host;
        cfg.port = at.port;
        if (!look) {
            cfg.user = c->zone_user;
            cfg.password = c->zone_password;
        }
        cfg.database = "information_schema"; /* which each user may use */
    } else {
        return ctl_say(CTL_USAGE,
                       "[zone] databases: \"%s\" is neither ADDRESS:PORT nor the path "
                       "of a socket",
                       where);
    }
    return zone_db_open(out, &cfg) < 0 ? ctl_say(CTL_FAILED, "out of memory") : 0;
}

void zone_hosts_each_database(const struct ctl *c, zone_hosts_database_fn *fn)
{
    const char *p = c->zone_databases;
    char name[129], where[108];
    struct zone_db_view v;
    struct sqldb *db;
    int rc;

    while (next_pair(&p, name, where)) {
        if (!name[0] || zone_hosts_open(c, name, true, &db) != 0)
            continue;
        rc = zone_db_read(db, &v);
        fn(name, &v, rc, rc < 0 ? sqldb_error(db) : "");
        sqldb_close(db);
    }
}

/* --- the hosts ---------------------------------------------------------------------- */

struct reading {
    struct zone_hosts *h;
    struct ifaddrs *ifs;
    bool is_full;
};

static bool is_of_this_machine(const struct reading *r, const struct net_addr *at)
{
    static const uint8_t any[4] = {0};
    const struct ifaddrs *i;

    if (at->family != AF_INET)
        return false;
    if (at->ip[0] == 127 || memcmp(at->ip, any, 4) == 0)
        return true;
    for (i = r->ifs; i; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
            memcmp(&((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr,
                   at->ip, 4) == 0)
            return true;
    return false;
}

/* The host at <text>, "ADDRESS" or "ADDRESS:PORT"; NULL: it is of this machine, or no
 * address.  *<port> = 0: none is named. */
static struct zone_host *host_of(struct reading *r, bool is_own, const char *text,
                                 uint16_t *port)
{
    struct zone_host *list = is_own ? r->h->own : r->h->other;
    size_t *n = is_own ? &r->h->n_own : &r->h->n_other, i;
    struct net_addr at;

    *port = 0;
    if (net_addr_parse(&at, text) == 0) {
        *port = at.port;
        at.port = 0;
    } else if (net_addr_set(&at, text, 0) < 0) {
        return NULL;
    }
    if (is_of_this_machine(r, &at))
        return NULL;
    for (i = 0; i < *n; i++)
        if (net_addr_equal(&list[i].at, &at))
            return &list[i];
    if (*n == ZONE_HOSTS_MAX) {
        r->is_full = true;
        return NULL;
    }
    list[*n] = (struct zone_host){.at = at};
    return &list[(*n)++];
}

/* is_own, address, is_agent */
static int take_row(char **at, void *arg)
{
    bool is_own = at[0] && at[0][0] == '1', is_agent = at[2] && at[2][0] == '1';
    uint16_t port;
    struct zone_host *h = at[1] ? host_of(arg, is_own, at[1], &port) : NULL;

    if (h && is_agent)
        h->agent = port;
    return 0;
}

/* The row of an agent has the address that it sends from; the port is in its name,
 * "HOST/ADDRESS:PORT".  An agent that listens at 127.0.0.1 only cannot be asked from
 * here.  A name that is not so takes no host from the list. */
#define AGENTS                                                                           \
    "SELECT zone = %s, CONCAT(SUBSTRING_INDEX(address, ':', 1), ':', "                   \
    "SUBSTRING_INDEX(name, ':', -1)), 1 FROM Service WHERE zone <> '' AND kind = "       \
    "'agent' AND name NOT LIKE '%%/127.%%'"

static int read_tables(struct reading *r, struct sqldb *own, const char *zone)
{
    int rc = sqldb_run(own, "SET SESSION wsrep_dirty_reads = 1");

    if (rc < 0)
        return rc;
    return sqldb_each(
        own, take_row, r,
        AGENTS
        " UNION SELECT zone = %s, address, 0 FROM Service WHERE zone <> '' UNION "
        "SELECT zone = %s, INET_NTOA(serverip), 0 FROM RouteData WHERE zone <> '' UNION "
        "SELECT zone = %s, address, 0 FROM ScaleHost WHERE zone <> '' UNION SELECT zone "
        "= %s, admin, 0 FROM FrontHost WHERE zone <> ''",
        zone, zone, zone, zone, zone);
}

/* All members but this node are of other places: another zone, or that of the arbiter. */
static void read_members(struct reading *r, const struct zone_db_view *v)
{
    const char *p = v->peers;
    char text[NET_ADDR_STRLEN];
    struct zone_host *h;
    uint16_t port;
    size_t len;

    for (; *p; p += len + (p[len] == ',')) {
        len = strcspn(p, ",");
        if (len == 0 || len >= sizeof(text))
            continue;
        snprintf(text, sizeof(text), "%.*s", (int)len, p);
        h = host_of(r, false, text, &port);
        if (!h)
            continue;
        h->is_member = true;
        h->member = port;
    }
}

static void read_configured(struct reading *r, const char *list, const char *zone)
{
    char name[129], value[108];
    uint16_t port;

    while (next_pair(&list, name, value))
        if (name[0])
            host_of(r, strcmp(name, zone) == 0, value, &port);
}

int zone_hosts_read(const struct ctl *c, struct sqldb *own, const char *zone,
                    const struct zone_db_view *v, struct zone_hosts *out,
                    char why[CHANGE_WHY])
{
    struct reading r = {.h = out};
    int rc;

    memset(out, 0, sizeof(*out));
    if (getifaddrs(&r.ifs) < 0) {
        snprintf(why, CHANGE_WHY, "the addresses of this host cannot be read");
        return -EINVAL;
    }
    rc = read_tables(&r, own, zone);
    read_members(&r, v);
    read_configured(&r, c->zone_hosts, zone);
    freeifaddrs(r.ifs);
    if (rc < 0)
        return rc;
    if (r.is_full) {
        snprintf(why, CHANGE_WHY, "there are more than %d hosts in a zone",
                 ZONE_HOSTS_MAX);
        return -EINVAL;
    }
    if (out->n_other > 0)
        return 0;
    snprintf(why, CHANGE_WHY,
             "no host of another zone is known, so none can be asked whether it lives; "
             "write them into [zone] hosts of larsctl.ini");
    return -EINVAL;
}

/* --- asking ------------------------------------------------------------------------- */

static void note(char why[CHANGE_WHY], const struct zone_host *h, const char *what)
{
    char text[NET_ADDR_STRLEN], *colon;

    net_addr_str(&h->at, text);
    colon = strrchr(text, ':');
    *colon = '\0';
    snprintf(why, CHANGE_WHY, "%s %s", text, what);
}

/* Any answer shows that the agent lives. */
static bool agent_answers(const struct zone_host *h)
{
    struct lars_options opt = {.dir = "/nonexistent",
                               .timeout_ms = AGENT_MS,
                               .port = h->agent};
    char text[NET_ADDR_STRLEN];
    struct lars_client *client;
    struct lars_host got;
    int rc;

    net_addr_str(&h->at, text);
    *strrchr(text, ':') = '\0';
    opt.address = text;
    if (lars_open(&client, &opt) < 0)
        return false;
    rc = lars_get_host(client, 1, 1, &got);
    lars_close(client);
    return rc != -ETIMEDOUT;
}

static size_t questions_of(const struct zone_host *list, size_t n, struct host_alive *q)
{
    size_t i, k = 0;

    for (i = 0; i < n; i++) {
        q[k++] = (struct host_alive){.at = list[i].at};
        q[k].at = list[i].at;
        q[k++].at.port = list[i].member ? list[i].member : GALERA_PORT;
    }
    return k;
}

/* Each of a host's questions was asked, and none was answered. */
static int judge_other(struct zone_host *h, const struct host_alive *q,
                       char why[CHANGE_WHY])
{
    char text[100];
    int i;

    for (i = 0; i < PER_HOST; i++)
        if (q[i].answer == HOST_ALIVE_ANSWERED) {
            h->answered = true;
            note(why, h,
                 i == 0 ? "answers ping: its zone may live and write"
                        : "answers at the port of Galera: its zone may live and write");
            return -EBUSY;
        }
    for (i = 0; i < PER_HOST; i++)
        if (q[i].answer == HOST_ALIVE_NOT_ASKED) {
            snprintf(text, sizeof(text),
                     "cannot be asked from this host (%s), so it may live",
                     strerror(-q[i].err));
            note(why, h, text);
            return -EBUSY;
        }
    if (h->agent == 0 || !agent_answers(h))
        return 0;
    h->answered = true;
    note(why, h, "has an agent that answers: its zone may live and write");
    return -EBUSY;
}

int zone_hosts_ask(struct zone_hosts *h, char why[CHANGE_WHY])
{
    static struct host_alive q[2 * ZONE_HOSTS_MAX * PER_HOST];
    size_t n = questions_of(h->other, h->n_other, q), i, n_own = 0;
    int rc;

    n += questions_of(h->own, h->n_own, q + n);
    host_alive_ask(q, n, ROUNDS, ROUND_MS);
    for (i = 0; i < h->n_other; i++) {
        rc = judge_other(&h->other[i], &q[i * PER_HOST], why);
        if (rc < 0)
            return rc;
    }
    for (i = h->n_other * PER_HOST; i < n; i++)
        n_own += q[i].answer == HOST_ALIVE_ANSWERED;
    if (h->n_own == 0 || n_own > 0)
        return 0;
    snprintf(
        why, CHANGE_WHY,
        "no other host of this zone answers either: it is this host that is cut off");
    return -EBUSY;
}
