/* What happened, over time: calls of a module, a node or a zone, how long the calls of a
 * module took, and the changes and alarms of that time.
 *
 * A row of calls may cover more time than a point: a minute's row in a chart by the
 * second.  The newest of these covers only a part of its minute while the rest of the
 * minute still stands by the second, and is distributed over that part.
 *
 * A zone has the calls of the nodes that are in it now: rows of calls have no zone.
 *
 * Rejected: points without a row left out.  Each reader of the answer would have to know
 * that a second without a row had no calls. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/latency.h"
#include "web/api.h"
#include "web/api_json.h"
#include "web/api_spans.h"
#include "web/marks.h"

/* --- calls ------------------------------------------------------------------------- */

struct calls {
    struct spans spans;
    uint64_t first_s[2];              /* of CallSecond and of CallMinute; 0 = none */
    double *well, *failed;            /* of each span */
};

static int take_call(char **at, void *arg)
{
    struct calls *c = arg;
    uint64_t span = at[0] ? strtoull(at[0], NULL, 10) : 1;
    uint64_t from = at[1] ? strtoull(at[1], NULL, 10) : 0, to, part;

    to = from + (span > c->spans.step ? span : c->spans.step);
    part = span == 1 ? 0 : c->first_s[span == 3600];
    if (span > c->spans.step && part > from && part < to)
        to = part;
    spans_add(&c->spans, c->well, from, to, at[2] ? strtod(at[2], NULL) : 0);
    spans_add(&c->spans, c->failed, from, to, at[3] ? strtod(at[3], NULL) : 0);
    return 0;
}

static int read_calls(struct sqldb *db, struct calls *c, const struct marks_of *of)
{
    uint64_t from = c->spans.from > 3599 ? c->spans.from - 3599 : 0;
    struct buf sql = {0};
    int rc = sqldb_number(db, &c->first_s[0], "SELECT MIN(at) FROM CallSecond");

    if (rc == 0)
        rc = sqldb_number(db, &c->first_s[1], "SELECT MIN(at) FROM CallMinute");
    if (rc == 0)
        rc = sqldb_append(&sql,
                          "SELECT span, at DIV GREATEST(span, %u) * GREATEST(span, %u) "
                          "AS begins, SUM(succ), SUM(err) FROM CallHistory WHERE at >= "
                          "%llu AND at < %llu AND at + span > %llu AND ",
                          c->spans.step, c->spans.step, (unsigned long long)from,
                          (unsigned long long)c->spans.to,
                          (unsigned long long)c->spans.from);
    if (rc == 0 && of->zone)
        rc = sqldb_append(&sql,
                          "(modid, cmdid, ip, port) IN (SELECT modid, cmdid, serverip, "
                          "serverport FROM RouteData WHERE BINARY zone = %s)",
                          of->zone);
    else if (rc == 0)
        rc = sqldb_append(&sql, "modid = %u AND cmdid = %u", of->modid, of->cmdid);
    if (rc == 0 && of->port)
        rc = sqldb_append(&sql, " AND ip = %u AND port = %u", of->ip, of->port);
    if (rc == 0)
        rc = sqldb_append(&sql, " GROUP BY span, begins");
    if (rc == 0)
        rc = sqldb_each_text(db, take_call, c, &sql);
    buf_free(&sql);
    return rc;
}

static json_t *calls_json(const struct calls *c)
{
    json_t *j = api_spans_json(&c->spans), *calls = json_array(), *failed = json_array();
    size_t i;

    for (i = 0; i < spans_n(&c->spans); i++) {
        json_array_append_new(calls,
                              api_json_rate((c->well[i] + c->failed[i]) / c->spans.step));
        json_array_append_new(failed, api_json_rate(c->failed[i] / c->spans.step));
    }
    json_object_set_new(j, "calls", calls);
    json_object_set_new(j, "failed", failed);
    return j;
}

static void answer_calls(struct request *q, const struct request_env *env,
                         const struct marks_of *of)
{
    struct calls c = {.well = NULL};
    json_t *j;
    size_t n;
    int rc;

    if (!api_spans_take(q, env->db, 1, &c.spans))
        return;
    n = spans_n(&c.spans);
    c.well = calloc(2 * n + 1, sizeof(*c.well));
    c.failed = c.well ? c.well + n : NULL;
    rc = c.well ? read_calls(env->db, &c, of) : -ENOMEM;
    if (rc == 0) {
        j = calls_json(&c);
        rc = marks_read(env->db, of, c.spans.from, c.spans.to, j);
        if (rc == 0)
            reply_json(&q->reply, 200, j);
        else
            json_decref(j);
    }
    if (rc < 0)
        request_db_failed(q, rc, env->db);
    free(c.well);
}

/* "10.0.0.1:80", without anything before or after it. */
static bool read_address(const char *text, uint32_t *ip, uint32_t *port)
{
    const char *colon = strchr(text, ':');
    char host[INET_ADDRSTRLEN], again[32];
    struct in_addr a;
    unsigned long v;

    if (!colon || (size_t)(colon - text) >= sizeof(host))
        return false;
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    if (inet_pton(AF_INET, host, &a) != 1)
        return false;
    v = strtoul(colon + 1, NULL, 10);
    snprintf(again, sizeof(again), "%s:%lu", host, v);
    *ip = ntohl(a.s_addr);
    *port = (uint32_t)v;
    return v >= 1 && v <= 65535 && strcmp(again, text) == 0;
}

void api_history_module(struct request *q, const struct request_env *env)
{
    struct marks_of of = {.modid = q->m, .cmdid = q->c};
    const char *node = request_query(q, "node", NULL);

    if (node && !read_address(node, &of.ip, &of.port))
        reply_problem(&q->reply, 422, "wrong_value", "node", "it is not ADDRESS:PORT");
    else
        answer_calls(q, env, &of);
}

void api_history_zone(struct request *q, const struct request_env *env)
{
    struct marks_of of = {.zone = q->name};

    answer_calls(q, env, &of);
}

/* --- how long calls took ----------------------------------------------------------- */

struct quantiles {
    struct spans spans;
    uint64_t at;                      /* the span whose buckets come now */
    uint64_t n[LATENCY_BUCKETS + 1];
    json_t *j;                        /* the answer with its lists */
};

static const struct {
    const char *name;
    double share;
} quantile[] = {{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}};

/* The span is complete: its quantiles take the place of the null that it had. */
static void end_span(struct quantiles *h)
{
    size_t i, k = (size_t)((h->at - h->spans.from) / h->spans.step);

    for (i = 0; i < 3; i++) {
        double us = (double)latency_quantile_us(h->n, quantile[i].share);

        if (us > 0)
            json_array_set_new(json_object_get(h->j, quantile[i].name), k,
                               api_json_rate(us / 1000));
    }
    memset(h->n, 0, sizeof(h->n));
}

static int take_bucket(char **at, void *arg)
{
    struct quantiles *h = arg;
    uint64_t begins = at[0] ? strtoull(at[0], NULL, 10) : 0;
    unsigned long b = at[1] ? strtoul(at[1], NULL, 10) : 0;

    if (begins != h->at)
        end_span(h);
    h->at = begins;
    if (b >= 1 && b <= LATENCY_BUCKETS)
        h->n[b] += at[2] ? strtoull(at[2], NULL, 10) : 0;
    return 0;
}

static void add_lists(struct quantiles *h)
{
    size_t i, k;

    for (i = 0; i < 3; i++) {
        json_t *list = json_array();

        for (k = 0; k < spans_n(&h->spans); k++)
            json_array_append_new(list, json_null());
        json_object_set_new(h->j, quantile[i].name, list);
    }
}

void api_history_latency(struct request *q, const struct request_env *env)
{
    struct quantiles h = {.at = 0};
    int rc;

    if (!api_spans_take(q, env->db, 60, &h.spans))
        return;
    h.at = h.spans.from;
    h.j = api_spans_json(&h.spans);
    add_lists(&h);
    rc = sqldb_each(env->db, take_bucket, &h,
                    "SELECT at DIV %u * %u AS begins, bucket, SUM(n) FROM CallLatency "
                    "WHERE modid = %u AND cmdid = %u AND at >= %llu AND at < %llu GROUP "
                    "BY begins, bucket ORDER BY begins",
                    h.spans.step, h.spans.step, q->m, q->c,
                    (unsigned long long)h.spans.from, (unsigned long long)h.spans.to);
    if (rc == 0) {
        end_span(&h);
        reply_json(&q->reply, 200, h.j);
        return;
    }
    json_decref(h.j);
    request_db_failed(q, rc, env->db);
}
