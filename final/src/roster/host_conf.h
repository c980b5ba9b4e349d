/* host_conf -- the configuration files of one host, from the templates and the roster.
 * Thread: one. */
#ifndef LARS_ROSTER_HOST_CONF_H
#define LARS_ROSTER_HOST_CONF_H

#include "roster/host_files.h"
#include "roster/roster.h"

#define HOST_CONF_WHY 500
#define HOST_CONF_PASSWORD 65
#define HOST_CONF_DB_SOCKET "/var/lib/lars-db/run/sock"

/* Users of the database that programs have. */
enum host_conf_user {
    HOST_CONF_LARS, /* lars-dnsd, lars-reportd */
    HOST_CONF_CTL,
    HOST_CONF_FENCE, /* larsctl zone fence, from operators' machines */
    HOST_CONF_SCALE,
    HOST_CONF_SITE,
    HOST_CONF_SITE_EDIT,
    HOST_CONF_WEB,
    HOST_CONF_WEB_RO,
    HOST_CONF_N_USERS
};
extern const char *const host_conf_user[HOST_CONF_N_USERS]; /* "lars", "lars_ctl" ... */

struct host_conf_source {
    const struct roster *r;
    const char *templates; /* has conf/ */
    const char *operator_dir; /* whole path of _fleet/operator */
    char password[HOST_CONF_N_USERS][HOST_CONF_PASSWORD];
};

/* What the program of a role is called, and where its parts are. */
struct host_conf_program {
    enum roster_role role;
    const char *name; /* of the program, its file and its unit */
    const char *package, *group;
    unsigned mode; /* of the file: root's, and <group> may read it */
    const char *tls; /* its role in certificates; NULL = it has none */
    bool signs; /* it needs gateway.key */
};
/* In the order in which they start; NULL behind the last one. */
const struct host_conf_program *host_conf_program_at(unsigned i);

/* Add conf/... for each program of <h>.  Returns 0; -ENOENT, -EINVAL ... with a sentence
 * in <why>; -ENOMEM. */
int host_conf_add(struct host_files *f, const struct host_conf_source *from,
                  const struct roster_host *h, char why[HOST_CONF_WHY]);

/* Add larsctl.ini of the operator.  Returns as host_conf_add(). */
int host_conf_add_operator(struct host_files *f, const struct host_conf_source *from,
                           char why[HOST_CONF_WHY]);

/* "IP:PORT IP:PORT" of the hosts with <role>, those of <zone> first, <between> between
 * them, without the first <skip>. */
void host_conf_list(const struct roster *r, enum roster_role role, enum roster_port port,
                    const char *zone, const char *between, unsigned skip, char *out,
                    size_t size);

#endif
