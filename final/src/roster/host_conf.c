/* Each program has a function that says which values its host decides; all others are
 * those of the template, which an operator may have changed for the whole fleet.
 *
 * Keys of TLS and the list of databases are set when the template has them, so that one
 * render serves programs of two versions.  Files with secrets are read from
 * /run/credentials/UNIT, where systemd puts them for this unit alone. */
#include "roster/host_conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "roster/ini_fill.h"
#include "roster/text_file.h"

#define LIST_MAX 1200 /* 32 gateways are 32 times "255.255.255.255:65535, " */

const char *const host_conf_user[HOST_CONF_N_USERS] = {"lars",       "lars_ctl",
                                                       "lars_fence", "lars_scale",
                                                       "lars_site",  "lars_site_edit",
                                                       "lars_web",   "lars_web_ro"};

struct conf {
    const struct host_conf_source *from;
    const struct roster_host *h; /* NULL = the operator */
    struct ini_fill fill;
};

static int say(char why[HOST_CONF_WHY], int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int say(char why[HOST_CONF_WHY], int rc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, HOST_CONF_WHY, fmt, ap);
    va_end(ap);
    return rc;
}

/* --- lists -------------------------------------------------------------------------- */

void host_conf_list(const struct roster *r, enum roster_role role, enum roster_port port,
                    const char *zone, const char *between, unsigned skip, char *out,
                    size_t size)
{
    unsigned i, seen = 0;
    size_t len = 0;
    int other;

    out[0] = '\0';
    for (other = 0; other < 2; other++)
        for (i = 0; i < r->n; i++) {
            const struct roster_host *h = &r->host[i];

            if (!roster_has(h, role) || (strcmp(h->zone, zone) != 0) != other ||
                seen++ < skip || len >= size)
                continue;
            len += (size_t)snprintf(out + len, size - len, "%s%s:%u", len ? between : "",
                                    h->ip, h->port[port]);
        }
}

static const struct roster_host *nearest(const struct roster *r, enum roster_role role,
                                         const char *zone)
{
    const struct roster_host *any = NULL;
    unsigned i;

    for (i = 0; i < r->n; i++) {
        if (!roster_has(&r->host[i], role))
            continue;
        if (strcmp(r->host[i].zone, zone) == 0)
            return &r->host[i];
        any = any ? any : &r->host[i];
    }
    return any;
}

static const char *zone_of(const struct conf *c)
{
    return c->h ? c->h->zone : "";
}

/* [SECTION] KEY: a list of servers, that of the own zone first. */
static void set_list(struct conf *c, const char *section, const char *key,
                     enum roster_role role, enum roster_port port, const char *between)
{
    char list[LIST_MAX];

    host_conf_list(c->from->r, role, port, zone_of(c), between, 0, list, sizeof(list));
    ini_fill_set(&c->fill, section, key, "%s", list);
}

/* --- what several programs have ----------------------------------------------------- */

/* A COMMIT can wait for 3.2 s while the databases agree that a zone is lost; a larger
 * value is waited for at a node that is silent: decision 050. */
#define DB_TIMEOUT_S 5

static void set_db(struct conf *c, enum host_conf_user user, const char *name)
{
    const struct roster_host *db = nearest(c->from->r, ROSTER_DB, zone_of(c));
    char list[LIST_MAX];

    if (db) {
        ini_fill_set(&c->fill, "db", "host", "%s", db->ip);
        ini_fill_set(&c->fill, "db", "port", "%u", db->port[ROSTER_PORT_DB]);
    }
    host_conf_list(c->from->r, ROSTER_DB, ROSTER_PORT_DB, zone_of(c), " ", 0, list,
                   sizeof(list));
    ini_fill_set_optional(&c->fill, "db", "endpoints", "%s", list);
    ini_fill_set(&c->fill, "db", "socket", "%s", "");
    ini_fill_set(&c->fill, "db", "user", "%s", host_conf_user[user]);
    ini_fill_set(&c->fill, "db", "password", "%s", c->from->password[user]);
    ini_fill_set(&c->fill, "db", "name", "%s", name);
    ini_fill_set(&c->fill, "db", "timeout_s", "%d", DB_TIMEOUT_S);
}

static void set_tls(struct conf *c, const char *unit)
{
    static const char *const keys[][2] = {
        {"cert", "tls.crt"}, {"key", "tls.key"}, {"ca", "ca.crt"}, {"crl", "crl.pem"}};
    size_t i;

    for (i = 0; i < 4; i++)
        ini_fill_set_optional(&c->fill, "tls", keys[i][0],
                              "/run/credentials/%s.service/%s", unit, keys[i][1]);
}

/* [SECTION] ip, port, others: servers of the agent. */
static void set_servers(struct conf *c, const char *section, enum roster_role role,
                        enum roster_port port)
{
    const struct roster_host *first = nearest(c->from->r, role, zone_of(c));
    char list[LIST_MAX];

    if (!first)
        return;
    host_conf_list(c->from->r, role, port, zone_of(c), " ", 1, list, sizeof(list));
    ini_fill_set(&c->fill, section, "ip", "%s", first->ip);
    ini_fill_set(&c->fill, section, "port", "%u", first->port[port]);
    ini_fill_set(&c->fill, section, "others", "%s", list);
}

static void set_gateways(struct conf *c, const char *section, const char *key,
                         const char *key_section, const char *key_file)
{
    set_list(c, section, key, ROSTER_GATEWAY, ROSTER_PORT_ADMIN, ", ");
    ini_fill_set(&c->fill, key_section, "key_file", "%s", key_file);
}

/* --- programs ----------------------------------------------------------------------- */

static void set_agent(struct conf *c)
{
    ini_fill_set(&c->fill, "agent", "port", "%u", c->h->port[ROSTER_PORT_AGENT]);
    ini_fill_set(&c->fill, "agent", "caller", "%s", c->h->ip);
    ini_fill_set(&c->fill, "choice", "zone", "%s", c->h->zone);
    set_servers(c, "dnsserver", ROSTER_DNSD, ROSTER_PORT_DNSD);
    set_servers(c, "reporter", ROSTER_REPORTD, ROSTER_PORT_REPORTD);
}

static void set_autoscaler(struct conf *c)
{
    set_gateways(c, "autoscaler", "gateways", "autoscaler",
                 "/run/credentials/lars-autoscaler.service/gateway.key");
    set_db(c, HOST_CONF_SCALE, "lars_dns");
}

static void set_console(struct conf *c)
{
    ini_fill_set(&c->fill, "console", "address", "%s", c->h->ip);
    ini_fill_set(&c->fill, "console", "port", "%u", c->h->port[ROSTER_PORT_CONSOLE]);
    ini_fill_set(&c->fill, "console", "hosts", "%s %s localhost 127.0.0.1 [::1]",
                 c->h->ip, c->h->name);
    ini_fill_set(&c->fill, "console", "cert",
                 "/run/credentials/lars-console.service/tls.crt");
    ini_fill_set(&c->fill, "console", "key",
                 "/run/credentials/lars-console.service/tls.key");
    set_gateways(c, "gateways", "admin", "gateways",
                 "/run/credentials/lars-console.service/gateway.key");
    set_db(c, HOST_CONF_WEB, "lars_dns");
    ini_fill_set(&c->fill, "db_read", "user", "%s", host_conf_user[HOST_CONF_WEB_RO]);
    ini_fill_set(&c->fill, "db_read", "password", "%s",
                 c->from->password[HOST_CONF_WEB_RO]);
}

static void set_dnsd(struct conf *c)
{
    ini_fill_set(&c->fill, "dnsd", "address", "%s", c->h->ip);
    ini_fill_set(&c->fill, "dnsd", "port", "%u", c->h->port[ROSTER_PORT_DNSD]);
    ini_fill_set(&c->fill, "dnsd", "zone", "%s", c->h->zone);
    set_db(c, HOST_CONF_LARS, "lars_dns");
}

static void set_gateway(struct conf *c)
{
    ini_fill_set(&c->fill, "gateway", "listen", "0.0.0.0:%u",
                 c->h->port[ROSTER_PORT_GATEWAY]);
    ini_fill_set(&c->fill, "gateway", "rules", "/etc/lars/gateway-rules.ini");
    ini_fill_set(&c->fill, "gateway", "zone", "%s", c->h->zone);
    ini_fill_set(&c->fill, "gateway", "key_file",
                 "/run/credentials/lars-gateway.service/gateway.key");
    ini_fill_set(&c->fill, "agent", "port", "%u", c->h->port[ROSTER_PORT_AGENT]);
    ini_fill_set(&c->fill, "admin", "listen", "%s:%u", c->h->ip,
                 c->h->port[ROSTER_PORT_ADMIN]);
}

static void set_reportd(struct conf *c)
{
    ini_fill_set(&c->fill, "reportd", "address", "%s", c->h->ip);
    ini_fill_set(&c->fill, "reportd", "port", "%u", c->h->port[ROSTER_PORT_REPORTD]);
    ini_fill_set(&c->fill, "reportd", "zone", "%s", c->h->zone);
    set_db(c, HOST_CONF_LARS, "lars_dns");
}

static void set_site(struct conf *c)
{
    ini_fill_set(&c->fill, "site", "listen", "%s:%u", c->h->ip,
                 c->h->port[ROSTER_PORT_SITE]);
    ini_fill_set(&c->fill, "site", "node", "%s", c->h->name);
    set_db(c, HOST_CONF_SITE, "lars_site");
}

static void set_slots(struct conf *c)
{
    ini_fill_set(&c->fill, "slots", "host", "%s", c->h->name);
    ini_fill_set(&c->fill, "slots", "zone", "%s", c->h->zone);
    ini_fill_set(&c->fill, "slots", "address", "%s", c->h->ip);
    ini_fill_set(&c->fill, "slots", "n", "%u", c->h->slots);
    ini_fill_set(&c->fill, "slots", "first_port", "%u", c->h->port[ROSTER_PORT_SLOTS]);
    ini_fill_set(&c->fill, "slots", "modules", "/etc/lars/slot-modules.ini");
    set_list(c, "dns", "servers", ROSTER_DNSD, ROSTER_PORT_DNSD, " ");
    set_list(c, "report", "servers", ROSTER_REPORTD, ROSTER_PORT_REPORTD, " ");
}

/* The node that lars-slotd starts in each slot; several are on one host, so they have no
 * port for metrics of their own. */
static void set_site_in_slot(struct conf *c)
{
    ini_fill_set(&c->fill, "site", "snapshot", "/var/lib/lars-slotd/catalogue");
    ini_fill_set(&c->fill, "http", "listen", "%s", "");
    set_db(c, HOST_CONF_SITE, "lars_site");
}

/* Where larsctl zone fence stops the database of a zone, and as whom: setup.sql lets
 * operators' machines in, so without one it only prints the command for the host. */
static void set_fence(struct conf *c)
{
    const struct roster *r = c->from->r;
    char list[LIST_MAX] = "";
    size_t len = 0;
    unsigned i;

    for (i = 0; i < r->n && len < sizeof(list); i++)
        if (roster_has(&r->host[i], ROSTER_DB))
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s=%s:%u",
                                    len ? " " : "", r->host[i].zone, r->host[i].ip,
                                    r->host[i].port[ROSTER_PORT_DB]);
    if (len >= sizeof(list))
        c->fill.overflow = true;
    ini_fill_set(&c->fill, "zone", "databases", "%s", list);
    ini_fill_set(&c->fill, "zone", "user", "%s", host_conf_user[HOST_CONF_FENCE]);
    ini_fill_set(&c->fill, "zone", "password", "%s",
                 r->n_operators > 0 ? c->from->password[HOST_CONF_FENCE] : "");
}

/* For larsctl zone promote on the host of a database, which asks the hosts of the other
 * zones whether they live. */
static void set_promote(struct conf *c)
{
    const struct roster *r = c->from->r;
    char list[LIST_MAX] = "";
    size_t len = 0;
    unsigned i;

    for (i = 0; i < r->n && len < sizeof(list); i++)
        if (&r->host[i] != c->h)
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s=%s",
                                    len ? " " : "", r->host[i].zone, r->host[i].ip);
    if (len >= sizeof(list))
        c->fill.overflow = true;
    ini_fill_set(&c->fill, "zone", "databases", "%s=" HOST_CONF_DB_SOCKET, c->h->zone);
    ini_fill_set(&c->fill, "zone", "hosts", "%s", list);
    set_db(c, HOST_CONF_CTL, "lars_dns");
}

static void set_larsctl(struct conf *c)
{
    const char *dir = c->from->operator_dir;
    char key[HOST_FILES_PATH * 4];

    snprintf(key, sizeof(key), "%s/gateway.key", dir);
    ini_fill_set(&c->fill, "larsctl", "agents", "%s", "");
    ini_fill_set(&c->fill, "larsctl", "http", "%s", "");
    set_list(c, "larsctl", "dnsd", ROSTER_DNSD, ROSTER_PORT_DNSD, " ");
    set_list(c, "larsctl", "reportd", ROSTER_REPORTD, ROSTER_PORT_REPORTD, " ");
    set_gateways(c, "gateways", "admin", "gateways", key);
    set_db(c, HOST_CONF_CTL, "lars_dns");
    set_fence(c);
    ini_fill_set_optional(&c->fill, "tls", "cert", "%s/tls/larsctl.crt", dir);
    ini_fill_set_optional(&c->fill, "tls", "key", "%s/tls/larsctl.key", dir);
    ini_fill_set_optional(&c->fill, "tls", "ca", "%s/tls/ca.crt", dir);
    ini_fill_set_optional(&c->fill, "tls", "crl", "%s/tls/crl.pem", dir);
}

static const struct program {
    struct host_conf_program p;
    void (*set)(struct conf *c);
} programs[] = {
    {{ROSTER_DNSD, "lars-dnsd", "lars-server", "lars-server", 0640, "dnsd", false},
     set_dnsd},
    {{ROSTER_REPORTD, "lars-reportd", "lars-server", "lars-server", 0640, "reportd",
      false},
     set_reportd},
    {{ROSTER_AGENT, "lars-agentd", "lars-agent", "root", 0644, "agent", false},
     set_agent},
    {{ROSTER_SLOTS, "lars-slotd", "lars-slot", "lars-slot", 0640, "slots", false},
     set_slots},
    {{ROSTER_SITE, "showcase-node", "lars-site", "lars-site", 0640, NULL, false},
     set_site},
    {{ROSTER_GATEWAY, "lars-gateway", "lars-gateway", "lars-gateway", 0640, "gateway",
      true},
     set_gateway},
    {{ROSTER_AUTOSCALER, "lars-autoscaler", "lars-server", "lars-server", 0640,
      "autoscaler", true},
     set_autoscaler},
    {{ROSTER_CONSOLE, "lars-console", "lars-console", "lars-console", 0640, "console",
      true},
     set_console}};
#define N_PROGRAMS (sizeof(programs) / sizeof(programs[0]))

const struct host_conf_program *host_conf_program_at(unsigned i)
{
    return i < N_PROGRAMS ? &programs[i].p : NULL;
}

/* --- files -------------------------------------------------------------------------- */

static int read_template(const struct host_conf_source *from, const char *name,
                         char path[PATH_MAX], char **out, char why[HOST_CONF_WHY])
{
    int rc = -ENAMETOOLONG;

    if (snprintf(path, PATH_MAX, "%s/%s", from->templates, name) < PATH_MAX)
        rc = text_file_read(path, out);
    if (rc < 0)
        say(why, rc,
            "the template %.200s cannot be read: %s; mend: install the package lars-ctl, "
            "or correct [larsctl] fleet",
            path, err_text(rc));
    return rc;
}

/* The file <to> from the template conf/<name>.ini with the settings of <c>. */
static int add_filled(struct host_files *f, struct conf *c, const char *name,
                      const char *from, const char *to, unsigned mode, const char *group,
                      char why[HOST_CONF_WHY])
{
    const struct ini_fill_setting *lacks = NULL;
    char path[PATH_MAX], file[80], *text = NULL, *made = NULL;
    int rc;

    snprintf(file, sizeof(file), "conf/%s.ini", name);
    rc = read_template(c->from, file, path, &text, why);
    if (rc < 0)
        return rc;
    rc = ini_fill_text(&c->fill, text, &made, &lacks);
    free(text);
    if (rc == -ENOENT)
        return say(why, -EINVAL,
                   "the template %.200s has no key [%s] %s; mend: use the templates of "
                   "the same version as larsctl",
                   path, lacks->section, lacks->key);
    if (rc == -E2BIG)
        return say(why, rc, "%.200s: a line or a value is too long", path);
    return rc < 0 ? rc : host_files_add(f, from, to, mode, "root", group, made);
}

static int add_program(struct host_files *f, struct conf *c, const struct program *p,
                       char why[HOST_CONF_WHY])
{
    char from[HOST_FILES_PATH], to[HOST_FILES_PATH];

    c->fill = (struct ini_fill){0};
    p->set(c);
    if (p->p.tls)
        set_tls(c, p->p.name);
    snprintf(from, sizeof(from), "conf/%s.ini", p->p.name);
    snprintf(to, sizeof(to), "/etc/lars/%s.ini", p->p.name);
    return add_filled(f, c, p->p.name, from, to, p->p.mode, p->p.group, why);
}

/* A template of ours in which the module of the site stands as @SITE_MODULE@. */
static int add_with_module(struct host_files *f, const struct host_conf_source *from,
                           const char *name, const char *group, char why[HOST_CONF_WHY])
{
    static const char mark[] = "@SITE_MODULE@";
    char path[PATH_MAX], file[HOST_FILES_PATH], to[HOST_FILES_PATH];
    char *text = NULL, *made = NULL;
    const char *rest, *at;
    size_t len;
    int rc = read_template(from, name, path, &text, why);
    FILE *out = rc == 0 ? open_memstream(&made, &len) : NULL;

    if (!out) {
        free(text);
        return rc < 0 ? rc : -ENOMEM;
    }
    for (rest = text; (at = strstr(rest, mark)) != NULL; rest = at + sizeof(mark) - 1)
        fprintf(out, "%.*s%u/%u", (int)(at - rest), rest, from->r->site.modid,
                from->r->site.cmdid);
    fputs(rest, out);
    free(text);
    if (fclose(out) != 0) {
        free(made);
        made = NULL;
    }
    snprintf(file, sizeof(file), "conf/%s", name);
    snprintf(to, sizeof(to), "/etc/lars/%s", name);
    return host_files_add(f, file, to, 0640, "root", group, made);
}

static int add_slots(struct host_files *f, struct conf *c, char why[HOST_CONF_WHY])
{
    int rc = add_with_module(f, c->from, "slot-modules.ini", "lars-slot", why);

    if (rc < 0)
        return rc;
    c->fill = (struct ini_fill){0};
    set_site_in_slot(c);
    return add_filled(f, c, "showcase-node", "conf/showcase-slots.ini",
                      "/etc/lars/showcase-slots.ini", 0640, "lars-slot", why);
}

static int add_promote(struct host_files *f, struct conf *c, char why[HOST_CONF_WHY])
{
    c->fill = (struct ini_fill){0};
    set_promote(c);
    return add_filled(f, c, "larsctl", "conf/larsctl.ini", "/etc/lars/larsctl.ini", 0640,
                      "lars-ctl", why);
}

int host_conf_add(struct host_files *f, const struct host_conf_source *from,
                  const struct roster_host *h, char why[HOST_CONF_WHY])
{
    struct conf *c = calloc(1, sizeof(*c));
    size_t i;
    int rc = c ? 0 : -ENOMEM;

    if (c) {
        c->from = from;
        c->h = h;
    }
    for (i = 0; i < N_PROGRAMS && rc == 0; i++)
        if (roster_has(h, programs[i].p.role))
            rc = add_program(f, c, &programs[i], why);
    if (rc == 0 && roster_has(h, ROSTER_GATEWAY))
        rc = add_with_module(f, from, "gateway-rules.ini", "lars-gateway", why);
    if (rc == 0 && roster_has(h, ROSTER_SLOTS))
        rc = add_slots(f, c, why);
    if (rc == 0 && roster_may_promote(from->r, h))
        rc = add_promote(f, c, why);
    free(c);
    return rc;
}

int host_conf_add_operator(struct host_files *f, const struct host_conf_source *from,
                           char why[HOST_CONF_WHY])
{
    struct conf *c = calloc(1, sizeof(*c));
    int rc = -ENOMEM;

    if (c) {
        c->from = from;
        set_larsctl(c);
        rc = add_filled(f, c, "larsctl", "larsctl.ini", "", 0600, "-", why);
    }
    free(c);
    return rc;
}
