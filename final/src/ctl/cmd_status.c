/* What the agents report, as tables: sums of calls, history, latencies; and two
 * commands that go through an agent as business code does.
 *
 * The tables hold running totals, so a rate is the difference of two reads: top reads
 * each second and compares with the read before.  History chooses its step by the span
 * that is asked for (1 s, 1 min, 1 h), because older counts exist in coarser steps only.
 */
#include "ctl/cmd_status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/latency.h"
#include "base/mono.h"

#define TOP_MS 1000
#define SPAN_MAX_S (3650u * 86400) /* of history and latency: ten years */
#define NODES_MAX 4000 /* that an agent has of a module */

/* Sums of one module's node over all callers. */
#define NODE_SUMS                                                                        \
    "COALESCE(SUM(s.succ_cnt), 0), COALESCE(SUM(s.err_cnt), 0), "                        \
    "COALESCE(ROUND(100 * SUM(s.err_cnt) / NULLIF(SUM(s.succ_cnt + s.err_cnt), 0), 2), " \
    "0), COALESCE(SUM(s.overload), 0)"

static int show_status(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid;
    int rc;

    if (argc == 0)
        return ctl_print(c,
                         "modid# cmdid# callers# ok# failed# failed_percent# overloads#",
                         "SELECT s.modid, s.cmdid, COUNT(DISTINCT s.caller), " NODE_SUMS
                         " FROM ServerCallStatus s GROUP BY s.modid, s.cmdid ORDER BY "
                         "s.modid, s.cmdid");
    if (argc == 1)
        return ctl_say(CTL_USAGE, "a module has two numbers; give MODID and CMDID");
    rc = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_CALLS, &modid, &cmdid);
    if (rc != 0)
        return rc;
    return ctl_print(c, "node callers# ok# failed# failed_percent# overloads# seen",
                     "SELECT CONCAT(INET_NTOA(s.ip), ':', s.port), "
                     "COUNT(DISTINCT s.caller), " NODE_SUMS
                     ", FROM_UNIXTIME(MAX(s.ts)) FROM ServerCallStatus s WHERE s.modid = "
                     "%u AND s.cmdid = %u GROUP BY s.ip, s.port ORDER BY s.ip, s.port",
                     modid, cmdid);
}

static int agent_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(c, "agent modules# ok# failed# overloads# seen seconds_ago#",
                     "SELECT INET_NTOA(caller), COUNT(DISTINCT modid, cmdid), "
                     "SUM(succ_cnt), SUM(err_cnt), SUM(overload), "
                     "FROM_UNIXTIME(MAX(ts)), "
                     "GREATEST(UNIX_TIMESTAMP() - CAST(MAX(ts) AS SIGNED), 0) FROM "
                     "ServerCallStatus GROUP BY caller ORDER BY caller");
}

/* "10m" in seconds; the units are s, m, h and d.  Returns 0, or CTL_USAGE after a line on
 * standard error. */
static int span_s(const char *text, uint32_t *out)
{
    static const char units[] = "smhd";
    static const uint32_t seconds[] = {1, 60, 3600, 86400};
    const char *unit;
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    unit = *end ? strchr(units, *end) : units;
    if (text[0] < '0' || text[0] > '9' || !unit || (*end && end[1]) || v == 0 ||
        v > SPAN_MAX_S / seconds[unit - units])
        return ctl_say(CTL_USAGE, "\"%s\" is not a time such as 90s, 10m, 2h or 7d",
                       text);
    *out = (uint32_t)v * seconds[unit - units];
    return 0;
}

/* The seconds of one row: 1 up to 10 minutes, 60 up to a day, 3600 beyond. */
static uint32_t step_of(uint32_t last_s)
{
    if (last_s <= 600)
        return 1;
    return last_s <= 86400 ? 60 : 3600;
}

static int show_history(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid, last = 60, step;
    int rc = argc > 2 ? span_s(argv[2], &last) : 0;

    if (rc == 0)
        rc = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_CALLS, &modid, &cmdid);
    if (rc != 0)
        return rc;
    step = step_of(last);
    return ctl_print(c, "time ok# failed# failed_percent#",
                     "SELECT FROM_UNIXTIME(begins), SUM(succ), SUM(err), "
                     "ROUND(100 * SUM(err) / NULLIF(SUM(succ + err), 0), 2) FROM (SELECT "
                     "at DIV %u * %u AS begins, succ, err FROM CallHistory WHERE modid = "
                     "%u AND cmdid = %u AND at >= UNIX_TIMESTAMP() - %u) h GROUP BY "
                     "begins ORDER BY begins",
                     step, step, modid, cmdid, last);
}

/* Append the row of one minute; <n> has the calls of each bucket of latency. */
static int add_minute(struct table *t, const char *time, const uint64_t *n)
{
    static const double q[] = {0.5, 0.9, 0.99, 1};
    char text[5][24],
        *cell[6] = {(char *)time, text[0], text[1], text[2], text[3], text[4]};
    uint64_t all = 0;
    unsigned i;

    for (i = 1; i <= LATENCY_BUCKETS; i++)
        all += n[i];
    snprintf(text[0], sizeof(text[0]), "%llu", (unsigned long long)all);
    for (i = 0; i < 4; i++)
        snprintf(text[i + 1], sizeof(text[0]), "%llu",
                 (unsigned long long)latency_quantile_us(n, q[i]));
    return table_add(t, cell);
}

static int fill_latency(struct table *t, const struct table *rows)
{
    uint64_t n[LATENCY_BUCKETS + 1] = {0};
    size_t r, last = table_n_rows(rows);
    int rc = 0;

    for (r = 0; r < last && rc == 0; r++) {
        unsigned long b = strtoul(table_cell(rows, r, 1), NULL, 10);

        if (b >= 1 && b <= LATENCY_BUCKETS)
            n[b] += strtoull(table_cell(rows, r, 2), NULL, 10);
        if (r + 1 < last &&
            strcmp(table_cell(rows, r, 0), table_cell(rows, r + 1, 0)) == 0)
            continue;
        rc = add_minute(t, table_cell(rows, r, 0), n);
        memset(n, 0, sizeof(n));
    }
    return rc;
}

static int show_latency(struct ctl *c, int argc, char **argv)
{
    struct table *rows = NULL, *t = NULL;
    uint32_t modid, cmdid, last = 600;
    int rc = argc > 2 ? span_s(argv[2], &last) : 0;

    if (rc == 0)
        rc = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_CALLS, &modid, &cmdid);
    if (rc != 0)
        return rc;
    rc = table_create(&rows, "time bucket n");
    if (rc == 0)
        rc =
            ctl_table(c, rows,
                        "SELECT FROM_UNIXTIME(at), bucket, n FROM CallLatency WHERE modid"
                        " = %u AND cmdid = %u AND at >= UNIX_TIMESTAMP() - %u - 60 "
                        "ORDER BY at, bucket",
                        modid, cmdid, last);
    if (rc == 0)
        rc = table_create(&t, "time calls# p50_us# p90_us# p99_us# max_us#");
    if (rc == 0)
        rc = fill_latency(t, rows);
    table_destroy(rows);
    if (rc == 0)
        return ctl_print_table(c, t);
    table_destroy(t);
    return ctl_db_failed(c, rc);
}

/* --- through an agent --------------------------------------------------------------- */

static int first_agent(struct ctl *c, struct lars_client **out)
{
    int rc = c->n_agent > 0 ? ctl_open_agent(c, 0, out) : lars_open(out, NULL);

    return rc < 0 ? ctl_say(CTL_FAILED, "agent %s: %s; correct [larsctl] agents",
                            c->n_agent ? c->agent[0] : "", strerror(-rc))
                  : 0;
}

/* Print why the agent gave no answer; <rc> is below 0.  Returns an exit code. */
static int agent_failed(int rc, uint32_t modid, uint32_t cmdid)
{
    if (rc == -EAGAIN)
        return ctl_say(CTL_FAILED, "every node of %u/%u is overloaded", modid, cmdid);
    if (rc == -ENOENT)
        return ctl_say(CTL_FAILED, "there is no module %u/%u", modid, cmdid);
    return ctl_say(CTL_FAILED,
                   "the agent does not answer: %s; start lars-agentd, or correct "
                   "[larsctl] agents",
                   strerror(-rc));
}

static int get_host(struct ctl *c, int argc, char **argv)
{
    struct lars_client *client;
    struct lars_host h;
    struct table *t;
    char ip[INET6_ADDRSTRLEN], port[8], *cell[2] = {ip, port};
    uint32_t modid, cmdid;
    int rc = ctl_module(argv, &modid, &cmdid);

    (void)argc;
    if (rc == 0)
        rc = first_agent(c, &client);
    if (rc != 0)
        return rc;
    lars_register(client, modid, cmdid);
    rc = lars_get_host(client, modid, cmdid, &h);
    lars_close(client);
    if (rc < 0)
        return agent_failed(rc, modid, cmdid);
    inet_ntop(h.addr.family, h.addr.ip, ip, sizeof(ip));
    snprintf(port, sizeof(port), "%u", h.addr.port);
    rc = table_create(&t, "ip port#");
    if (rc == 0)
        rc = table_add(t, cell);
    return rc < 0 ? ctl_say(CTL_FAILED, "out of memory") : ctl_print_table(c, t);
}

/* A report by UDP has no answer, so the agent is asked for the nodes first.  Returns 0,
 * or an exit code after a line on standard error. */
static int find_at_agent(struct lars_client *client, const struct lars_host *h,
                         const char *node)
{
    static struct lars_addr at[NODES_MAX];
    int n, i;

    lars_register(client, h->modid, h->cmdid);
    n = lars_get_route(client, h->modid, h->cmdid, at, NODES_MAX);
    if (n < 0 && n != -E2BIG)
        return agent_failed(n, h->modid, h->cmdid);
    for (i = 0; i < n; i++)
        if (at[i].family == AF_INET && at[i].port == h->addr.port &&
            memcmp(at[i].ip, h->addr.ip, sizeof(struct in_addr)) == 0)
            return 0;
    return n == -E2BIG ? 0
                       : ctl_say(CTL_FAILED, "%s is not a node of %u/%u", node, h->modid,
                                 h->cmdid);
}

static int report_call(struct ctl *c, int argc, char **argv)
{
    struct lars_host h = {.addr.family = AF_INET};
    struct lars_client *client;
    uint32_t ip, port, code;
    int rc = ctl_module(argv, &h.modid, &h.cmdid);

    (void)argc;
    if (rc == 0)
        rc = ctl_node(argv[2], &ip, &port);
    if (rc == 0)
        rc = ctl_u32(argv[3], "RETCODE", INT32_MAX, &code);
    if (rc == 0)
        rc = first_agent(c, &client);
    if (rc != 0)
        return rc;
    ip = htonl(ip);
    memcpy(h.addr.ip, &ip, sizeof(ip));
    h.addr.port = (uint16_t)port;
    rc = find_at_agent(client, &h, argv[2]);
    h.start_us = mono_us();
    if (rc == 0)
        rc = lars_report(client, &h, (int)code);
    lars_close(client);
    return rc < 0 ? agent_failed(rc, h.modid, h.cmdid) : rc;
}

/* --- top ---------------------------------------------------------------------------- */

/* The running totals of each module.  The rows of top are sorted: failures first, then
 * overload, then the busiest. */
#define TOP_SQL                                                                          \
    "SELECT s.modid, s.cmdid, (SELECT COUNT(*) FROM RouteData r WHERE r.modid = s.modid" \
    " AND r.cmdid = s.cmdid AND r.state = 'up'), SUM(s.succ_cnt), SUM(s.err_cnt), "      \
    "SUM(s.overload) FROM ServerCallStatus s GROUP BY s.modid, s.cmdid"

static uint64_t cell_u64(const struct table *t, size_t r, size_t col)
{
    return strtoull(table_cell(t, r, col), NULL, 10);
}

/* By how much column <col> of row <r> has grown each second since <before>. */
static uint64_t rate(const struct table *now, const struct table *before, size_t r,
                     size_t col, uint64_t ms)
{
    uint64_t v = cell_u64(now, r, col), old;
    size_t i;

    for (i = 0; i < table_n_rows(before); i++) {
        if (strcmp(table_cell(before, i, 0), table_cell(now, r, 0)) != 0 ||
            strcmp(table_cell(before, i, 1), table_cell(now, r, 1)) != 0)
            continue;
        old = cell_u64(before, i, col);
        return v > old && ms > 0 ? (v - old) * 1000 / ms : 0;
    }
    return 0;
}

struct top_row {
    size_t row;                       /* of the table read now */
    uint64_t ok, failed, overloads, up;
};

static int cmp_top_row(const void *pa, const void *pb)
{
    const struct top_row *a = pa, *b = pb;

    if (a->failed != b->failed)
        return a->failed > b->failed ? -1 : 1;
    if (a->overloads != b->overloads)
        return a->overloads > b->overloads ? -1 : 1;
    return a->ok > b->ok ? -1 : a->ok < b->ok;
}

static int add_top_row(struct table *t, const struct table *now, const struct top_row *l)
{
    char up[24], ok[24], failed[24], percent[24], overloads[24];
    char modid[16], cmdid[16];
    char *cell[] = {modid, cmdid, up, ok, failed, percent, overloads};

    snprintf(modid, sizeof(modid), "%s", table_cell(now, l->row, 0));
    snprintf(cmdid, sizeof(cmdid), "%s", table_cell(now, l->row, 1));
    snprintf(up, sizeof(up), "%llu", (unsigned long long)l->up);
    snprintf(ok, sizeof(ok), "%llu", (unsigned long long)l->ok);
    snprintf(failed, sizeof(failed), "%llu", (unsigned long long)l->failed);
    snprintf(percent, sizeof(percent), "%.2f",
             l->ok + l->failed ? 100.0 * (double)l->failed / (double)(l->ok + l->failed)
                               : 0.0);
    snprintf(overloads, sizeof(overloads), "%llu", (unsigned long long)l->overloads);
    return table_add(t, cell);
}

static int print_top(struct ctl *c, const struct table *now, const struct table *before,
                     uint64_t ms)
{
    size_t n = table_n_rows(now), r;
    struct top_row *line = calloc(n + 1, sizeof(*line));
    struct table *t;
    int rc = table_create(&t, "modid# cmdid# up# ok/s# failed/s# failed_percent# "
                              "overloads#");

    if (!line || rc < 0) {
        free(line);
        return ctl_say(CTL_FAILED, "out of memory");
    }
    for (r = 0; r < n; r++)
        line[r] =
            (struct top_row){r, rate(now, before, r, 3, ms), rate(now, before, r, 4, ms),
                             cell_u64(now, r, 5), cell_u64(now, r, 2)};
    qsort(line, n, sizeof(*line), cmp_top_row);
    for (r = 0; r < n && rc == 0; r++)
        rc = add_top_row(t, now, &line[r]);
    free(line);
    if (isatty(STDOUT_FILENO) && c->format == TABLE_TEXT)
        fputs("\033[H\033[J", stdout);
    return ctl_print_table(c, t);
}

static int show_top(struct ctl *c, int argc, char **argv)
{
    struct table *before = NULL, *now = NULL;
    uint32_t rounds = UINT32_MAX, i;
    uint64_t at = 0, then;
    int rc = argc > 0 ? ctl_range(argv[0], "ROUNDS", 1, UINT32_MAX - 1, &rounds) : 0;

    if (rc != 0)
        return rc;
    for (i = 0; rc == 0 && i <= rounds; i++) {
        rc = table_create(&now, "modid cmdid up ok failed overloads");
        if (rc == 0)
            rc = ctl_table(c, now, TOP_SQL);
        if (rc < 0) {
            rc = ctl_db_failed(c, rc);
            break;
        }
        then = at;
        at = mono_ms();
        if (before)
            rc = print_top(c, now, before, at - then);
        table_destroy(before);
        before = now;
        now = NULL;
        if (i < rounds)
            poll(NULL, 0, TOP_MS);
    }
    table_destroy(before);
    table_destroy(now);
    return rc;
}

const struct ctl_cmd cmd_status[] = {
    {"status", "", "[MODID CMDID]", 0, 2,
     "Show the calls so far of each module, or of each node of one module.", show_status,
     NULL},
    {"history", "", "MODID CMDID [10m]", 2, 3, "Show the calls of a module over time.",
     show_history, "The time is like 90s, 10m, 2h or 7d; the default is one minute."},
    {"latency", "", "MODID CMDID [10m]", 2, 3,
     "Show for each minute how long the calls of a module took.", show_latency,
     "The time is like 90s, 10m, 2h or 7d; the default is ten minutes."},
    {"agent", "list", "", 0, 0, "List the agents and when they last reported.",
     agent_list, NULL},
    {"top", "", "[ROUNDS]", 0, 1,
     "Show the calls a second of each module, failures first, until Ctrl-C.", show_top,
     NULL},
    {"get-host", "", "MODID CMDID", 2, 2, "Ask the first agent for a node of a module.",
     get_host, NULL},
    {"report", "", "MODID CMDID IP:PORT RETCODE", 4, 4,
     "Report the result of a call to the first agent; 0 is a success.", report_call,
     NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
