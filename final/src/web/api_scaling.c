/* What the autoscaler wants, what runs, and why, from the tables that the autoscaler
 * and the Report Service write: the console asks no program, so the page also shows the
 * last state of what has ended.
 *
 * A decision is recorded when it changes and once a minute.  A point of a chart has the
 * last decision before its end, unless that is older than HOLD_S: then there was no
 * autoscaler, and the line has a gap.
 *
 * Every list is bounded; "left_out" shows that one of them was longer.
 *
 * Rejected: a part of the reader's snapshot.  The snapshot is read once a second also
 * while no viewer looks at this page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/api.h"
#include "web/api_json.h"
#include "web/api_row.h"
#include "web/api_spans.h"

#define MODULES_MAX 200
#define HOSTS_MAX 200
#define ROWS_MAX 2000 /* of slots, zones, plans, capacities */
#define DECISIONS_MAX 50
#define HOLD_S 120

/* --- lists -------------------------------------------------------------------------- */

struct scaling {
    struct sqldb *db;
    const struct snap *snap;
    json_t *modules, *hosts; /* lists */
    json_t *by_name; /* "module 1/1" and "host h1": the same objects */
    bool is_left_out;
    const struct api_row_column *column; /* of the rows that are read now: */
    const char *of, *list;
    size_t n;
};

static const struct api_row_column policy_column[] = {
    {"actuator", API_ROW_TEXT}, {"min", API_ROW_NUMBER},  {"max", API_ROW_NUMBER},
    {"warm", API_ROW_NUMBER},   {"util", API_ROW_NUMBER}, {"floor", API_ROW_NUMBER},
    {"dry_run", API_ROW_YES},   {"who", API_ROW_TEXT},    {"changed", API_ROW_NUMBER},
    {NULL, API_ROW_TEXT}};

static const struct api_row_column decision_column[] = {
    {"at", API_ROW_NUMBER},     {"demand", API_ROW_RATE},   {"refused", API_ROW_RATE},
    {"inflight", API_ROW_RATE}, {"load", API_ROW_RATE},     {"zones", API_ROW_NUMBER},
    {"up", API_ROW_NUMBER},     {"need", API_ROW_NUMBER},   {"plan", API_ROW_NUMBER},
    {"was", API_ROW_NUMBER},    {"wanted", API_ROW_NUMBER}, {"rule", API_ROW_TEXT},
    {"note", API_ROW_TEXT},     {NULL, API_ROW_TEXT}};

#define DECISION                                                                         \
    "CAST(1000 * UNIX_TIMESTAMP(d.at) AS UNSIGNED), d.demand, d.refused, d.inflight, "   \
    "d.load_nodes, d.zones, d.up, d.need, d.plan, d.was, d.wanted, d.rule, d.note"

static void keep(struct scaling *s, const char *kind, const char *name, json_t *list,
                 json_t *object)
{
    char key[300];

    snprintf(key, sizeof(key), "%s %s", kind, name);
    json_object_set(s->by_name, key, object);
    json_array_append_new(list, object);
}

static int take_module(char **at, void *arg)
{
    struct scaling *s = arg;
    uint32_t modid = (uint32_t)strtoul(at[0], NULL, 10);
    uint32_t cmdid = (uint32_t)strtoul(at[1], NULL, 10);
    char name[32];
    json_t *policy, *decision;

    if (json_array_size(s->modules) == MODULES_MAX) {
        s->is_left_out = true;
        return 0;
    }
    snprintf(name, sizeof(name), "%u/%u", modid, cmdid);
    at += 2;
    policy = api_row_object(policy_column, &at);
    decision = *at ? api_row_object(decision_column, &at) : json_null();
    keep(s, "module", name, s->modules,
         json_pack("{s:s,s:s,s:s,s:o,s:o,s:[],s:[],s:[]}", "module", name, "name",
                   s->snap ? snap_mod_name(s->snap, modid) : "", "command",
                   s->snap ? snap_cmd_name(s->snap, cmdid) : "", "policy", policy,
                   "decision", decision, "zones", "plans", "capacity"));
    return 0;
}

/* The index by_module has the newest decision at its end; MAX(id) would read all. */
static int read_modules(struct scaling *s)
{
    return sqldb_each(
        s->db, take_module, s,
        "SELECT p.modid, p.cmdid, p.actuator, p.min_zone, p.max_zone, p.warm, "
        "p.util_pct, p.floor_pct, p.dry_run, p.who, CAST(UNIX_TIMESTAMP(p.changed_at) AS "
        "UNSIGNED), " DECISION " FROM ScalePolicy p LEFT JOIN ScaleDecision d ON d.id = "
        "(SELECT x.id FROM ScaleDecision x WHERE x.modid = p.modid AND x.cmdid = p.cmdid "
        "ORDER BY x.at DESC, x.id DESC LIMIT 1) ORDER BY p.modid, p.cmdid LIMIT %u",
        MODULES_MAX + 1);
}

static const struct api_row_column host_column[] = {
    {"host", API_ROW_TEXT},     {"zone", API_ROW_TEXT},    {"address", API_ROW_TEXT},
    {"class", API_ROW_TEXT},    {"slots", API_ROW_NUMBER}, {"in_use", API_ROW_YES},
    {"age_ms", API_ROW_NUMBER}, {NULL, API_ROW_TEXT}};

static int take_host(char **at, void *arg)
{
    struct scaling *s = arg;
    const char *name = at[0];
    json_t *host;

    if (json_array_size(s->hosts) == HOSTS_MAX) {
        s->is_left_out = true;
        return 0;
    }
    host = api_row_object(host_column, &at);
    json_object_set_new(host, "items", json_array());
    keep(s, "host", name, s->hosts, host);
    return 0;
}

static int read_hosts(struct scaling *s)
{
    return sqldb_each(s->db, take_host, s,
                      "SELECT host, zone, address, class, slots, in_use, GREATEST("
                      "TIMESTAMPDIFF(MICROSECOND, seen_at, NOW(3)) DIV 1000, 0) FROM "
                      "ScaleHost ORDER BY zone, host LIMIT %u",
                      HOSTS_MAX + 1);
}

/* A row of a module or a host, whose name is its first column. */
static int take_part(char **at, void *arg)
{
    struct scaling *s = arg;
    char key[300];
    json_t *to;

    if (++s->n > ROWS_MAX) {
        s->is_left_out = true;
        return 0;
    }
    snprintf(key, sizeof(key), "%s %s", s->of, at[0]);
    at++;
    to = json_object_get(json_object_get(s->by_name, key), s->list);
    if (to)
        json_array_append_new(to, api_row_object(s->column, &at));
    return 0;
}

/* The rows of <sql>, which has the place of its limit, go to the list <list> of objects
 * of the kind <of>. */
#define READ_PARTS(s, of_, list_, column_, sql)                                          \
    ((s)->of = (of_), (s)->list = (list_), (s)->column = (column_), (s)->n = 0,          \
     sqldb_each((s)->db, take_part, s, sql " LIMIT %u", ROWS_MAX + 1))

static const struct api_row_column zone_column[] = {
    {"zone", API_ROW_TEXT},    {"ordered", API_ROW_NUMBER}, {"starting", API_ROW_NUMBER},
    {"ready", API_ROW_NUMBER}, {"failed", API_ROW_NUMBER},  {"stopping", API_ROW_NUMBER},
    {"up", API_ROW_NUMBER},    {NULL, API_ROW_TEXT}};

static const struct api_row_column plan_column[] = {
    {"id", API_ROW_NUMBER},    {"zone", API_ROW_TEXT},    {"from", API_ROW_NUMBER},
    {"until", API_ROW_NUMBER}, {"nodes", API_ROW_NUMBER}, {"in_force", API_ROW_YES},
    {"note", API_ROW_TEXT},    {"who", API_ROW_TEXT},     {NULL, API_ROW_TEXT}};

static const struct api_row_column capacity_column[] = {
    {"class", API_ROW_TEXT},    {"rps", API_ROW_RATE},         {"inflight", API_ROW_RATE},
    {"p99_us", API_ROW_NUMBER}, {"target_us", API_ROW_NUMBER}, {"factor", API_ROW_RATE},
    {"build", API_ROW_TEXT},    {"at", API_ROW_NUMBER},        {"who", API_ROW_TEXT},
    {NULL, API_ROW_TEXT}};

/* A node that larsctl capacity measure loads is none of those that serve.  What slots of
 * a host run is not known when it was not seen for 60 s, as for the
 * autoscaler. */
static int read_parts_of_modules(struct scaling *s)
{
    int rc = READ_PARTS(
        s, "module", "zones", zone_column,
        "SELECT CONCAT(x.modid, '/', x.cmdid), MIN(zone), SUM(ordered), SUM(state = "
        "'starting'), SUM(state = 'ready'), SUM(state IN ('failed', 'sick')), SUM(state "
        "= 'stopping'), SUM(state = 'up') FROM (SELECT w.modid, w.cmdid, h.zone, 1 AS "
        "ordered, '' AS state FROM ScaleWanted w JOIN ScaleHost h ON h.host = w.host "
        "WHERE NOT EXISTS (SELECT 1 FROM ScaleMeasure m WHERE m.state = 'given' AND "
        "m.host = w.host AND m.slot = w.slot) UNION ALL SELECT s.modid, s.cmdid, "
        "h.zone, 0, s.state FROM ScaleSlot s JOIN ScaleHost h ON h.host = s.host AND "
        "h.seen_at > NOW(3) - INTERVAL 60 SECOND WHERE NOT EXISTS (SELECT 1 FROM "
        "ScaleMeasure m WHERE m.state = 'given' AND m.host = s.host AND m.slot = "
        "s.slot) UNION ALL SELECT r.modid, r.cmdid, r.zone, 0, r.state FROM ScalePolicy "
        "o JOIN RouteData r ON r.modid = o.modid AND r.cmdid = o.cmdid) x JOIN "
        "ScalePolicy p ON p.modid = x.modid AND p.cmdid = x.cmdid GROUP BY x.modid, "
        "x.cmdid, BINARY zone ORDER BY x.modid, x.cmdid, MIN(zone)");

    if (rc == 0)
        rc = READ_PARTS(s, "module", "plans", plan_column,
                        "SELECT CONCAT(modid, '/', cmdid), id, zone, "
                        "UNIX_TIMESTAMP(from_at), UNIX_TIMESTAMP(until_at), n_zone, "
                        "from_at <= NOW(), note, who FROM ScalePlan WHERE until_at > "
                        "NOW() ORDER BY from_at, id");
    if (rc == 0)
        rc = READ_PARTS(s, "module", "capacity", capacity_column,
                        "SELECT CONCAT(c.modid, '/', c.cmdid), class, rps, inflight, "
                        "p99_us, target_us, factor, build, CAST(UNIX_TIMESTAMP(at) AS "
                        "UNSIGNED), c.who FROM Capacity c JOIN ScalePolicy p ON p.modid "
                        "= c.modid AND p.cmdid = c.cmdid ORDER BY c.modid, c.cmdid, "
                        "class");
    return rc;
}

static const struct api_row_column slot_column[] = {
    {"slot", API_ROW_NUMBER},   {"ordered", API_ROW_TEXT}, {"runs", API_ROW_TEXT},
    {"port", API_ROW_NUMBER},   {"pid", API_ROW_NUMBER},   {"state", API_ROW_TEXT},
    {"starts", API_ROW_NUMBER}, {"since", API_ROW_NUMBER}, {"note", API_ROW_TEXT},
    {"measured", API_ROW_YES},  {NULL, API_ROW_TEXT}};

static int read_slots(struct scaling *s)
{
    return READ_PARTS(
        s, "host", "items", slot_column,
        "SELECT o.host, o.slot, CONCAT(w.modid, '/', w.cmdid), CONCAT(s.modid, '/', "
        "s.cmdid), s.port, s.pid, s.state, s.starts, CAST(1000 * "
        "UNIX_TIMESTAMP(s.since) AS UNSIGNED), s.note, EXISTS (SELECT 1 FROM "
        "ScaleMeasure m WHERE m.state = 'given' AND m.host = o.host AND m.slot = "
        "o.slot) FROM (SELECT host, slot FROM ScaleWanted UNION SELECT host, slot FROM "
        "ScaleSlot) o LEFT JOIN ScaleWanted w ON w.host = o.host AND w.slot = o.slot "
        "LEFT JOIN ScaleSlot s ON s.host = o.host AND s.slot = o.slot ORDER BY o.host, "
        "o.slot");
}

/* --- the whole ---------------------------------------------------------------------- */

static const struct api_row_column freeze_column[] = {{"reason", API_ROW_TEXT},
                                                      {"until", API_ROW_NUMBER},
                                                      {"who", API_ROW_TEXT},
                                                      {NULL, API_ROW_TEXT}};
static const struct api_row_column leader_column[] = {{"works", API_ROW_YES},
                                                      {"fence", API_ROW_NUMBER},
                                                      {"until", API_ROW_NUMBER},
                                                      {NULL, API_ROW_TEXT}};

struct single {
    const struct api_row_column *column;
    json_t *object;
};

static int take_single(char **at, void *arg)
{
    struct single *o = arg;

    json_decref(o->object);
    o->object = api_row_object(o->column, &at);
    return 0;
}

static int read_state(struct scaling *s, json_t *answer)
{
    struct single freeze = {freeze_column, json_null()};
    struct single leader = {leader_column, json_null()};
    uint64_t now_ms = 0;
    int rc = sqldb_each(s->db, take_single, &freeze,
                        "SELECT reason, UNIX_TIMESTAMP(until_at), who FROM Freeze WHERE "
                        "name = 'scale' AND until_at > NOW()");

    if (rc == 0)
        rc = sqldb_each(s->db, take_single, &leader,
                        "SELECT until_at > NOW(3), fence, CAST(1000 * "
                        "UNIX_TIMESTAMP(until_at) AS UNSIGNED) FROM Lease WHERE name = "
                        "'scale'");
    if (rc == 0)
        rc = sqldb_number(s->db, &now_ms,
                          "SELECT CAST(1000 * UNIX_TIMESTAMP(NOW(3)) AS UNSIGNED)");
    json_object_set_new(answer, "at", json_integer((json_int_t)now_ms));
    json_object_set_new(answer, "freeze", freeze.object);
    json_object_set_new(answer, "leader", leader.object);
    return rc;
}

void api_scaling_get(struct request *q, const struct request_env *env)
{
    struct scaling s = {.db = env->db, .snap = env->snap};
    json_t *answer = json_object();
    int rc;

    s.modules = json_array();
    s.hosts = json_array();
    s.by_name = json_object();
    rc = read_state(&s, answer);
    if (rc == 0)
        rc = read_modules(&s);
    if (rc == 0)
        rc = read_hosts(&s);
    if (rc == 0)
        rc = read_parts_of_modules(&s);
    if (rc == 0)
        rc = read_slots(&s);
    json_object_set_new(answer, "modules", s.modules);
    json_object_set_new(answer, "hosts", s.hosts);
    json_object_set_new(answer, "left_out", json_boolean(s.is_left_out));
    json_decref(s.by_name);
    if (rc == 0) {
        reply_json(&q->reply, 200, answer);
        return;
    }
    json_decref(answer);
    request_db_failed(q, rc, env->db);
}

/* --- one module over time ----------------------------------------------------------- */

/* Columns of a decision as lists; what is wanted and needed is in each zone there. */
static const struct line {
    const char *name, *column;
    const char *times; /* NULL, or the member that multiplies it */
} lines[] = {{"demand", "demand", NULL}, {"refused", "refused", NULL},
             {"load", "load", NULL},     {"up", "up", NULL},
             {"need", "need", "zones"},  {"wanted", "wanted", "zones"}};
#define N_LINES (sizeof(lines) / sizeof(lines[0]))

struct history {
    struct spans spans;
    json_t *answer, *decisions;
};

static json_t *value_of(const json_t *decision, const struct line *l)
{
    double v = json_number_value(json_object_get(decision, l->column));

    if (l->times)
        v *= json_number_value(json_object_get(decision, l->times));
    return api_json_rate(v);
}

/* The decision holds for the spans that end after it, until the next one or HOLD_S. */
static int take_point(char **at, void *arg)
{
    struct history *h = arg;
    json_t *d = api_row_object(decision_column, &at);
    uint64_t at_s = (uint64_t)json_integer_value(json_object_get(d, "at")) / 1000;
    const struct spans *s = &h->spans;
    size_t k, i = at_s > s->from ? (size_t)((at_s - s->from) / s->step) : 0;

    for (; i < spans_n(s) && s->from + i * s->step <= at_s + HOLD_S; i++)
        for (k = 0; k < N_LINES; k++)
            json_array_set_new(json_object_get(h->answer, lines[k].name), i,
                               value_of(d, &lines[k]));
    json_decref(d);
    return 0;
}

static void add_lines(struct history *h)
{
    size_t k, i;

    for (k = 0; k < N_LINES; k++) {
        json_t *list = json_array();

        for (i = 0; i < spans_n(&h->spans); i++)
            json_array_append_new(list, json_null());
        json_object_set_new(h->answer, lines[k].name, list);
    }
}

/* One decision for each span, its last. */
static int read_points(struct request *q, struct sqldb *db, struct history *h)
{
    uint64_t from = h->spans.from > HOLD_S ? h->spans.from - HOLD_S : 0;

    return sqldb_each(db, take_point, h,
                      "SELECT " DECISION " FROM ScaleDecision d JOIN (SELECT MAX(id) AS "
                      "id FROM ScaleDecision WHERE modid = %u AND cmdid = %u AND at >= "
                      "FROM_UNIXTIME(%llu) AND at < FROM_UNIXTIME(%llu) GROUP BY "
                      "UNIX_TIMESTAMP(at) DIV %u) m ON m.id = d.id ORDER BY d.at, d.id",
                      q->m, q->c, (unsigned long long)from,
                      (unsigned long long)h->spans.to, h->spans.step);
}

static int take_decision(char **at, void *arg)
{
    json_array_append_new(arg, api_row_object(decision_column, &at));
    return 0;
}

/* The newest first; rounds that kept what was wanted only stand in the chart. */
static int read_decisions(struct request *q, struct sqldb *db, struct history *h)
{
    h->decisions = json_array();
    json_object_set_new(h->answer, "decisions", h->decisions);
    return sqldb_each(db, take_decision, h->decisions,
                      "SELECT " DECISION " FROM ScaleDecision d WHERE modid = %u AND "
                      "cmdid = %u AND at >= FROM_UNIXTIME(%llu) AND was <> wanted ORDER "
                      "BY at DESC, id DESC LIMIT %u",
                      q->m, q->c, (unsigned long long)h->spans.from, DECISIONS_MAX);
}

void api_scaling_history(struct request *q, const struct request_env *env)
{
    struct history h = {.answer = NULL};
    uint64_t n;
    int rc = sqldb_number(env->db, &n,
                          "SELECT COUNT(*) FROM ScalePolicy WHERE modid = %u AND cmdid = "
                          "%u",
                          q->m, q->c);

    if (rc < 0) {
        request_db_failed(q, rc, env->db);
        return;
    }
    if (n == 0) {
        reply_problem(&q->reply, 404, "not_found", NULL, NULL);
        return;
    }
    if (!api_spans_take(q, env->db, 1, &h.spans))
        return;
    h.answer = api_spans_json(&h.spans);
    add_lines(&h);
    rc = read_points(q, env->db, &h);
    if (rc == 0)
        rc = read_decisions(q, env->db, &h);
    if (rc == 0) {
        reply_json(&q->reply, 200, h.answer);
        return;
    }
    json_decref(h.answer);
    request_db_failed(q, rc, env->db);
}
