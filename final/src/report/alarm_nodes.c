/* A node is out when a process that is alive says so, or when none of its calls succeeds.
 * The nodes are sorted by zone; a zone all of whose nodes are out is down, and its nodes
 * have no alarms of their own.
 *
 * A zone from which no agent speaks is lost, or only its agents are: this process
 * connects to its nodes itself and writes those that fail beside what the agents say.  So
 * it does when agents report several nodes of a zone, because they judge only nodes of
 * modules that are called: if none of the other nodes answers, the zone is lost.
 *
 * Rejected: "no agent speaks" alone as the loss of a zone.  A zone whose only agent was
 * restarted would be reported as lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "report/alarm_private.h"
#include "report/node_check.h"

#define CHECK_MS 500
#define OUT_MAX 10000

struct out_node {
    char subject[ALARM_SUBJECT_MAX];  /* ADDRESS:PORT */
    char zone[ALARM_SUBJECT_MAX];
    char detail[ALARM_DETAIL_MAX];
};

struct quiet {                        /* an agent or service that is silent */
    char name[PROCESS_NAME_MAX], zone[ALARM_SUBJECT_MAX];
};

struct out_list {
    struct alarm_rules *r;
    struct out_node *node;
    size_t n;
    struct quiet *quiet;
    size_t n_quiet;
};

static const char *text_of(const char *column)
{
    return column ? column : "";
}

/* --- zones without an agent --------------------------------------------------------- */

struct unwatched {
    struct net_addr at[NODE_CHECK_MAX];
    size_t n;
};

static int on_unwatched(char **at, void *arg)
{
    struct unwatched *u = arg;

    if (u->n < NODE_CHECK_MAX)
        u->at[u->n++] = ipv4_addr((uint32_t)alarm_rules_u64(at[0]),
                                  (uint16_t)alarm_rules_u64(at[1]));
    return 0;
}

static int check_unwatched(struct alarm_rules *r)
{
    struct unwatched u = {.n = 0};
    bool ok[NODE_CHECK_MAX];
    size_t i;
    int rc = alarm_db_each_unwatched(r->db, on_unwatched, &u);

    if (rc < 0 || (u.n == 0 && !r->checked))
        return rc;
    node_check_all(u.at, ok, u.n, CHECK_MS);
    rc = alarm_db_clear_checked(r->db);
    r->checked = u.n > 0;
    for (i = 0; i < u.n && rc == 0; i++)
        if (!ok[i])
            rc = alarm_db_put_checked(r->db, r->name, ipv4_of(&u.at[i]), u.at[i].port);
    return rc;
}

/* --- zones of which several nodes are out ------------------------------------------- */

struct rest {                         /* nodes that no agent reports as out, by zone */
    struct net_addr at[NODE_CHECK_MAX];
    char zone[NODE_CHECK_MAX][ALARM_SUBJECT_MAX];
    size_t n;
};

static int on_rest(char **at, void *arg)
{
    struct rest *u = arg;

    if (u->n == NODE_CHECK_MAX)
        return 0;
    u->at[u->n] = ipv4_addr((uint32_t)alarm_rules_u64(at[0]),
                            (uint16_t)alarm_rules_u64(at[1]));
    snprintf(u->zone[u->n++], ALARM_SUBJECT_MAX, "%s", text_of(at[2]));
    return 0;
}

/* Writes the nodes <i> to <end> - 1, which are those of one zone, if none of them
 * answered. */
static int put_rest(struct alarm_rules *r, const struct rest *u, const bool *ok, size_t i,
                    size_t end)
{
    size_t k;
    int rc = 0;

    for (k = i; k < end; k++)
        if (ok[k])
            return 0;
    r->checked = true;
    for (; i < end && rc == 0; i++)
        rc = alarm_db_put_checked(r->db, r->name, ipv4_of(&u->at[i]), u->at[i].port);
    return rc;
}

/* Agents know the nodes of modules that are called.  One node that answers shows that its
 * zone is not lost, and then the others are judged by calls alone, because a check by TCP
 * shows nothing about a node that serves by UDP. */
static int check_rest(struct alarm_rules *r)
{
    struct rest u = {.n = 0};
    bool ok[NODE_CHECK_MAX];
    size_t i, end;
    int rc = alarm_db_each_rest(r->db, on_rest, &u);

    if (rc < 0 || u.n == 0 || u.n == NODE_CHECK_MAX) /* there may be more nodes */
        return rc;
    node_check_all(u.at, ok, u.n, CHECK_MS);
    for (i = 0; i < u.n && rc == 0; i = end) {
        for (end = i + 1; end < u.n && strcmp(u.zone[end], u.zone[i]) == 0; end++)
            ;
        rc = put_rest(r, &u, ok, i, end);
    }
    return rc;
}

/* --- nodes -------------------------------------------------------------------------- */

static struct out_node *add_node(struct out_list *l, char **at)
{
    struct out_node *more;
    char subject[ALARM_SUBJECT_MAX];
    size_t i;

    snprintf(subject, sizeof(subject), "%s:%s", text_of(at[0]), text_of(at[1]));
    for (i = 0; i < l->n; i++)
        if (strcmp(l->node[i].subject, subject) == 0)
            return NULL;              /* its alarm has a better reason already */
    more = l->n < OUT_MAX ? realloc(l->node, (l->n + 1) * sizeof(*more)) : NULL;
    if (!more)
        return NULL;
    l->node = more;
    more += l->n++;
    snprintf(more->subject, sizeof(more->subject), "%s", subject);
    snprintf(more->zone, sizeof(more->zone), "%s", text_of(at[2]));
    return more;
}

static int on_out(char **at, void *arg)
{
    struct out_node *n = add_node(arg, at);

    if (n)
        snprintf(n->detail, sizeof(n->detail),
                 "of %.100s: no calls from %s host(s): %.300s", text_of(at[3]),
                 text_of(at[4]), text_of(at[5]));
    return 0;
}

static int on_failing(char **at, void *arg)
{
    struct out_node *n = add_node(arg, at);

    if (n)
        snprintf(n->detail, sizeof(n->detail),
                 "of %.300s: none of %s calls in 10 s succeeded", text_of(at[3]),
                 text_of(at[4]));
    return 0;
}

static void judge_nodes(const struct out_list *l)
{
    struct alarm al = {.kind = "node_down"};
    size_t i;

    for (i = 0; i < l->n; i++) {
        if (alarm_nodes_is_zone_down(l->r, l->node[i].zone)) {
            alarms_close(l->r->alarms, al.kind, l->node[i].subject);
            continue;
        }
        snprintf(al.subject, sizeof(al.subject), "%s", l->node[i].subject);
        snprintf(al.detail, sizeof(al.detail), "%s", l->node[i].detail);
        alarms_see(l->r->alarms, &al, ALARM_BAD);
    }
}

/* --- zones -------------------------------------------------------------------------- */

bool alarm_nodes_is_zone_down(const struct alarm_rules *r, const char *zone)
{
    size_t i;

    for (i = 0; i < r->n_zone; i++)
        if (strcmp(r->zone[i], zone) == 0)
            return true;
    return alarms_is_raised(r->alarms, "zone_down", zone);
}

static int on_quiet(char **at, void *arg)
{
    struct out_list *l = arg;
    struct quiet *more = realloc(l->quiet, (l->n_quiet + 1) * sizeof(*more));

    if (!more)
        return -ENOMEM;
    l->quiet = more;
    more += l->n_quiet++;
    snprintf(more->name, sizeof(more->name), "%s", text_of(at[0]));
    snprintf(more->zone, sizeof(more->zone), "%s", text_of(at[1]));
    return 0;
}

/* Appends a word to the text of <al>, unless that is full. */
static void add_word(struct alarm *al, const char *word)
{
    size_t len = strlen(al->detail);

    if (len + 1 + strlen(word) < sizeof(al->detail))
        snprintf(al->detail + len, sizeof(al->detail) - len, " %s", word);
}

/* The nodes of the zone that are out, which are counted, then its silent processes. */
static size_t fill_zone(struct alarm *al, const struct out_list *l, size_t total)
{
    size_t n = 0, n_quiet = 0, i;

    snprintf(al->detail, sizeof(al->detail), "%zu nodes:", total);
    for (i = 0; i < l->n; i++)
        if (strcmp(l->node[i].zone, al->subject) == 0) {
            n++;
            if (strlen(al->detail) < sizeof(al->detail) / 2)
                add_word(al, l->node[i].subject);
        }
    for (i = 0; i < l->n_quiet; i++)
        if (strcmp(l->quiet[i].zone, al->subject) == 0) {
            if (n_quiet++ == 0)
                add_word(al, "silent:");
            add_word(al, l->quiet[i].name);
        }
    return n;
}

/* A zone of one node has no alarm of its own: its node has one.  Processes are known to
 * be silent later than its nodes are, so the text of an open alarm is written again. */
static int on_zone(char **at, void *arg)
{
    struct out_list *l = arg;
    struct alarm_rules *r = l->r;
    struct alarm al = {.kind = "zone_down"};
    size_t total = alarm_rules_u64(at[1]);

    snprintf(al.subject, sizeof(al.subject), "%s", text_of(at[0]));
    if (fill_zone(&al, l, total) < total || total < 2 || r->n_zone == ALARM_ZONES_MAX)
        return 0;
    memcpy(r->zone[r->n_zone++], al.subject, sizeof(al.subject));
    alarms_see(r->alarms, &al, ALARM_BAD);
    return alarms_is_raised(r->alarms, al.kind, al.subject)
               ? alarm_db_set_detail(r->db, al.kind, al.subject, al.detail)
               : 0;
}

/* --- modules ------------------------------------------------------------------------ */

static int on_unreached(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct alarm al = {.kind = "module_no_node"};

    snprintf(al.subject, sizeof(al.subject), "%s/%s", at[0], at[1]);
    snprintf(al.detail, sizeof(al.detail), "host %s reaches none of its %s nodes",
             text_of(at[3]), text_of(at[2]));
    alarms_see(r->alarms, &al, ALARM_BAD);
    return 0;
}

static int on_drained_module(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct alarm al = {.kind = "module_no_node",
                       .detail = "all of its nodes are drained"};

    snprintf(al.subject, sizeof(al.subject), "%s/%s", at[0], at[1]);
    alarms_see(r->alarms, &al, ALARM_BAD);
    return 0;
}

int alarm_nodes_judge(struct alarm_rules *r)
{
    struct out_list l = {.r = r};
    int rc = check_unwatched(r);

    r->n_zone = 0;
    if (rc == 0)
        rc = check_rest(r);
    if (rc == 0)
        rc = alarm_db_each_out(r->db, on_out, &l);
    if (rc == 0)
        rc = alarm_db_each_failing(r->db, on_failing, &l);
    if (rc == 0 && l.n > 0)
        rc = alarm_db_each_quiet(r->db, on_quiet, &l);
    if (rc == 0 && l.n > 0)
        rc = alarm_db_each_zone(r->db, on_zone, &l);
    if (rc == 0 && l.n > 0)
        rc = alarm_db_each_unreached(r->db, on_unreached, r);
    if (rc == 0)
        rc = alarm_db_each_drained(r->db, on_drained_module, r);
    if (rc == 0)
        judge_nodes(&l);
    free(l.node);
    free(l.quiet);
    return rc;
}
