/* fleet_model -- what agents, services and the database exchange in a fleet of any size,
 * in virtual time, and what its routes take in memory.  `fleet_model --help` explains the
 * options; bench/fleet-model makes the page of it.
 *
 * Nothing of the figures is typed here.  Messages are packed by the encoders of
 * production (sim/fleet_sizes), the statements are those that db/batchdb and
 * db/service_db send (this program takes the place of the client library and counts
 * them), and the memory is what the allocator gave to route/route and dns/subs.
 * Prints lines "LABEL <tab> VALUE"; a line with # begins a section. */
#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_state.h"
#include "agent/failover.h"
#include "base/opts.h"
#include "db/batchdb.h"
#include "db/module_meta_db.h"
#include "db/service_db.h"
#include "dns/module_meta_poll.h"
#include "dns/subs.h"
#include "report/agent_states.h"
#include "sim/fleet.h"

static struct settings {
    uint32_t agents, nodes, modules, used, zones, dnsds, reportds, calls, durations;
    uint32_t changes, seconds, lost, seed, refresh_ms, report_ms, poll_ms;
    uint32_t second_s, minute_s, hour_s;
} set;

static struct fleet_config cfg;
static struct fleet_sizes size;
static struct fleet_result res;

static void die(const char *what, int rc)
{
    fprintf(stderr, "fleet_model: %s: %s\n", what, strerror(-rc));
    exit(EXIT_FAILURE);
}

/* --- the place of the client library, which counts what is sent --------------------- */

static struct {
    uint64_t statements, bytes;
    const struct msg_state *state; /* of the transaction; NULL: of batches */
    size_t n;
} sent;

struct myconn {
    char unused;
};

int myconn_create(struct myconn **out, const struct myconn_config *mc, char *error)
{
    (void)mc;
    (void)error;
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void myconn_destroy(struct myconn *m)
{
    free(m);
}

int myconn_ensure(struct myconn *m)
{
    (void)m;
    return 0;
}

int myconn_begin_work(struct myconn *m)
{
    return myconn_ensure(m);
}

enum db_error_kind myconn_failure(const struct myconn *m)
{
    (void)m;
    return DB_ERROR_OTHER;
}

int myconn_query(struct myconn *m, const char *sql, size_t len)
{
    (void)m;
    (void)sql;
    sent.statements++;
    sent.bytes += len;
    return 0;
}

int myconn_try(struct myconn *m, const char *sql, size_t len)
{
    return myconn_query(m, sql, len);
}

/* Answers that the message before has been written: the agents are known, and no batch
 * was seen yet. */
int myconn_select(struct myconn *m, const char *sql, int (*row)(char **at, void *arg),
                  void *arg)
{
    char stream[2 * MSG_STREAM + 1], seq[24] = "0", name[MSG_STATE_NAME];
    char *at[3] = {name, stream, seq}, *one[1] = {seq};
    size_t i, k;

    myconn_query(m, sql, strlen(sql));
    if (!sent.state)
        return row(one, arg);
    for (i = 0; i < sent.n; i++) {
        snprintf(name, sizeof(name), "%s", sent.state[i].name);
        snprintf(seq, sizeof(seq), "%llu", (unsigned long long)sent.state[i].seq - 1);
        for (k = 0; k < MSG_STREAM; k++)
            snprintf(stream + 2 * k, 3, "%02x", sent.state[i].stream[k]);
        row(at, arg);
    }
    return 0;
}

/* The statements of a batch with <rows> rows. */
static void send_batch(size_t rows)
{
    struct msg_batch *b = malloc(sizeof(*b) + MSG_BATCH_ROWS * sizeof(struct msg_count));
    const struct myconn_config none = {0};
    struct batchdb *db;
    int rc = b ? batchdb_create(&db, &none) : -ENOMEM;

    if (rc < 0)
        die("statements of a batch", rc);
    memset(&sent, 0, sizeof(sent));
    fleet_sizes_batch(b, &cfg.shape, rows);
    rc = batchdb_apply(db, b);
    if (rc < 0)
        die("statements of a batch", rc);
    batchdb_close(db);
    free(b);
}

/* The statements of a transaction with <n> messages 38 that say nothing new. */
static void send_states(size_t n)
{
    struct msg_state *s = calloc(SERVICE_DB_AGENTS, sizeof(*s));
    const struct myconn_config none = {0};
    struct service_db *db;
    int rc = s ? service_db_create(&db, &none) : -ENOMEM;
    size_t i;

    if (rc < 0)
        die("statements of messages 38", rc);
    for (i = 0; i < n; i++)
        fleet_sizes_state(&s[i], &cfg.shape, (uint32_t)i, 0);
    memset(&sent, 0, sizeof(sent));
    sent.state = s;
    sent.n = n;
    rc = service_db_put_agents(db, s, n);
    if (rc < 0)
        die("statements of messages 38", rc);
    service_db_close(db);
    free(s);
}

/* --- lines -------------------------------------------------------------------------- */

#define SHORT 24

/* <x> in three digits, the last one rounded, with <unit> of it: 12.3 kB.  Returns
 * <out>. */
static const char *short_of(double x, const char *unit, char out[SHORT])
{
    static const char *const prefix[] = {"", "k", "M", "G", "T"};
    size_t i = 0;

    for (; x >= 999.5 && i < 4; i++)
        x /= 1000;
    snprintf(out, SHORT, "%.3g%s%s%s", x, *unit || i > 0 ? " " : "", prefix[i], unit);
    return out;
}

static void number(const char *label, double x)
{
    char text[SHORT];

    printf("%s\t%s\n", label, short_of(x, "", text));
}

static void pair(const char *label, double messages, double bytes)
{
    char a[SHORT], b[SHORT];

    printf("%s\t%s, %s\n", label, short_of(messages, "", a), short_of(bytes, "B", b));
}

static void flow(const char *label, enum fleet_flow_id id)
{
    pair(label, res.flow[id].per_s, res.flow[id].bytes_per_s);
}

static void print_fleet(void)
{
    puts("# The fleet");
    number("agents", set.agents);
    number("nodes", set.nodes);
    number("modules", set.modules);
    number("nodes of a module", cfg.shape.nodes_each);
    number("modules that an agent uses", set.used);
    number("agents that use a module", res.subscribers);
    number("calls a second of an agent", set.calls);
    number("zones", set.zones);
    number("lars-dnsd", set.dnsds);
    number("lars-reportd", set.reportds);
    number("changes of routes in 100 s", set.changes);
}

static size_t mean_rows(void)
{
    double n = res.flow[FLEET_BATCH].per_s;

    return n > 0 ? (size_t)((res.node_rows + res.duration_rows) / n + 0.5) : 0;
}

static void print_sizes(void)
{
    puts("# Bytes of a message");
    number("1, a question for a route", size.ask);
    number("36, a whole route", size.route);
    number("36, a node replaced", size.delta);
    number("37, module meta", size.meta);
    number("34, a batch of the mean number of rows", size.batch[mean_rows()]);
    number("rows in it", (double)mean_rows());
    number("35, 39, an acknowledgement", size.ack);
    number("38, nothing has changed", size.state);
    number("38, all modules, after connecting", size.state_all);
    number("32, 33, hello", size.hello);
}

static void print_dns(void)
{
    puts("# lars-dnsd: messages a second, bytes a second");
    flow("questions (1)", FLEET_ASK);
    flow("whole routes (36)", FLEET_ROUTE);
    flow("changes (36)", FLEET_DELTA);
    flow("module meta (37)", FLEET_META);
    number("modules a second whose meta changes", res.meta_changes);
    pair("all that they get", res.dns_in.per_s, res.dns_in.bytes_per_s);
    pair("all that they send", res.dns_out.per_s, res.dns_out.bytes_per_s);
    pair("one gets in its busiest second", (double)res.dns_in.most,
         (double)res.dns_in.most_bytes);
    pair("one sends in its busiest second", (double)res.dns_out.most,
         (double)res.dns_out.most_bytes);
    pair("for one agent, both ways", (res.dns_in.per_s + res.dns_out.per_s) / set.agents,
         (res.dns_in.bytes_per_s + res.dns_out.bytes_per_s) / set.agents);
}

static void print_report(void)
{
    puts("# lars-reportd: messages a second, bytes a second");
    flow("batches (34)", FLEET_BATCH);
    flow("what is in force (38)", FLEET_STATE);
    flow("hello (32)", FLEET_REPORT_HELLO);
    pair("all that they get", res.report_in.per_s, res.report_in.bytes_per_s);
    pair("all that they send", res.report_out.per_s, res.report_out.bytes_per_s);
    pair("one gets in its busiest second", (double)res.report_in.most,
         (double)res.report_in.most_bytes);
    pair("for one agent, both ways",
         (res.report_in.per_s + res.report_out.per_s) / set.agents,
         (res.report_in.bytes_per_s + res.report_out.bytes_per_s) / set.agents);
}

static void print_database(void)
{
    double batches = res.flow[FLEET_BATCH].per_s, commits = res.state_commits;
    double states = res.flow[FLEET_STATE].per_s, n = commits > 0 ? states / commits : 0;
    double statements = 0, bytes = 0;

    if (batches > 0) {
        send_batch(mean_rows());
        statements += batches * (double)sent.statements;
        bytes += batches * (double)sent.bytes;
    }
    if (n > 0) {
        send_states(n < 1 ? 1 : (size_t)(n + 0.5));
        statements += commits * (double)sent.statements;
        bytes += commits * (double)sent.bytes;
    }
    puts("# The database, a second");
    number("rows of calls in batches", res.node_rows + res.duration_rows);
    number("of these, of nodes", res.node_rows);
    number("transactions with batches", batches);
    number("transactions with messages 38", commits);
    number("messages 38 in a transaction", n);
    number("statements of both", statements);
    pair("of all lars-reportd: transactions, bytes of SQL", batches + commits, bytes);
    number("looks of all lars-dnsd for a new version", set.dnsds * 1000.0 / set.poll_ms);
}

static void print_tables(void)
{
    double own = (double)set.used * cfg.shape.nodes_each / set.zones, nodes = set.nodes;
    double called = nodes * (1 - exp(-(double)set.agents * set.calls / nodes));
    double minute = nodes * (1 - exp(-60.0 * set.agents * set.calls / nodes));

    puts("# Rows of tables");
    number("Service", (double)set.agents + set.dnsds + set.reportds);
    number("AgentRoute", (double)set.agents * set.used);
    number("RouteData", nodes);
    number("ServerCallStatus, at most", set.agents * own);
    number("CallSecond", called * set.second_s);
    number("CallMinute", minute * (set.minute_s - set.second_s) / 60);
    number("CallHour", nodes * (set.hour_s - set.minute_s) / 3600.0);
}

/* --- memory ------------------------------------------------------------------------- */

static double in_use(void)
{
    struct mallinfo2 m = mallinfo2();

    return (double)m.uordblks + (double)m.hblkhd;
}

static double route_bytes(void)
{
    uint32_t each = cfg.shape.nodes_each, n = set.modules * each, i;
    struct route_row *row = malloc(n * sizeof(*row));
    struct route_table *t;
    double before;
    int rc;

    if (!row)
        die("routes", -ENOMEM);
    for (i = 0; i < n; i++)
        row[i] =
            (struct route_row){1000 + i / each / 100,
                               1 + i / each % 100,
                               {0x0a010000u + i / 100, (uint16_t)(8001 + i % 100), 0, 1}};
    before = in_use();
    rc = route_table_create(&t, row, n, 1);
    if (rc < 0)
        die("routes", rc);
    before = in_use() - before;
    route_table_unref(t);
    free(row);
    return before;
}

/* Of one agent; a subs_client only stores the connection. */
static double subscription_bytes(void)
{
    enum { CLIENTS = 100 };
    struct subs_client *cl[CLIENTS];
    struct subs *s;
    double before = in_use();
    uint32_t i, k;
    int rc = subs_create(&s);

    for (i = 0; i < CLIENTS && rc >= 0; i++) {
        rc = subs_client_create(&cl[i], s, NULL);
        for (k = 0; k < set.used && rc >= 0; k++)
            rc = subs_add(cl[i], 1000, 1 + (i * 7 + k) % set.modules, set.used);
    }
    if (rc < 0)
        die("subscriptions", rc);
    before = in_use() - before;
    for (i = 0; i < CLIENTS; i++)
        subs_client_destroy(cl[i]);
    subs_destroy(s);
    return before / CLIENTS;
}

static void print_memory(void)
{
    double routes = route_bytes(), subs = subscription_bytes();

    puts("# Memory of a lars-dnsd, bytes");
    number("its routes", routes);
    number("for each node", routes / set.nodes);
    number("subscriptions of one agent", subs);
    number("subscriptions of its agents", subs * set.agents / set.dnsds);
}

/* --- the program -------------------------------------------------------------------- */

#define AT(field) offsetof(struct settings, field)
#define KEY(name, from, to, preset, help)                                                \
    {                                                                                    \
        "", #name, CONF_U32, AT(name), from, to, preset, help                            \
    }
static const struct conf_key keys[] = {
    KEY(agents, 1, 100000, "10000", "how many agents"),
    KEY(nodes, 1, 10000000, "1000000", "how many nodes"),
    KEY(modules, 1, 1000000, "10000", "how many modules have them, in equal parts"),
    KEY(used, 1, MSG_STATE_MODULES, "50", "modules that an agent uses"),
    KEY(zones, 1, FLEET_ZONES, "2", "how many zones"),
    KEY(dnsds, 1, FLEET_SERVERS, "4", "how many lars-dnsd"),
    KEY(reportds, 1, FLEET_SERVERS, "4", "how many lars-reportd"),
    KEY(calls, 0, 1000000, "1000", "calls a second of an agent"),
    KEY(durations, 1, 113, "8", "buckets of durations of a module"),
    KEY(changes, 0, 100000, "100", "changes of routes in 100 s"),
    KEY(seconds, 1, FLEET_SECONDS, "60", "how long"),
    KEY(lost, 0, FLEET_SECONDS, "0", "the second in which a lars-dnsd ends; 0: never"),
    KEY(seed, 1, 4000000000u, "1", "the seed"),
    KEY(refresh_ms, 1000, 3600000, "15000", "between two questions for a route"),
    KEY(report_ms, 1000, 3600000, "1000", "between two batches of an agent"),
    KEY(poll_ms, 1, 60000, "5", "between two looks of a lars-dnsd for a version"),
    KEY(second_s, 1, 4000000000u, "600", "for how long counts stay by the second"),
    KEY(minute_s, 1, 4000000000u, "172800", "for how long by the minute"),
    KEY(hour_s, 1, 4000000000u, "34560000", "for how long by the hour"),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

#define FLAG(letter, name)                                                               \
    {                                                                                    \
        letter, #name, "N", "", #name, NULL, NULL, NULL                                  \
    }
static const struct opts_flag flags[] = {
    FLAG('a', agents),    FLAG('n', nodes),      FLAG('m', modules),   FLAG('u', used),
    FLAG('z', zones),     FLAG('d', dnsds),      FLAG('r', reportds),  FLAG('k', calls),
    FLAG('b', durations), FLAG('g', changes),    FLAG('t', seconds),   FLAG('l', lost),
    FLAG('s', seed),      FLAG('f', refresh_ms), FLAG('p', report_ms), FLAG('v', poll_ms),
    FLAG('x', second_s),  FLAG('y', minute_s),   FLAG('w', hour_s),    {0}};

static const struct opts_program program = {
    .name = "fleet_model",
    .summary = "computes what a fleet of agents exchanges with its services",
    .operands = "",
    .about = "Nothing waits and nothing is sent; the same seed gives the same lines, "
             "those of memory excepted, which are those of this machine's allocator.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS};

static void configure(void)
{
    cfg = (struct fleet_config){
        .seed = set.seed,
        .shape = {.modules = set.modules, .used = set.used, .zones = set.zones},
        .agents = set.agents,
        .dnsds = set.dnsds,
        .reportds = set.reportds,
        .calls = set.calls,
        .durations = set.durations,
        .changes = set.changes,
        .seconds = set.seconds,
        .lost_s = set.lost,
        .refresh_ms = set.refresh_ms,
        .report_ms = set.report_ms,
        .beat_ms = AGENT_STATE_BEAT_MS,
        .ask_ms = FAILOVER_PERIOD_MS,
        .meta_ms = MODULE_META_POLL_MS,
        .meta_window_s = MODULE_META_DB_WINDOW_S,
        .gap_ms = AGENT_STATES_GAP_MS,
        .gap_max = SERVICE_DB_AGENTS};
    cfg.shape.nodes_each = set.nodes / set.modules;
    cfg.shape.zone_rps =
        (uint32_t)((uint64_t)set.agents * set.calls / set.modules / set.zones);
}

int main(int argc, char **argv)
{
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    configure();
    rc = fleet_run(&cfg, &res);
    if (rc == 0)
        rc = fleet_sizes_compute(&size, &cfg.shape);
    if (rc < 0) {
        fprintf(stderr,
                "fleet_model: %s: an agent uses at most all modules, a module has a node "
                "at least, and --lost needs two lars-dnsd\n",
                strerror(-rc));
        return 2;
    }
    print_fleet();
    print_sizes();
    print_dns();
    print_report();
    print_database();
    print_tables();
    print_memory();
    return EXIT_SUCCESS;
}
