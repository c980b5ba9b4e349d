/* Private keys belong to root on the host, mode 0600, and systemd gives each unit a copy
 * of those that it needs (LoadCredential): the programs of one host cannot read each
 * other's.
 *
 * The firewall decides about the ports of the roster only.  A table that dropped all
 * others would cut off ssh when a host is rendered with a mistake. */
#include "roster/host_units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roster/host_conf.h"
#include "roster/roster_ports.h"

/* A text that is written line by line. */
struct text {
    FILE *to;
    char *text;
    size_t len;
};

static FILE *begin(struct text *t)
{
    t->text = NULL;
    t->to = open_memstream(&t->text, &t->len);
    return t->to;
}

/* NULL = out of memory. */
static char *end(struct text *t)
{
    if (fclose(t->to) == 0)
        return t->text;
    free(t->text);
    return NULL;
}

static bool is_database(const struct roster_host *h)
{
    return roster_has(h, ROSTER_DB) || roster_has(h, ROSTER_ARBITER);
}

/* --- systemd ------------------------------------------------------------------------ */

static int add_drop_in(struct host_files *f, const struct host_conf_program *p)
{
    char from[HOST_FILES_PATH], to[HOST_FILES_PATH];
    struct text t;

    if (!begin(&t))
        return -ENOMEM;
    fprintf(t.to,
            "; rendered by larsctl fleet render; a second render overwrites it\n"
            "[Service]\n"
            "LoadCredential=tls.crt:/etc/lars/tls/%s.crt\n"
            "LoadCredential=tls.key:/etc/lars/tls/%s.key\n"
            "LoadCredential=ca.crt:/etc/lars/tls/ca.crt\n"
            "LoadCredential=crl.pem:/etc/lars/tls/crl.pem\n",
            p->tls, p->tls);
    if (p->signs)
        fputs("LoadCredential=gateway.key:/etc/lars/gateway.key\n", t.to);
    snprintf(from, sizeof(from), "systemd/%s.service.d/fleet.conf", p->name);
    snprintf(to, sizeof(to), "/etc/systemd/system/%s.service.d/fleet.conf", p->name);
    return host_files_add(f, from, to, 0644, "root", "root", end(&t));
}

static int add_services(struct host_files *f, const struct roster_host *h)
{
    const struct host_conf_program *p;
    struct text t;
    unsigned i;

    if (!begin(&t))
        return -ENOMEM;
    if (is_database(h))
        fputs("lars-db\n", t.to);
    for (i = 0; (p = host_conf_program_at(i)) != NULL; i++)
        if (roster_has(h, p->role))
            fprintf(t.to, "%s\n", p->name);
    return host_files_add(f, "services", "", 0600, "-", "-", end(&t));
}

static int add_packages(struct host_files *f, const struct roster *r,
                        const struct roster_host *h)
{
    const struct host_conf_program *p;
    const char *last = "";
    struct text t;
    unsigned i;

    if (!begin(&t))
        return -ENOMEM;
    if (roster_has(h, ROSTER_DB))
        fputs("galera-4\nmariadb-backup\nmariadb-client\nmariadb-server\nlsof\nopenssl\n"
              "rsync\nsocat\n",
              t.to);
    if (roster_has(h, ROSTER_ARBITER))
        fputs("galera-arbitrator-4\n", t.to);
    for (i = 0; (p = host_conf_program_at(i)) != NULL; i++) {
        if (!roster_has(h, p->role) || strcmp(p->package, last) == 0)
            continue;
        /* dnsd, reportd and autoscaler are in one package, not in a row */
        if (p->role != ROSTER_AUTOSCALER ||
            !(roster_has(h, ROSTER_DNSD) || roster_has(h, ROSTER_REPORTD)))
            fprintf(t.to, "%s\n", p->package);
        last = p->package;
    }
    if (roster_has(h, ROSTER_SLOTS) && !roster_has(h, ROSTER_SITE))
        fputs("lars-site\n", t.to); /* the program and the pages of the nodes */
    if (roster_may_promote(r, h))
        fputs("lars-ctl\n", t.to);
    fputs("iproute2\nnftables\n", t.to);
    return host_files_add(f, "packages", "", 0600, "-", "-", end(&t));
}

/* --- firewall ----------------------------------------------------------------------- */

static void print_ports(FILE *to, uint32_t first, uint32_t last)
{
    fprintf(to, last > first ? "%u-%u" : "%u", first, last);
}

/* "10.0.1.11, 10.0.2.11": hosts and operators that connect to <row>.  Returns their
 * number. */
static unsigned print_sources(FILE *to, const struct roster *r,
                              const struct roster_host *h,
                              const struct roster_ports_row *row)
{
    unsigned i, n = 0;

    for (i = 0; i < r->n; i++)
        if (&r->host[i] != h && roster_ports_reach(&r->host[i], row))
            fprintf(to, "%s%s", n++ ? ", " : "", r->host[i].ip);
    for (i = 0; i < r->n_operators && (row->from & ROSTER_PORTS_FROM_OPERATORS); i++)
        fprintf(to, "%s%s", n++ ? ", " : "", r->operator[i]);
    return n;
}

static int print_rule(FILE *to, const struct roster *r, const struct roster_host *h,
                      const struct roster_ports_row *row, const char *protocol,
                      uint32_t first, uint32_t last)
{
    struct text list;
    char *sources;
    unsigned n;

    if (!begin(&list))
        return -ENOMEM;
    n = print_sources(list.to, r, h, row);
    sources = end(&list);
    if (!sources)
        return -ENOMEM;
    if (n > 0) {
        fprintf(to, "        ip saddr { %s } %s dport ", sources, protocol);
        print_ports(to, first, last);
        fputs(" accept\n", to);
    }
    free(sources);
    fprintf(to, "        %s dport ", protocol);
    print_ports(to, first, last);
    fputs(" drop\n", to);
    return 0;
}

static int print_rules(FILE *to, const struct roster *r, const struct roster_host *h)
{
    const struct roster_ports_row *row;
    uint32_t first, last;
    unsigned i;
    int rc = 0;

    for (i = 0; (row = roster_ports_at(i)) != NULL && rc == 0; i++) {
        if (row->from == 0 || !roster_ports_of(h, row, &first, &last))
            continue;
        if (row->from & ROSTER_PORTS_FROM_ANY) {
            fprintf(to, "        # %s: %u, from everywhere\n", row->what, first);
            continue;
        }
        fprintf(to, "        # %s\n", row->what);
        rc = print_rule(to, r, h, row, "tcp", first, last);
        if (rc == 0 && row->protocol == ROSTER_TCP_UDP)
            rc = print_rule(to, r, h, row, "udp", first, last);
    }
    return rc;
}

static int add_firewall(struct host_files *f, const struct roster *r,
                        const struct roster_host *h)
{
    struct text t;
    char *text;
    int rc;

    if (!begin(&t))
        return -ENOMEM;
    fprintf(t.to,
            "#!/usr/sbin/nft -f\n"
            "# Firewall of host %s, rendered by larsctl fleet render; a second render\n"
            "# overwrites it.  It decides about the ports of Lars only.\n"
            "table inet lars_fleet\n"
            "delete table inet lars_fleet\n"
            "table inet lars_fleet {\n"
            "    chain input {\n"
            "        type filter hook input priority 0; policy accept;\n"
            "        iifname \"lo\" accept\n"
            "        ct state established,related accept\n",
            h->name);
    rc = print_rules(t.to, r, h);
    fputs("    }\n}\n", t.to);
    text = end(&t);
    if (rc < 0) {
        free(text);
        return rc;
    }
    return host_files_add(f, "firewall.nft", "/etc/lars/firewall.nft", 0644, "root",
                          "root", text);
}

int host_units_add(struct host_files *f, const struct roster *r,
                   const struct roster_host *h)
{
    const struct host_conf_program *p;
    unsigned i;
    int rc = 0;

    for (i = 0; (p = host_conf_program_at(i)) != NULL && rc == 0; i++)
        if (p->tls && roster_has(h, p->role))
            rc = add_drop_in(f, p);
    if (rc == 0)
        rc = add_firewall(f, r, h);
    if (rc == 0)
        rc = add_services(f, h);
    return rc < 0 ? rc : add_packages(f, r, h);
}
