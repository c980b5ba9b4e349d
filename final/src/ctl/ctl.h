/* ctl -- what the commands of larsctl share: the connection to the database, the form of
 * the output, reading of arguments, the agents to ask.  Thread: one. */
#ifndef LARS_CTL_CTL_H
#define LARS_CTL_CTL_H

#include <stdbool.h>

#include "api/lars.h"
#include "db/sqldb.h"
#include "ops/audit.h"
#include "ctl/table.h"

/* Exit codes, stable: scripts test them. */
enum {
    CTL_OK = 0,
    CTL_FAILED = 1, /* it failed, or what was asked for is not there */
    CTL_USAGE = 2,
    CTL_NO_DB = 3, /* the database cannot be reached */
    CTL_NEEDS_YES = 4, /* it affects most nodes of a module: give -y */
};

#define CTL_MAX_AGENTS 32

struct tls_conf;

struct ctl {
    struct sqldb *db;
    const struct myconn_config *db_config; /* for another connection */
    enum table_format format;
    bool yes; /* -y was given */
    bool dry_run; /* -n was given: print the effect of a change only */
    const char *reason; /* of a change, in the operator's words; "" = none */
    const char *who; /* the user, for Audit and RouteConfirm */
    const char *agent[CTL_MAX_AGENTS]; /* "ADDRESS:PORT" of agents we can ask */
    unsigned n_agent;
    const char *sql_dir; /* of schema.sql and triggers.sql */
    const char *fleet_dir; /* of the templates of fleet render */
    const char *dnsd, *reportd; /* "ADDRESS:PORT", lists with blanks */
    const struct tls_conf *tls; /* for these */
    const char *http; /* the same, of the daemons' HTTP ports */
    const char *gateways; /* the same, of the gateways' admin ports, blanks or commas */
    const char *gateways_key; /* path of the keys that sign commands; "" = none */
    const char *zone_databases; /* "ZONE=ADDRESS:PORT ZONE=/SOCKET" */
    const char *zone_hosts; /* "ZONE=ADDRESS ZONE=ADDRESS", besides those of the tables */
    const char *zone_user, *zone_password; /* that may stop a database */
    const char *zone_record; /* path of the record of promotions */
    const char *gateways_log; /* path of the access log of the gateway of this host */
};

/* A command.  <argv> holds its <argc> arguments.  Returns an exit code. */
typedef int ctl_fn(struct ctl *c, int argc, char **argv);

struct ctl_cmd {
    const char *noun, *verb; /* verb "" = the noun alone */
    const char *args; /* as in a synopsis: [X] may be left out */
    int min, max; /* how many arguments */
    const char *help; /* one sentence */
    ctl_fn *fn; /* NULL: main() does it */
    const char *more; /* further sentences of `larsctl help`; or NULL */
};

/* Print the database's error on standard error; returns the exit code for <rc> (below 0).
 */
int ctl_db_failed(const struct ctl *c, int rc);
/* Who runs larsctl, and why, for the audit; borrows from <c>. */
struct audit_actor ctl_actor(const struct ctl *c);
/* The exit code for what a function of ops has returned: when a value was wrong (-EINVAL)
 * print <why> and return <code>. */
int ctl_changed(const struct ctl *c, int rc, int code, const char *why);
/* Print "larsctl: ..." on standard error; returns <code>. */
int ctl_say(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The rows of a SELECT, a column for each of the table's.  Returns as sqldb_run(). */
int ctl_table(struct ctl *c, struct table *t, const char *sql, ...)
    __attribute__((format(printf, 3, 4)));

/* Run a SELECT and print it.  <columns> as table_create().  Returns an exit code. */
int ctl_print(struct ctl *c, const char *columns, const char *sql, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with a table that is filled already.  Takes <t>. */
int ctl_print_table(struct ctl *c, struct table *t);

/* Arguments.  Each returns 0, or CTL_USAGE after a line on standard error. */
int ctl_module(char **argv, uint32_t *modid, uint32_t *cmdid); /* two arguments */
int ctl_text(const char *text, const char *what, size_t max_characters);
int ctl_u32(const char *text, const char *what, uint32_t max, uint32_t *out);
int ctl_range(const char *text, const char *what, uint32_t min, uint32_t max,
              uint32_t *out);
int ctl_node(const char *text, uint32_t *ip, uint32_t *port); /* "10.0.0.1:80" */

/* Where a module is known. */
enum {
    CTL_IN_ROUTES = 1,                /* it has a node, up or drained */
    CTL_IN_POLICIES = 2,
    CTL_IN_CALLS = 4,                 /* calls of it were reported and are kept */
    CTL_IN_CHANGES = 8,               /* its nodes were changed, or a change is held */
};

/* As ctl_module(), and the module is known in one of <where>, a set of the bits above.
 * Returns 0, or an exit code after a line on standard error. */
int ctl_known_module(struct ctl *c, char **argv, unsigned where, uint32_t *modid,
                     uint32_t *cmdid);

/* A client of agent <i>.  Returns 0 or -errno. */
int ctl_open_agent(const struct ctl *c, unsigned i, struct lars_client **out);

#endif
