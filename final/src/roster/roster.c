/* Each key is a row of a table with the function that checks its value, for [fleet] and
 * for [host NAME]; the keys of ports are in the rows of roster_ports.  A wrong line is
 * noted and reading continues, because the operator should see every fault of the file
 * at once.
 *
 * Invariant: a roster without faults has at least one host, every host has a name, a zone
 * and an address, and names have nothing but a-z, 0-9 and -, so that they can become
 * names of files, parts of certificates and values of configurations without quoting.
 * Rejected: base/conf, which ends at the first wrong line and has no repeated
 * sections. */
#include "roster/roster.h"

#include <errno.h>
#include <string.h>

#include "base/ini_file.h"
#include "base/net_addr.h"
#include "roster/roster_check.h"
#include "roster/roster_ports.h"

#define BLANKS " \t,"
#define MACHINE_MAX 1000000

static const char *const roles[ROSTER_N_ROLES] = {"agent",   "arbiter", "autoscaler",
                                                  "console", "db",      "dnsd",
                                                  "gateway", "reportd", "site",
                                                  "slots"};

struct reading {
    struct roster *r;
    struct roster_faults *faults;
    struct roster_host *host; /* of the section; NULL = [fleet], or a section
                                           * that was refused */
    bool in_fleet;
    uint64_t given[ROSTER_HOSTS_MAX + 1]; /* keys of each host, then of [fleet]: a bit for
                                           * each row of <keys>, then of <ports> */
};

/* --- values ------------------------------------------------------------------------- */

static bool is_name(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len < ROSTER_NAME_LEN && text[0] != '-' && text[len - 1] != '-' &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static bool refuse_name(struct reading *in, int line, const char *what, const char *text)
{
    roster_faults_add(in->faults, line,
                      "%s \"%.60s\" is no name; write 1 to 32 of a-z, 0-9 and -, with no "
                      "- at either end",
                      what, text);
    return false;
}

/* The files of the database (deploy/two-zones) are named after zones, and so are the
 * settings there, which have no - in their names. */
static bool is_zone(const char *text)
{
    return is_name(text) && !strchr(text, '-');
}

static bool refuse_zone(struct reading *in, const struct ini_file_line *l)
{
    roster_faults_add(in->faults, l->n,
                      "%.40s = \"%.60s\" is no zone; write 1 to 32 of a-z and 0-9",
                      l->name, l->value);
    return false;
}

/* Digits only.  Returns false after a fault. */
static bool get_number(struct reading *in, const struct ini_file_line *l, uint32_t min,
                       uint32_t max, uint32_t *out)
{
    uint64_t n = 0;
    const char *p = l->value;

    for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    if (p == l->value || *p || n < min || n > max) {
        roster_faults_add(in->faults, l->n,
                          "%.40s = \"%.60s\" is not a number from %u to %u; write one",
                          l->name, l->value, min, max);
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

static bool set_fleet_name(struct reading *in, const struct ini_file_line *l)
{
    in->r->name_line = l->n;
    if (!is_name(l->value))
        return refuse_name(in, l->n, "name =", l->value);
    memcpy(in->r->name, l->value, strlen(l->value) + 1);
    return true;
}

static bool set_quorum(struct reading *in, const struct ini_file_line *l)
{
    if (strcmp(l->value, "arbiter") == 0)
        in->r->quorum = ROSTER_QUORUM_ARBITER;
    else if (strcmp(l->value, "weight") == 0)
        in->r->quorum = ROSTER_QUORUM_WEIGHT;
    else {
        roster_faults_add(in->faults, l->n,
                          "quorum = \"%.60s\" is neither arbiter nor weight; write "
                          "arbiter when a third place has a host for it, else weight and "
                          "heavy_zone",
                          l->value);
        return false;
    }
    return true;
}

static bool set_heavy_zone(struct reading *in, const struct ini_file_line *l)
{
    in->r->heavy_line = l->n;
    if (!is_zone(l->value))
        return refuse_zone(in, l);
    memcpy(in->r->heavy_zone, l->value, strlen(l->value) + 1);
    return true;
}

static bool set_site_module(struct reading *in, const struct ini_file_line *l)
{
    struct module_id id = {0};
    char extra;

    if (l->value[strspn(l->value, "0123456789/")] ||
        sscanf(l->value, "%9u/%9u%c", &id.modid, &id.cmdid, &extra) != 2 ||
        (id.modid | id.cmdid) == 0) {
        roster_faults_add(in->faults, l->n,
                          "site_module = \"%.60s\" is no module; write MODID/CMDID, such "
                          "as 20/1",
                          l->value);
        return false;
    }
    in->r->site = id;
    return true;
}

static bool set_zone(struct reading *in, const struct ini_file_line *l)
{
    in->host->zone_line = l->n;
    if (!is_zone(l->value))
        return refuse_zone(in, l);
    memcpy(in->host->zone, l->value, strlen(l->value) + 1);
    return true;
}

/* IPv4, because agents report it as 32 bits; one that other hosts can connect to. */
static bool get_ip(struct reading *in, const struct ini_file_line *l, const char *text,
                   char out[ROSTER_IP_LEN])
{
    struct net_addr a;
    const char *why = NULL;

    if (strchr(text, ':') || net_addr_set(&a, text, 0) < 0)
        why = "no IPv4 address";
    else if (a.ip[0] == 127)
        why = "a loopback address, which other hosts do not reach";
    else if (a.ip[0] == 0 || a.ip[0] >= 224)
        why = "no address of one host";
    if (why) {
        roster_faults_add(in->faults, l->n,
                          "%.40s = \"%.60s\" is %s; write one such as 10.0.1.11", l->name,
                          text, why);
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool set_address(struct reading *in, const struct ini_file_line *l)
{
    in->host->address_line = l->n;
    return get_ip(in, l, l->value, in->host->ip);
}

static bool set_operators(struct reading *in, const struct ini_file_line *l)
{
    char text[INI_FILE_LINE_MAX + 2], *save = NULL, *word;
    struct roster *r = in->r;

    snprintf(text, sizeof(text), "%s", l->value);
    for (word = strtok_r(text, BLANKS, &save); word;
         word = strtok_r(NULL, BLANKS, &save)) {
        if (r->n_operators == ROSTER_OPERATORS_MAX) {
            roster_faults_add(in->faults, l->n,
                              "operators has more than %d addresses; remove the others",
                              ROSTER_OPERATORS_MAX);
            return false;
        }
        if (!get_ip(in, l, word, r->operator[r->n_operators]))
            return false;
        r->n_operators++;
    }
    return true;
}

static bool add_role(struct reading *in, int line, const char *word)
{
    int role = roster_role_of(word);

    if (role < 0)
        roster_faults_add(in->faults, line,
                          "\"%.60s\" is no role; there are agent, arbiter, autoscaler, "
                          "console, db, dnsd, gateway, reportd, site and slots",
                          word);
    else if (in->host->roles & 1u << role)
        roster_faults_add(in->faults, line,
                          "the role %s is there twice; remove one of them", word);
    else
        return in->host->roles |= 1u << role, true;
    return false;
}

static bool set_roles(struct reading *in, const struct ini_file_line *l)
{
    char text[INI_FILE_LINE_MAX + 2], *save = NULL, *word;
    bool good = true;

    in->host->roles_line = l->n;
    snprintf(text, sizeof(text), "%s", l->value);
    word = strtok_r(text, BLANKS, &save);
    if (!word) {
        roster_faults_add(in->faults, l->n,
                          "roles is empty; write what runs on this host, such as dnsd "
                          "agent, or remove the host");
        return false;
    }
    for (; word; word = strtok_r(NULL, BLANKS, &save))
        good = add_role(in, l->n, word) && good;
    return good;
}

static bool set_machine(struct reading *in, const struct ini_file_line *l)
{
    return get_number(in, l, 1, MACHINE_MAX, &in->host->machine);
}

static bool set_slots(struct reading *in, const struct ini_file_line *l)
{
    return get_number(in, l, 1, ROSTER_SLOTS_MAX, &in->host->slots);
}

static const struct key {
    const char *name;
    bool of_fleet;
    bool (*set)(struct reading *in, const struct ini_file_line *l);
} keys[] = {{"name", true, set_fleet_name},       {"quorum", true, set_quorum},
            {"heavy_zone", true, set_heavy_zone}, {"site_module", true, set_site_module},
            {"operators", true, set_operators},   {"zone", false, set_zone},
            {"address", false, set_address},      {"roles", false, set_roles},
            {"machine", false, set_machine},      {"slots", false, set_slots}};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* --- lines -------------------------------------------------------------------------- */

/* Note that the key is there.  Returns false after a fault when it was there before. */
static bool take_once(struct reading *in, const struct ini_file_line *l, size_t bit)
{
    size_t of = in->in_fleet ? ROSTER_HOSTS_MAX : (size_t)(in->host - in->r->host);

    if (in->given[of] & 1ull << bit) {
        roster_faults_add(in->faults, l->n,
                          "%.40s is there twice in [%.60s]; remove one of them", l->name,
                          l->section);
        return false;
    }
    in->given[of] |= 1ull << bit;
    return true;
}

/* Returns false when <name> is no port. */
static bool take_port(struct reading *in, const struct ini_file_line *l)
{
    const struct roster_ports_row *row;
    unsigned i = 0;
    uint32_t *port;
    bool good;

    while ((row = roster_ports_at(i)) != NULL &&
           (!row->key || strcmp(row->key, l->name) != 0))
        i++;
    if (!row)
        return false;
    port = in->in_fleet ? in->r->port : in->host->port;
    good = take_once(in, l, N_KEYS + i) &&
           get_number(in, l, 1, 65536 - (row->n ? row->n : 1), &port[row->port]);
    if (!good && in->host)
        in->host->unclear = true;
    return true;
}

static void take_key(struct reading *in, const struct ini_file_line *l)
{
    size_t i;

    if (take_port(in, l))
        return;
    for (i = 0; i < N_KEYS; i++) {
        bool good;

        if (keys[i].of_fleet != in->in_fleet || strcmp(keys[i].name, l->name) != 0)
            continue;
        good = take_once(in, l, i) && keys[i].set(in, l);
        if (!good && in->host)
            in->host->unclear = true;
        return;
    }
    roster_faults_add(in->faults, l->n,
                      "[%.60s] has no key %.60s; there are %s, and the ports: "
                      "port_dnsd and so on",
                      l->section, l->name,
                      in->in_fleet ? "name, quorum, heavy_zone, site_module and operators"
                                   : "zone, address, roles, machine and slots");
}

static void begin_host(struct reading *in, int line, const char *name)
{
    const struct roster_host *other = roster_find(in->r, name);
    struct roster_host *h;

    if (!is_name(name)) {
        refuse_name(in, line, "host", name);
        return;
    }
    if (other) {
        roster_faults_add(in->faults, line,
                          "host %s is in line %d already; write its keys there, or give "
                          "this one another name",
                          name, other->line);
        return;
    }
    if (in->r->n == ROSTER_HOSTS_MAX) {
        roster_faults_add(in->faults, line,
                          "host %s is number %d; a fleet has at most %d", name,
                          ROSTER_HOSTS_MAX + 1, ROSTER_HOSTS_MAX);
        return;
    }
    h = in->host = &in->r->host[in->r->n++];
    memcpy(h->name, name, strlen(name) + 1);
    h->line = line;
    h->machine = 1;
    h->slots = 4;
}

static void begin_section(struct reading *in, int line, const char *section)
{
    in->host = NULL;
    in->in_fleet = strcmp(section, "fleet") == 0;
    if (in->in_fleet && in->r->line == 0)
        in->r->line = line;
    else if (in->in_fleet)
        roster_faults_add(in->faults, line,
                          "[fleet] is in line %d already; write its keys there",
                          in->r->line);
    else if (strncmp(section, "host ", 5) == 0)
        begin_host(in, line, section + 5 + strspn(section + 5, " \t"));
    else
        roster_faults_add(in->faults, line,
                          "[%.60s] is no section of a fleet; write [fleet], or [host "
                          "NAME] such as [host a1]",
                          section);
}

static bool on_line(void *arg, const struct ini_file_line *l)
{
    struct reading *in = arg;

    if (l->why)
        roster_faults_add(in->faults, l->n, "%s", l->why);
    else if (!l->name)
        begin_section(in, l->n, l->section);
    else if (in->host || in->in_fleet)
        take_key(in, l);
    else if (l->section[0] == '\0')
        roster_faults_add(in->faults, l->n,
                          "%.60s is before the first section; write [fleet] or [host "
                          "NAME] above it",
                          l->name);
    return in->faults->n_more < 1000; /* it is some other file */
}

/* --- the whole ---------------------------------------------------------------------- */

static void fill_presets(struct roster *r)
{
    const struct roster_ports_row *row;
    unsigned i, p;

    for (i = 0; (row = roster_ports_at(i)) != NULL; i++)
        if (row->port >= 0 && r->port[row->port] == 0)
            r->port[row->port] = row->fixed;
    for (i = 0; i < r->n; i++) {
        struct roster_host *h = &r->host[i];

        for (p = 0; p < ROSTER_N_PORTS; p++)
            if (h->port[p] == 0)
                h->port[p] = r->port[p];
        if (h->zone[0] && roster_zone_number(r, h->zone) == 0)
            memcpy(r->zone[r->n_zones++], h->zone, sizeof(h->zone));
    }
    if (r->line == 0)
        r->line = 1;
}

int roster_read(struct roster *out, FILE *f, struct roster_faults *faults)
{
    struct reading in = {.r = out, .faults = faults};
    int rc;

    memset(out, 0, sizeof(*out));
    out->site = (struct module_id){20, 1};
    rc = ini_file_each(f, on_line, &in);
    if (rc < 0)
        return rc;
    fill_presets(out);
    roster_check_all(out, faults);
    return faults->n > 0 ? -EINVAL : 0;
}

const char *roster_role_name(enum roster_role role)
{
    return roles[role];
}

int roster_role_of(const char *name)
{
    int i;

    for (i = 0; i < ROSTER_N_ROLES; i++)
        if (strcmp(roles[i], name) == 0)
            return i;
    return -ENOENT;
}

unsigned roster_zone_number(const struct roster *r, const char *zone)
{
    unsigned i;

    for (i = 0; i < r->n_zones; i++)
        if (strcmp(r->zone[i], zone) == 0)
            return i + 1;
    return 0;
}

const struct roster_host *roster_find(const struct roster *r, const char *name)
{
    unsigned i;

    for (i = 0; i < r->n; i++)
        if (strcmp(r->host[i].name, name) == 0)
            return &r->host[i];
    return NULL;
}
