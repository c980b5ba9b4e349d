/* Each rule reads one view of the database and judges the subjects that it finds there;
 * a subject that no rule mentions is good.  Modules with few calls are read every
 * FEW_ROUNDS rounds, because a minute of counts is six times as many rows as ten seconds.
 *
 * Rejected: rules in a table of the database.  A wrong rule would be found when it is
 * needed; these have tests. */
#include "report/alarm_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/latency.h"
#include "report/alarm_private.h"

#define MIN_CALLS 20
#define FEW_ROUNDS 3
#define FEW_MAX 10000

struct few {                          /* a module with few calls, many of which failed */
    uint32_t modid, cmdid;
    uint64_t ok, failed;
};

uint64_t alarm_rules_u64(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

/* --- error_rate --------------------------------------------------------------------- */

static enum alarm_level level_of(const struct alarm_rules *r, uint64_t ok,
                                 uint64_t failed)
{
    uint64_t n = ok + failed, limit = r->cfg.error_percent;

    if (failed * 200 < n * limit || n == 0)
        return ALARM_GOOD;
    return failed * 100 > n * limit ? ALARM_BAD : ALARM_BETWEEN;
}

static void see_error_rate(struct alarm_rules *r, const struct few *f, int s,
                           enum alarm_level level)
{
    struct alarm al = {.kind = "error_rate"};
    uint64_t n = f->ok + f->failed;

    snprintf(al.subject, sizeof(al.subject), "%u/%u", f->modid, f->cmdid);
    snprintf(al.detail, sizeof(al.detail), "%.1f %% of %llu calls in %d s failed",
             n ? 100.0 * (double)f->failed / (double)n : 0.0, (unsigned long long)n, s);
    alarms_see(r->alarms, &al, level);
}

static struct few few_of(char **at)
{
    return (struct few){(uint32_t)alarm_rules_u64(at[0]),
                        (uint32_t)alarm_rules_u64(at[1]), alarm_rules_u64(at[2]),
                        alarm_rules_u64(at[3])};
}

static bool is_few(const struct alarm_rules *r, const struct few *f)
{
    size_t i;

    for (i = 0; i < r->n_few; i++)
        if (r->few[i].modid == f->modid && r->few[i].cmdid == f->cmdid)
            return true;
    return false;
}

static int on_few(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct few f = few_of(at), *more;

    if (r->n_few == FEW_MAX || level_of(r, f.ok, f.failed) != ALARM_BAD)
        return 0;
    more = realloc(r->few, (r->n_few + 1) * sizeof(*more));
    if (!more)
        return -ENOMEM;
    r->few = more;
    r->few[r->n_few++] = f;
    return 0;
}

/* A module with few calls is judged by the longer window only. */
static int on_module_calls(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct few f = few_of(at);

    if (!is_few(r, &f))
        see_error_rate(r, &f, 10,
                       f.ok + f.failed < MIN_CALLS ? ALARM_GOOD
                                                   : level_of(r, f.ok, f.failed));
    return 0;
}

static int judge_error_rates(struct alarm_rules *r)
{
    size_t i;
    int rc = 0;

    if (r->round % FEW_ROUNDS == 0) {
        r->n_few = 0;
        rc = alarm_db_each_few(r->db, on_few, r);
    }
    if (rc == 0)
        rc = alarm_db_each_module(r->db, on_module_calls, r);
    for (i = 0; rc == 0 && i < r->n_few; i++)
        see_error_rate(r, &r->few[i], 60, ALARM_BAD);
    return rc;
}

/* --- latency ------------------------------------------------------------------------ */

struct latency_sum {                  /* of the module whose rows are read */
    struct alarm_rules *r;
    uint32_t modid, cmdid;
    uint64_t n[LATENCY_BUCKETS + 1], all;
};

static void judge_latency(struct latency_sum *s)
{
    struct alarm al = {.kind = "latency"};
    uint64_t p99_us = latency_quantile_us(s->n, 0.99);
    uint64_t limit_us = s->r->cfg.p99_ms * 1000ull;

    if (s->all < MIN_CALLS)
        return;
    snprintf(al.subject, sizeof(al.subject), "%u/%u", s->modid, s->cmdid);
    snprintf(al.detail, sizeof(al.detail),
             "1 %% of %llu calls took longer than %llu ms (limit %u ms)",
             (unsigned long long)s->all, (unsigned long long)(p99_us / 1000),
             s->r->cfg.p99_ms);
    alarms_see(s->r->alarms, &al, p99_us > limit_us ? ALARM_BAD : ALARM_GOOD);
}

static int on_latency(char **at, void *arg)
{
    struct latency_sum *s = arg;
    uint32_t modid = (uint32_t)alarm_rules_u64(at[0]);
    uint32_t cmdid = (uint32_t)alarm_rules_u64(at[1]);
    uint64_t bucket = alarm_rules_u64(at[2]);

    if (modid != s->modid || cmdid != s->cmdid) {
        judge_latency(s);
        *s = (struct latency_sum){.r = s->r, .modid = modid, .cmdid = cmdid};
    }
    if (bucket >= 1 && bucket <= LATENCY_BUCKETS) {
        s->n[bucket] += alarm_rules_u64(at[3]);
        s->all += alarm_rules_u64(at[3]);
    }
    return 0;
}

static int judge_latencies(struct alarm_rules *r)
{
    struct latency_sum s = {.r = r};
    int rc;

    if (r->cfg.p99_ms == 0)
        return 0;
    rc = alarm_db_each_latency(r->db, on_latency, &s);
    if (rc == 0)
        judge_latency(&s);
    return rc;
}

/* --- the round ---------------------------------------------------------------------- */

int alarm_rules_check(struct alarm_rules *r)
{
    int rc = judge_error_rates(r);

    if (rc == 0)
        rc = judge_latencies(r);
    if (rc == 0)
        rc = alarm_nodes_judge(r);
    if (rc == 0)
        rc = alarm_services_judge(r);
    if (rc == 0)
        alarms_end_round(r->alarms);
    r->round++;
    return rc;
}

int alarm_rules_begin(struct alarm_rules *r)
{
    r->round = 0;
    r->n_few = 0;
    r->checked = false;
    return alarm_db_clear_checked(r->db);
}

int alarm_rules_create(struct alarm_rules **out, struct alarm_db *db,
                       struct alarms *alarms, struct wanted_routes *wanted,
                       const struct alarm_rules_config *cfg)
{
    struct alarm_rules *r = calloc(1, sizeof(*r));

    if (!r) {
        wanted_routes_destroy(wanted);
        return -ENOMEM;
    }
    r->db = db;
    r->alarms = alarms;
    r->wanted = wanted;
    r->cfg = *cfg;
    snprintf(r->name, sizeof(r->name), "%s", cfg->name);
    r->cfg.name = NULL;               /* the caller's; not used any more */
    *out = r;
    return 0;
}

void alarm_rules_destroy(struct alarm_rules *r)
{
    if (!r)
        return;
    wanted_routes_destroy(r->wanted);
    free(r->few);
    free(r);
}
