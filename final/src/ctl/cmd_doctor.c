/* doctor.  Each part of the system is asked in the way its users ask it: the schema is
 * looked at, a TCP connection is made to each service, an agent answers a question, and
 * a daemon with an HTTP port reports its own health.  Every part is examined, whatever
 * another one has: without a database the rest is examined all the same.
 *
 * The findings are rows of one table, which is printed at the end: a line for each as
 * text, or JSON and CSV as of any other command.  The exit code is that of the database,
 * or 1 when another part is not well.
 *
 * Rejected: an end at the first fault.  An operator would learn of the faults one by one.
 */
#include "ctl/cmd_doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ask_service.h"
#include "ctl/cmd_schema.h"
#include "net/daemon_http.h"
#include "net/tls_conf.h"
#include "proto/msg_batch.h"

#define LIST_BYTES 600 /* of a list of addresses in the configuration */
#define START_IT "start it, or correct its address in [larsctl] of the configuration"

struct findings {
    struct table *t; /* part, at, ok, state, mend */
    int rc; /* the first failure of table_add() */
    int bad; /* parts that are not well */
    struct tls_link *tls; /* NULL = plain */
};

enum column { PART, AT, IS_OK, STATE, MEND };

static void find(struct findings *f, const char *part, const char *at, const char *state,
                 const char *mend)
{
    bool ok = strcmp(state, "ok") == 0;
    char *cell[] = {(char *)part, (char *)at, (char *)(ok ? "1" : "0"), (char *)state,
                    (char *)mend};
    int rc = table_add(f->t, cell);

    f->rc = f->rc < 0 ? f->rc : rc;
    f->bad += !ok;
}

/* Call <fn> for each of the addresses in <list>. */
static void each_address(struct findings *f, const char *what, const char *list,
                         void (*fn)(struct findings *f, const char *what, const char *at))
{
    char copy[LIST_BYTES], *word, *save = NULL;

    snprintf(copy, sizeof(copy), "%s", list);
    for (word = strtok_r(copy, " ,", &save); word; word = strtok_r(NULL, " ,", &save))
        fn(f, what, word);
}

/* Does the service <what> answer there? */
static void examine_service(struct findings *f, const char *what, const char *where)
{
    bool is_dns = strcmp(what, "dnsd") == 0;
    enum msg_service want = is_dns ? MSG_SERVICE_DNS : MSG_SERVICE_REPORT, got;
    enum tls_why why = TLS_WHY_NONE;
    struct net_addr at;
    int rc = net_addr_parse(&at, where);

    if (rc == 0)
        rc = ask_service_at(&at, want, f->tls, &got, &why);
    if (why != TLS_WHY_NONE)
        find(f, what, where, "TLS: the connection was refused", tls_why_mend(why));
    else if (rc == -ECONNRESET)
        find(f, what, where, "it closed the connection without an answer",
             "look at its log; when it uses TLS, set [tls] in the configuration of "
             "larsctl");
    else if (rc < 0)
        find(f, what, where, strerror(-rc), START_IT);
    else if (got == MSG_SERVICE_NOT_TOLD || got == want)
        find(f, what, where, "ok", "");
    else
        find(f, what, where,
             is_dns ? "this is a Report Service, and no DNSService"
                    : "this is a DNSService, and no Report Service",
             is_dns ? "correct [larsctl] dnsd" : "correct [larsctl] reportd");
}

/* A daemon may have no HTTP port, so a refused connection is no finding. */
static void examine_health(struct findings *f, const char *what, const char *where)
{
    struct daemon_answer a;
    struct net_addr at;
    int rc = net_addr_parse(&at, where);

    if (rc == 0)
        rc = daemon_http_ask(&at, "GET", "/healthz", "", &a);
    if (rc == -ECONNREFUSED)
        return;
    if (rc < 0) {
        find(f, what, where, strerror(-rc),
             "look at the log of the daemon, or correct [larsctl] http");
        return;
    }
    a.text[(size_t)(a.body - a.text) + strcspn(a.body, "\r\n")] = '\0';
    find(f, what, where,
         a.status == 200 ? "ok"
         : a.body[0]     ? a.body
                         : "it is not well",
         a.status == 200 ? "" : "look at the log of the daemon");
}

static void examine_agent(struct findings *f, const struct ctl *c, unsigned i)
{
    struct lars_client *client;
    struct lars_host h;
    int rc = ctl_open_agent(c, i, &client);

    if (rc == 0) {
        rc = lars_get_host(client, 1, 1, &h); /* "no such module" is an answer, too */
        lars_close(client);
    }
    if (rc == -ENOENT || rc == -EAGAIN || rc >= 0)
        find(f, "agent", c->agent[i], "ok", "");
    else
        find(f, "agent", c->agent[i], "it does not answer", "start lars-agentd");
}

/* A row for each module that a DNSService holds. */
static void examine_holds(struct findings *f, struct ctl *c)
{
    char at[40], state[100], mend[100];
    struct table *t;
    size_t r;

    if (table_create(&t, "modid# cmdid# nodes# gone#") < 0)
        return;
    if (ctl_table(c, t,
                  "SELECT modid, cmdid, MAX(had), MAX(gone) FROM RouteHold WHERE "
                  "seen_at > NOW(3) - INTERVAL 30 SECOND GROUP BY modid, cmdid") < 0)
        find(f, "database", "", sqldb_error(c->db), "");
    for (r = 0; r < table_n_rows(t); r++) {
        const char *modid = table_cell(t, r, 0), *cmdid = table_cell(t, r, 1);

        snprintf(at, sizeof(at), "%s/%s", modid, cmdid);
        snprintf(state, sizeof(state), "the removal of %s of %s nodes is held",
                 table_cell(t, r, 3), table_cell(t, r, 2));
        snprintf(mend, sizeof(mend),
                 "larsctl route confirm %s %s, or add the nodes again", modid, cmdid);
        find(f, "module", at, state, mend);
    }
    table_destroy(t);
}

/* Returns the exit code of the database. */
static int examine_db(struct findings *f, struct ctl *c)
{
    char error[MYCONN_ERROR_MAX], *mend;
    uint64_t one;
    int code, rc = sqldb_number(c->db, &one, "SELECT 1");

    if (rc < 0) {
        snprintf(error, sizeof(error), "%s", sqldb_error(c->db));
        mend = strstr(error, "; mend: ");
        if (mend)
            *mend = '\0';
        find(f, "database", "", error, mend ? mend + strlen("; mend: ") : "see [db]");
        return rc == -ENOTCONN ? CTL_NO_DB : CTL_FAILED;
    }
    code = cmd_schema_check(c);
    if (code == CTL_OK) {
        find(f, "database", "", "ok", "");
        examine_holds(f, c);
    } else {
        find(f, "database", "", "its schema or rights are not those of this version",
             "larsctl db check names each fault");
    }
    return code;
}

static void print_lines(const struct table *t)
{
    size_t r;

    for (r = 0; r < table_n_rows(t); r++) {
        const char *at = table_cell(t, r, AT), *mend = table_cell(t, r, MEND);

        printf("%s%s%s: ", table_cell(t, r, PART), at[0] ? " " : "", at);
        table_print_safe(table_cell(t, r, STATE), stdout);
        fputs(mend[0] ? "; " : "", stdout);
        table_print_safe(mend, stdout);
        putchar('\n');
    }
}

/* Without it the services are asked in plain, and say that they want TLS. */
static void open_tls(struct findings *f, const struct tls_conf *c)
{
    char err[CONF_ERR_MAX];

    if (tls_conf_is_set(c) && tls_conf_open(&f->tls, c, err) < 0)
        find(f, "tls", c->cert, err, "");
}

static int doctor(struct ctl *c, int argc, char **argv)
{
    struct findings f = {0};
    unsigned i;
    int code;

    (void)argc;
    (void)argv;
    if (table_create(&f.t, "part at ok# state mend") < 0)
        return ctl_say(CTL_FAILED, "out of memory");
    code = examine_db(&f, c);
    open_tls(&f, c->tls);
    each_address(&f, "dnsd", c->dnsd, examine_service);
    each_address(&f, "reportd", c->reportd, examine_service);
    each_address(&f, "http", c->http, examine_health);
    for (i = 0; i < c->n_agent; i++)
        examine_agent(&f, c, i);
    tls_link_destroy(f.tls);
    if (code == CTL_OK && (f.bad > 0 || f.rc < 0))
        code = CTL_FAILED;
    if (f.rc < 0)
        ctl_say(CTL_FAILED, "out of memory");
    if (c->format != TABLE_TEXT)
        return ctl_print_table(c, f.t) == CTL_OK ? code : CTL_FAILED;
    print_lines(f.t);
    table_destroy(f.t);
    return code;
}

const struct ctl_cmd cmd_doctor[] = {
    {"doctor", "", "", 0, 0, "Check every part of the system, a line for each.", doctor,
     "It checks the schema, the addresses in [larsctl] of the configuration, and the "
     "health of each daemon that has an HTTP port. Every part is checked, whatever "
     "another one has. The exit code is 0 when all are ok, 3 when the database cannot be "
     "reached, else 1."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
