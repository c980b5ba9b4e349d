/* A host is changed by one statement that says from which states it leads; the row is
 * locked, so a step of the autoscaler comes before or after it.
 *
 * Rejected: to call the program here.  The autoscaler does it under its lease, one
 * command at a time, and repeats it until it is accepted. */
#include "ops/front_change.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/net_addr.h"
#include "db/repeat.h"

#define HOST_MAX 64
#define ZONE_MAX 32

static int refuse(char why[CHANGE_WHY], const char *text)
{
    snprintf(why, CHANGE_WHY, "%s", text);
    return -EINVAL;
}

/* End the transaction with a row of Audit; <detail> is freed, NULL = none. */
static int end_with(struct sqldb *db, int rc, const struct audit_actor *who,
                    const char *action, const char *host, json_t *detail)
{
    char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
    char subject[HOST_MAX + 8];
    struct audit_entry e = {
        .action = action, .subject = subject, .result = "done", .detail = text};

    snprintf(subject, sizeof(subject), "front:%s", host);
    if (detail && !text && rc == 0)
        rc = -ENOMEM;
    rc = audit_end(db, rc, who, &e);
    free(text);
    json_decref(detail);
    return rc;
}

/* --- a new host --------------------------------------------------------------------- */

static bool is_name(const char *text, size_t max)
{
    size_t n =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                     "._-");

    return n > 0 && n <= max && text[n] == '\0' && text[0] != '-';
}

static bool is_address(const char *text)
{
    struct net_addr a;

    return strlen(text) < NET_ADDR_STRLEN && net_addr_parse(&a, text) == 0 && a.port > 0;
}

static int check_host(const struct front_host *h, char why[CHANGE_WHY])
{
    if (!is_name(h->host, HOST_MAX))
        return refuse(why, "HOST is a name of 1 to 64 letters, digits, '.', '_' and '-', "
                           "which does not begin with '-'");
    if (!is_name(h->zone, ZONE_MAX))
        return refuse(why, "ZONE is a name of 1 to 32 letters, digits, '.', '_' and '-'");
    if (!is_address(h->admin))
        return refuse(why, "ADMIN is ADDRESS:PORT of the gateway's [admin] listen, such "
                           "as 10.0.1.5:9890");
    if (!is_address(h->outside))
        return refuse(why, "OUTSIDE is ADDRESS:PORT at which visitors reach this one "
                           "gateway by HTTP, such as 192.0.2.5:80");
    return 0;
}

static int check_place(struct sqldb *db, const struct front_host *h, char why[CHANGE_WHY])
{
    uint64_t n = 0, same = 0;
    int rc = sqldb_number(db, &n, "SELECT COUNT(*) FROM FrontHost");

    if (rc == 0)
        rc = sqldb_number(db, &same,
                          "SELECT COUNT(*) FROM FrontHost WHERE host = %s OR admin = %s",
                          h->host, h->admin);
    if (rc == 0 && same > 0)
        rc = refuse(why, "this host, or its admin port, is there already; see larsctl "
                         "front list");
    if (rc == 0 && n >= FRONT_CHANGE_HOSTS_MAX)
        rc = refuse(why, "there are 32 hosts already; remove one: larsctl front remove");
    return rc;
}

static int add_once(struct sqldb *db, const struct audit_actor *who,
                    const struct front_host *h, char why[CHANGE_WHY])
{
    int rc = check_host(h, why);

    if (rc < 0)
        return rc;
    rc = audit_begin(db);
    if (rc == 0)
        rc = check_place(db, h, why);
    if (rc == 0)
        rc = sqldb_run(db,
                       "INSERT INTO FrontHost (host, zone, admin, outside, who) VALUES "
                       "(%s, %s, %s, %s, LEFT(%s, 64))",
                       h->host, h->zone, h->admin, h->outside, who->name);
    return end_with(db, rc, who, "front add", h->host,
                    json_pack("{s:s, s:s, s:s}", "zone", h->zone, "admin", h->admin,
                              "outside", h->outside));
}

int front_change_add(struct sqldb *db, const struct audit_actor *who,
                     const struct front_host *h, char why[CHANGE_WHY])
{
    REPEAT_RETURN(add_once(db, who, h, why));
}

/* --- a host that is there ----------------------------------------------------------- */

struct row {
    char state[17];
    bool there, held;
};

static int take_row(char **at, void *arg)
{
    struct row *r = arg;

    r->there = true;
    snprintf(r->state, sizeof(r->state), "%s", at[0] ? at[0] : "");
    r->held = at[1] && at[1][0] == '1';
    return 0;
}

static int lock_host(struct sqldb *db, const char *host, struct row *r,
                     char why[CHANGE_WHY])
{
    int rc =
        sqldb_each(db, take_row, r,
                   "SELECT state, held FROM FrontHost WHERE host = %s FOR UPDATE", host);

    if (rc == 0 && !r->there)
        rc = refuse(why, "there is no such host; see larsctl front list");
    return rc;
}

static bool is_in(const struct row *r, const char *one, const char *other)
{
    return strcmp(r->state, one) == 0 || strcmp(r->state, other) == 0;
}

static int hold(struct sqldb *db, const struct audit_actor *who, const char *host,
                const char *state)
{
    return sqldb_run(db,
                     "UPDATE FrontHost SET state = %s, held = 1, done = 0, seen = 0, "
                     "seen_at = NULL, failed = 0, since = NOW(3), note = LEFT(%s, 255), "
                     "who = LEFT(%s, 64) WHERE host = %s",
                     state, who->reason, who->name, host);
}

static int announce_once(struct sqldb *db, const struct audit_actor *who,
                         const char *host, char why[CHANGE_WHY])
{
    struct row r = {.there = false};
    int rc = audit_begin(db);

    if (rc == 0)
        rc = lock_host(db, host, &r, why);
    if (rc == 0 && is_in(&r, "starting", "announced")) /* it is, or will be */
        rc = sqldb_run(db, "UPDATE FrontHost SET held = 1 WHERE host = %s", host);
    else if (rc == 0)
        rc = hold(db, who, host, "starting");
    return end_with(db, rc, who, "front announce", host, NULL);
}

int front_change_announce(struct sqldb *db, const struct audit_actor *who,
                          const char *host, char why[CHANGE_WHY])
{
    REPEAT_RETURN(announce_once(db, who, host, why));
}

static int withdraw_once(struct sqldb *db, const struct audit_actor *who,
                         const char *host, char why[CHANGE_WHY])
{
    struct row r = {.there = false};
    int rc = audit_begin(db);

    if (rc == 0)
        rc = lock_host(db, host, &r, why);
    if (rc == 0 && is_in(&r, "withdrawing", "withdrawn"))
        rc = sqldb_run(db, "UPDATE FrontHost SET held = 1 WHERE host = %s", host);
    else if (rc == 0) /* a standby host is known to no one */
        rc = hold(db, who, host,
                  strcmp(r.state, "standby") == 0 ? "withdrawn" : "withdrawing");
    return end_with(db, rc, who, "front withdraw", host, NULL);
}

int front_change_withdraw(struct sqldb *db, const struct audit_actor *who,
                          const char *host, char why[CHANGE_WHY])
{
    REPEAT_RETURN(withdraw_once(db, who, host, why));
}

static int release_once(struct sqldb *db, const struct audit_actor *who, const char *host,
                        char why[CHANGE_WHY])
{
    struct row r = {.there = false};
    int rc = audit_begin(db);

    if (rc == 0)
        rc = lock_host(db, host, &r, why);
    if (rc == 0)
        rc = sqldb_run(db,
                       "UPDATE FrontHost SET held = 0, failed = 0, state = IF(state = "
                       "'withdrawn', 'standby', state) WHERE host = %s",
                       host);
    return end_with(db, rc, who, "front release", host, NULL);
}

int front_change_release(struct sqldb *db, const struct audit_actor *who,
                         const char *host, char why[CHANGE_WHY])
{
    REPEAT_RETURN(release_once(db, who, host, why));
}

static int remove_once(struct sqldb *db, const struct audit_actor *who, const char *host,
                       char why[CHANGE_WHY])
{
    struct row r = {.there = false};
    int rc = audit_begin(db);

    if (rc == 0)
        rc = lock_host(db, host, &r, why);
    if (rc == 0 && is_in(&r, "starting", "announced"))
        rc = refuse(why, "the host is starting or announced; withdraw it first: larsctl "
                         "front withdraw");
    if (rc == 0)
        rc = sqldb_run(db, "DELETE FROM FrontHost WHERE host = %s", host);
    return end_with(db, rc, who, "front remove", host, NULL);
}

int front_change_remove(struct sqldb *db, const struct audit_actor *who, const char *host,
                        char why[CHANGE_WHY])
{
    REPEAT_RETURN(remove_once(db, who, host, why));
}
