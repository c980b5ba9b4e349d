/* zone_hosts -- which hosts a zone has, as the tables, the members of the cluster and the
 * configuration say, and whether any of them lives.  Thread: one. */
#ifndef LARS_CTL_ZONE_HOSTS_H
#define LARS_CTL_ZONE_HOSTS_H

#include "ctl/ctl.h"
#include "db/zone_db.h"
#include "net/host_alive.h"
#include "ops/change.h"

#define ZONE_HOSTS_MAX 40 /* hosts of all zones */

struct zone_host {
    struct net_addr at; /* port 0 */
    uint16_t agent; /* the port of its agent; 0 = none is known */
    bool is_member; /* an address of the cluster: asked at its port */
    uint16_t member; /* of Galera */
    bool answered; /* set by zone_hosts_ask() */
};

struct zone_hosts {
    struct zone_host other[ZONE_HOSTS_MAX], own[ZONE_HOSTS_MAX];
    size_t n_other, n_own;
};

/* The database of <zone> in [zone] databases.  <where> is "/socket" or "ADDRESS:PORT".
 * Returns 0, or CTL_USAGE after a line on standard error. */
int zone_hosts_database(const struct ctl *c, const char *zone, char where[108]);

/* A connection to the database of <zone> and to no other: at a socket as the login user,
 * else with the user of [zone], who may stop it and has no right on the tables, or, when
 * it is only looked at, with the user of [db].  It waits a second for each step.  Returns
 * 0, or an exit code. */
int zone_hosts_open(const struct ctl *c, const char *zone, bool look, struct sqldb **out);

/* Call <fn> for each database of [zone] databases, with the result of zone_db_read() and,
 * below 0, the reason.  At most a few seconds for each. */
typedef void zone_hosts_database_fn(const char *zone, const struct zone_db_view *v,
                                    int rc, const char *why);
void zone_hosts_each_database(const struct ctl *c, zone_hosts_database_fn *fn);

/* Read all hosts, from the tables of <own> as they were before the zones lost each
 * other, from the members in <v>, and from [zone] hosts.  Hosts of <zone> without those
 * of this machine are <own>, all others <other>.  Returns 0; -EINVAL with a sentence: it
 * cannot be known; or as sqldb_run(). */
int zone_hosts_read(const struct ctl *c, struct sqldb *own, const char *zone,
                    const struct zone_db_view *v, struct zone_hosts *out,
                    char why[CHANGE_WHY]);

/* Ask all of them, for 6 s at most and a second for each agent.  Returns 0: none of the
 * other zones has answered, and one of the own zone has, if it has another host;
 * -EBUSY with a sentence otherwise. */
int zone_hosts_ask(struct zone_hosts *h, char why[CHANGE_WHY]);

#endif
