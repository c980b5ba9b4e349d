/* What the node had before is read before the undo is stored, so a crash at any moment
 * leaves a journal from which the old delay comes back, and giving it twice changes
 * nothing.
 *
 * Invariant: the nodes are those of the undo.  A host of the script is looked up once, so
 * a node that the autoscaler adds meanwhile is neither slowed nor forgotten.
 * Rejected: SIGSTOP and SIGCONT in turn, which delays the answers of health checks too
 * and does not end when the drill is killed. */
#include "drill/slow_node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mono.h"
#include "base/net_addr.h"
#include "db/sqldb.h"
#include "net/daemon_http.h"

/* --- a node ------------------------------------------------------------------------- */

static void tell_failure(const char *at, int rc, const struct daemon_answer *a,
                         char why[FAULTS_WHY])
{
    if (rc == 0 && a->status == 403)
        snprintf(why, FAULTS_WHY,
                 "%.60s: the node takes a delay from its own host only; run the drill "
                 "there, and name the node by an address such as 127.0.0.1:8001 at which "
                 "it listens",
                 at);
    else if (rc == 0 || rc == -EPROTO || rc == -EMSGSIZE)
        snprintf(why, FAULTS_WHY,
                 "%.60s: what answers offers no delay at /load; name a showcase-node, or "
                 "use run with a command of your own",
                 at);
    else
        snprintf(why, FAULTS_WHY,
                 "%.60s does not answer: %s; start the node, or correct the script", at,
                 err_text(rc));
}

/* Ask for the load or change it; <now_ms> gets the delay that is in force then. */
static int ask(const char *at, const char *method, const char *path, unsigned *now_ms,
               char why[FAULTS_WHY])
{
    struct daemon_answer a = {0};
    struct net_addr to;
    unsigned err_pct, inflight;
    char end;
    int rc = net_addr_parse(&to, at);

    if (rc == 0)
        rc = daemon_http_ask(&to, method, path, "", &a);
    if (rc == 0 && a.status == 200 &&
        sscanf(a.body, "delay_ms=%6u err_pct=%3u inflight=%9u%c", now_ms, &err_pct,
               &inflight, &end) == 4 &&
        end == '\n' && *now_ms <= SCRIPT_DELAY_MAX_MS)
        return 0;
    tell_failure(at, rc, &a, why);
    return rc < 0 ? rc : -EPROTO;
}

static int set_delay(const char *at, unsigned delay_ms, char why[FAULTS_WHY])
{
    unsigned now_ms = 0;
    char path[40];
    int rc;

    snprintf(path, sizeof(path), "/load?delay_ms=%u", delay_ms);
    rc = ask(at, "POST", path, &now_ms, why);
    if (rc == 0 && now_ms != delay_ms) {
        snprintf(why, FAULTS_WHY,
                 "%.60s has a delay of %u ms and not of %u; look what else changes it",
                 at, now_ms, delay_ms);
        rc = -EPROTO;
    }
    return rc;
}

/* --- which nodes -------------------------------------------------------------------- */

struct nodes {
    char at[SLOW_NODE_MAX][NET_ADDR_STRLEN];
    unsigned n;
};

static int take_row(char **at, void *arg)
{
    struct nodes *all = arg;

    if (all->n < SLOW_NODE_MAX && at[0] && at[1])
        snprintf(all->at[all->n++], NET_ADDR_STRLEN, "%.40s:%.5s", at[0], at[1]);
    return 0;
}

static bool look_up(struct nodes *all, const char *host, unsigned n,
                    const struct myconn_config *cfg, char why[FAULTS_WHY])
{
    struct sqldb *db = NULL;
    int rc = cfg ? sqldb_open(&db, cfg) : -ENOTCONN;

    if (rc == 0)
        rc = sqldb_each(db, take_row, all,
                        "SELECT h.address, s.port FROM ScaleSlot s JOIN ScaleHost h ON "
                        "h.host = s.host WHERE s.host = %s AND s.state = 'ready' ORDER "
                        "BY s.slot LIMIT %u",
                        host, n);
    if (rc < 0)
        snprintf(why, FAULTS_WHY,
                 "the nodes of the host %.64s cannot be looked up: %s; write slow-node "
                 "ADDRESS:PORT, which needs no database",
                 host, db ? sqldb_error(db) : "no database is configured");
    else if (all->n == 0)
        snprintf(why, FAULTS_WHY,
                 "no node is ready in a slot of the host %.64s; see larsctl host slots "
                 "%.64s",
                 host, host);
    sqldb_close(db);
    return rc == 0 && all->n > 0;
}

static bool find_nodes(struct nodes *all, const struct script_event *e,
                       const struct myconn_config *db, char why[FAULTS_WHY])
{
    char copy[SCRIPT_TEXT], *word[SCRIPT_WORDS + 1];
    unsigned i, n = script_words(e->text, copy, word);

    all->n = 0;
    if (e->is_host)
        return look_up(all, word[1], e->n_nodes ? e->n_nodes : SLOW_NODE_MAX, db, why);
    for (i = 1; i + 1 < n; i++)
        snprintf(all->at[all->n++], NET_ADDR_STRLEN, "%s", word[i]);
    return true;
}

/* --- the event ---------------------------------------------------------------------- */

static bool is_late(uint64_t end_ms, char why[FAULTS_WHY])
{
    if (mono_ms() < end_ms)
        return false;
    snprintf(why, FAULTS_WHY, "the nodes did not all answer within %d s; name fewer",
             SLOW_NODE_MS / 1000);
    return true;
}

json_t *slow_node_prepare(const struct script_event *e, const struct myconn_config *db,
                          char why[FAULTS_WHY])
{
    uint64_t end_ms = mono_ms() + SLOW_NODE_MS;
    json_t *all = json_array();
    struct nodes nodes;
    unsigned i, was_ms = 0;
    bool ok = find_nodes(&nodes, e, db, why);

    for (i = 0; ok && i < nodes.n; i++) {
        ok = !is_late(end_ms, why) && ask(nodes.at[i], "GET", "/load", &was_ms, why) == 0;
        if (ok)
            json_array_append_new(all, json_pack("{ss si}", "slow", nodes.at[i],
                                                 "delay_ms", (int)was_ms));
    }
    if (ok)
        return all;
    json_decref(all);
    return NULL;
}

static const char *address_of(const json_t *action)
{
    const char *at = json_string_value(json_object_get(action, "slow"));

    return at ? at : "";
}

int slow_node_do(const struct script_event *e, const json_t *undo, char why[FAULTS_WHY])
{
    uint64_t end_ms = mono_ms() + SLOW_NODE_MS;
    const json_t *action;
    size_t i;
    int rc = 0;

    json_array_foreach(undo, i, action)
    {
        if (rc == 0)
            rc = is_late(end_ms, why) ? -ETIMEDOUT
                                      : set_delay(address_of(action), e->delay_ms, why);
    }
    return rc;
}

int slow_node_undo(const json_t *action, char why[FAULTS_WHY])
{
    json_int_t was_ms = json_integer_value(json_object_get(action, "delay_ms"));
    int rc = was_ms >= 0 && was_ms <= SCRIPT_DELAY_MAX_MS
                 ? set_delay(address_of(action), (unsigned)was_ms, why)
                 : -EINVAL;

    return rc == -ECONNREFUSED ? 0 : rc;
}
