/* roster -- the hosts of an installation and what runs on each, as fleet.ini names them:
 *
 *     [fleet]
 *     name = expo                 of the database cluster and of the CA
 *     quorum = arbiter            a host in a third place has the role arbiter; or weight
 *     heavy_zone = a              with quorum = weight: this zone works alone
 *     site_module = 20/1          the module of the exhibition site
 *     operators = 10.0.9.5        machines, at most 8, from which operators use larsctl
 *
 *     [host a1]
 *     zone = a
 *     address = 10.0.1.11         IPv4, at which the other hosts reach it
 *     roles = db dnsd reportd console autoscaler gateway agent
 *     machine = 1                 grows when the machine under this name was exchanged
 *     slots = 4                   with the role slots: how many nodes it has room for
 *     port_gateway = 8080         each port has a key; in [fleet] it is for all hosts
 *
 * The module reads the file into a struct; roster_check.h has the rules between hosts.
 * Thread: any. */
#ifndef LARS_ROSTER_ROSTER_H
#define LARS_ROSTER_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/module_id.h"
#include "roster/roster_faults.h"

#define ROSTER_HOSTS_MAX 64
#define ROSTER_NAME_LEN 33 /* of a host, a zone, the fleet; with the 0 */
#define ROSTER_IP_LEN 16
#define ROSTER_SLOTS_MAX 256
#define ROSTER_OPERATORS_MAX 8

enum roster_role {
    ROSTER_AGENT,
    ROSTER_ARBITER,
    ROSTER_AUTOSCALER,
    ROSTER_CONSOLE,
    ROSTER_DB,
    ROSTER_DNSD,
    ROSTER_GATEWAY,
    ROSTER_REPORTD,
    ROSTER_SITE,
    ROSTER_SLOTS,
    ROSTER_N_ROLES
};

/* Ports that can be set; roster_ports.h has all of them. */
enum roster_port {
    ROSTER_PORT_AGENT, /* the first of three UDP ports */
    ROSTER_PORT_CONSOLE,
    ROSTER_PORT_DB,
    ROSTER_PORT_DNSD,
    ROSTER_PORT_GATEWAY,
    ROSTER_PORT_ADMIN, /* of the gateway */
    ROSTER_PORT_REPORTD,
    ROSTER_PORT_SITE,
    ROSTER_PORT_SLOTS, /* of slot 1 */
    ROSTER_N_PORTS
};

enum roster_quorum { ROSTER_QUORUM_ARBITER, ROSTER_QUORUM_WEIGHT };

struct roster_host {
    char name[ROSTER_NAME_LEN], zone[ROSTER_NAME_LEN], ip[ROSTER_IP_LEN];
    uint32_t roles; /* bit 1 << enum roster_role */
    uint32_t machine, slots;
    uint32_t port[ROSTER_N_PORTS]; /* 1 to 65535 */
    int line; /* of [host NAME] */
    int zone_line, address_line, roles_line; /* 0 = the key is not there */
    bool unclear; /* a value was refused, so rules about it would
                                           * report what follows from that */
};

struct roster {
    char name[ROSTER_NAME_LEN], heavy_zone[ROSTER_NAME_LEN];
    enum roster_quorum quorum;
    struct module_id site;
    char operator[ROSTER_OPERATORS_MAX][ROSTER_IP_LEN];
    unsigned n_operators;
    uint32_t port[ROSTER_N_PORTS]; /* of hosts that do not set their own */
    int line; /* of [fleet]; 1 when it is not there */
    int name_line, heavy_line; /* of the keys; 0 = they are not there */
    unsigned n, n_zones;
    struct roster_host host[ROSTER_HOSTS_MAX];
    char zone[ROSTER_HOSTS_MAX][ROSTER_NAME_LEN]; /* in the order of the file */
};

/* Read <f> into <out>, and check every value and every rule.  Returns 0; -EINVAL when
 * there are faults, which are added to <faults>; -EIO when it cannot be read. */
int roster_read(struct roster *out, FILE *f, struct roster_faults *faults);

static inline bool roster_has(const struct roster_host *h, enum roster_role role)
{
    return (h->roles & 1u << role) != 0;
}

/* Without an arbiter an operator may have to let the database on <h> write alone: larsctl
 * zone promote, which runs there. */
static inline bool roster_may_promote(const struct roster *r, const struct roster_host *h)
{
    return r->quorum == ROSTER_QUORUM_WEIGHT && roster_has(h, ROSTER_DB);
}

/* "dnsd".  Static. */
const char *roster_role_name(enum roster_role role);
/* Returns the role, or -ENOENT. */
int roster_role_of(const char *name);

/* The number of the zone in the order of the file, from 1; 0 = no host is in it. */
unsigned roster_zone_number(const struct roster *r, const char *zone);

/* The host named <name>; NULL = none. */
const struct roster_host *roster_find(const struct roster *r, const char *name);

#endif
