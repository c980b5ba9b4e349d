/* The times are taken from what was sampled, so they are exact to half a second for
 * detection and scaling, and to a second for requests.
 *
 * Invariant: a time that was not seen fails its target.  A drill in which nothing could
 * be measured has shown nothing, and must not pass. */
#include "drill/record.h"

#include <errno.h>
#include <stdlib.h>

int record_add(struct record *r, const struct figures *f, const struct watch_sample *s)
{
    unsigned cap = r->cap ? r->cap * 2 : 256;
    struct record_second *more;

    figures_add(&r->all, f);
    if (r->n == r->cap) {
        more = realloc(r->second, cap * sizeof(*more));
        if (!more)
            return -ENOMEM;
        r->second = more;
        r->cap = cap;
    }
    r->second[r->n++] = (struct record_second){f->scheduled,
                                               f->ok,
                                               figures_failed(f),
                                               f->waiting,
                                               f->late,
                                               figures_p_us(f, 0.5),
                                               figures_p_us(f, 0.99),
                                               *s};
    return 0;
}

void record_free(struct record *r)
{
    free(r->second);
    r->second = NULL;
    r->n = r->cap = 0;
}

/* --- times -------------------------------------------------------------------------- */

static const struct script_event *event_of(const struct record *r, unsigned i)
{
    return &r->script->event[i];
}

/* Until when what is seen is an effect of event <i>: its own end, the next event, or the
 * end of the drill.  Monotonic. */
static uint64_t until_ms(const struct record *r, unsigned i)
{
    uint64_t end = r->begin_ms + r->n * 1000ull, at;
    unsigned k;

    if (r->event[i].undone_ms && r->event[i].undone_ms < end)
        end = r->event[i].undone_ms;
    for (k = i + 1; k < r->script->n_events; k++) {
        at = r->event[k].did_ms;
        if (at && event_of(r, k)->what != SCRIPT_WAIT && at < end)
            end = at;
    }
    return end;
}

static double seconds(uint64_t from_ms, uint64_t to_ms)
{
    return to_ms > from_ms ? (double)(to_ms - from_ms) / 1000 : 0;
}

/* The last sample before event <i>, and the first after it; false: there is none. */
static bool split(const struct record *r, unsigned i, unsigned *after)
{
    unsigned k = 0;

    while (k < r->n_samples && r->sample[k].at_ms < r->event[i].did_ms)
        k++;
    *after = k;
    return r->event[i].did_ms > 0 && k > 0;
}

static bool is_worse(const struct watch_sample *now, const struct watch_sample *was)
{
    return now->gateways < was->gateways || now->nodes_in < was->nodes_in ||
           (was->alarms >= 0 && now->alarms > was->alarms);
}

double record_detect_s(const struct record *r, unsigned i)
{
    unsigned after, k;

    if (!event_of(r, i)->detect || !split(r, i, &after))
        return RECORD_NONE;
    for (k = after; k < r->n_samples && r->sample[k].at_ms < until_ms(r, i); k++)
        if (is_worse(&r->sample[k], &r->sample[after - 1]))
            return seconds(r->event[i].did_ms, r->sample[k].at_ms);
    return RECORD_NONE;
}

double record_shift_s(const struct record *r, unsigned i)
{
    uint64_t did = r->event[i].did_ms, end = until_ms(r, i), at;
    double shift = 0;
    unsigned k, last;

    if (!did || event_of(r, i)->what == SCRIPT_WAIT)
        return RECORD_NONE;
    last = (unsigned)((end - r->begin_ms) / 1000);
    for (k = (unsigned)((did - r->begin_ms) / 1000); k < last && k < r->n; k++) {
        if (r->second[k].failed == 0)
            continue;
        if (k + 1 == last) /* they have not ended */
            return RECORD_NONE;
        at = r->begin_ms + (k + 1) * 1000ull;
        shift = seconds(did, at);
    }
    return shift;
}

/* The first sample after event <i>, a load, in which more nodes are wanted than before
 * it, or n_samples. */
static unsigned first_more(const struct record *r, unsigned i)
{
    unsigned after, k;
    int was;

    if (event_of(r, i)->what != SCRIPT_LOAD || event_of(r, i)->factor <= 1 ||
        !split(r, i, &after))
        return r->n_samples;
    was = r->sample[after - 1].wanted;
    for (k = after; k < r->n_samples && r->sample[k].at_ms < until_ms(r, i); k++)
        if (was >= 0 && r->sample[k].wanted > was)
            return k;
    return r->n_samples;
}

double record_decide_s(const struct record *r, unsigned i)
{
    unsigned k = first_more(r, i);

    if (k == r->n_samples || !r->sample[k].decided_ms)
        return RECORD_NONE;
    return seconds(r->event[i].did_ms, r->sample[k].decided_ms);
}

double record_scale_s(const struct record *r, unsigned i)
{
    unsigned after, k, first = first_more(r, i);
    int was;

    if (first == r->n_samples || !split(r, i, &after))
        return RECORD_NONE;
    was = r->sample[after - 1].wanted;
    for (k = first; k < r->n_samples && r->sample[k].at_ms < until_ms(r, i); k++)
        if (r->sample[k].wanted > was && r->sample[k].up >= r->sample[k].wanted)
            return seconds(r->event[i].did_ms, r->sample[k].at_ms);
    return RECORD_NONE;
}

/* --- targets ------------------------------------------------------------------------ */

static bool has_time(const struct record *r, unsigned i, bool scale, bool detect)
{
    const struct script_event *e = event_of(r, i);

    if (scale)
        return e->what == SCRIPT_LOAD && e->factor > 1;
    if (detect)
        return e->detect;
    return e->what != SCRIPT_WAIT;
}

/* The longest of all events to which the time applies; RECORD_NONE when one was not
 * seen. */
static double longest(const struct record *r,
                      double (*of)(const struct record *, unsigned))
{
    double most = RECORD_NONE, one;
    unsigned i;

    for (i = 0; i < r->script->n_events; i++) {
        if (!has_time(r, i, of == record_scale_s, of == record_detect_s))
            continue;
        one = of(r, i);
        if (one < 0)
            return RECORD_NONE;
        if (one > most)
            most = one;
    }
    return most;
}

static void add_target(struct record_target *out, unsigned *n, const char *name,
                       double wanted, double got)
{
    if (wanted < 0)
        return;
    out[(*n)++] = (struct record_target){name, wanted, got, got >= 0 && got <= wanted};
}

static double error_percent(const struct record *r)
{
    const struct figures *f = &r->all;

    return f->scheduled ? 100.0 * (double)figures_failed(f) / (double)f->scheduled
                        : RECORD_NONE;
}

static double p_ms(const struct record *r, double q)
{
    uint64_t us = figures_p_us(&r->all, q);

    return us ? (double)us / 1000 : RECORD_NONE;
}

unsigned record_targets(const struct record *r, struct record_target out[RECORD_TARGETS])
{
    const struct script_target *t = &r->script->target;
    unsigned n = 0;

    add_target(out, &n, "max_error_percent", t->error_percent, error_percent(r));
    add_target(out, &n, "p50_ms", t->p50_ms, p_ms(r, 0.5));
    add_target(out, &n, "p99_ms", t->p99_ms, p_ms(r, 0.99));
    add_target(out, &n, "detect_s", t->detect_s, longest(r, record_detect_s));
    add_target(out, &n, "shift_s", t->shift_s, longest(r, record_shift_s));
    add_target(out, &n, "scale_s", t->scale_s, longest(r, record_scale_s));
    return n;
}

bool record_passed(const struct record *r)
{
    struct record_target t[RECORD_TARGETS];
    unsigned i, n = record_targets(r, t);
    bool pass = r->undone && !r->why[0];

    for (i = 0; i < n; i++)
        pass = pass && t[i].pass;
    return pass;
}

/* --- JSON --------------------------------------------------------------------------- */

#define INT(n) ((json_int_t)(n))

static json_t *number(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

static json_t *count(int value)
{
    return value < 0 ? json_null() : json_integer(value);
}

static double since_s(const struct record *r, uint64_t at_ms)
{
    return at_ms ? seconds(r->begin_ms, at_ms) : RECORD_NONE;
}

static json_t *seconds_json(const struct record *r)
{
    const struct record_second *s;
    json_t *all = json_array();

    for (s = r->second; s < r->second + r->n; s++)
        json_array_append_new(
            all, json_pack("{sI sI sI sI sI sI sI so so so so so}", "due", INT(s->due),
                           "ok", INT(s->ok), "failed", INT(s->failed), "waiting_page",
                           INT(s->waiting), "p50_us", INT(s->p50_us), "p99_us",
                           INT(s->p99_us), "generator_late", INT(s->late), "gateways",
                           count(s->seen.gateways), "nodes_in", count(s->seen.nodes_in),
                           "alarms", count(s->seen.alarms), "wanted",
                           count(s->seen.wanted), "up", count(s->seen.up)));
    return all;
}

static json_t *events_json(const struct record *r)
{
    const struct script_event *e;
    json_t *all = json_array();
    unsigned i;

    for (i = 0; i < r->script->n_events; i++) {
        e = event_of(r, i);
        json_array_append_new(
            all, json_pack("{si si si ss so so sb ss so so so so}", "number",
                           (int)e->number, "at_s", (int)e->at_s, "for_s", (int)e->for_s,
                           "do", e->text, "did_s", number(since_s(r, r->event[i].did_ms)),
                           "undone_s", number(since_s(r, r->event[i].undone_ms)),
                           "failed", r->event[i].failed, "why", r->event[i].why,
                           "detect_s", number(record_detect_s(r, i)), "shift_s",
                           number(record_shift_s(r, i)), "decide_s",
                           number(record_decide_s(r, i)), "scale_s",
                           number(record_scale_s(r, i))));
    }
    return all;
}

static json_t *targets_json(const struct record *r)
{
    struct record_target t[RECORD_TARGETS];
    unsigned i, n = record_targets(r, t);
    json_t *all = json_array();

    for (i = 0; i < n; i++)
        json_array_append_new(all, json_pack("{ss sf so sb}", "name", t[i].name, "wanted",
                                             t[i].wanted, "got", number(t[i].got), "pass",
                                             t[i].pass));
    return all;
}

/* The console's chart: lists, which are shorter than objects. */
static json_t *live_seconds(const struct record *r)
{
    unsigned i = r->n > RECORD_LIVE ? r->n - RECORD_LIVE : 0;
    json_t *due = json_array(), *ok = json_array(), *failed = json_array(),
           *p50 = json_array(), *p99 = json_array(), *wanted = json_array(),
           *up = json_array();
    json_t *all = json_pack("{si so so so so so so so}", "from", (int)i, "due", due, "ok",
                            ok, "failed", failed, "p50_us", p50, "p99_us", p99, "wanted",
                            wanted, "up", up);

    for (; all && i < r->n; i++) {
        const struct record_second *s = &r->second[i];

        json_array_append_new(due, json_integer(INT(s->due)));
        json_array_append_new(ok, json_integer(INT(s->ok)));
        json_array_append_new(failed, json_integer(INT(s->failed)));
        json_array_append_new(p50, json_integer(INT(s->p50_us)));
        json_array_append_new(p99, json_integer(INT(s->p99_us)));
        json_array_append_new(wanted, count(s->seen.wanted));
        json_array_append_new(up, count(s->seen.up));
    }
    return all;
}

json_t *record_live_json(const struct record *r)
{
    return json_pack("{so so so}", "targets", targets_json(r), "events", events_json(r),
                     "seconds", live_seconds(r));
}

json_t *record_json(const struct record *r)
{
    const struct script *s = r->script;
    const struct figures *f = &r->all;
    char module[24] = "";

    if (s->modid)
        snprintf(module, sizeof(module), "%u/%u", s->modid, s->cmdid);
    return json_pack("{ss ss ss ss ss ss si sb sb ss s{sI sI sI sI sI sI sI} so so so}",
                     "name", s->name, "script", s->path, "who", r->who, "began", r->began,
                     "module", module, "url", s->load.url, "rate", (int)s->load.rate,
                     "pass", record_passed(r), "undone", r->undone, "aborted", r->why,
                     "all", "due", INT(f->scheduled), "ok", INT(f->ok), "failed",
                     INT(figures_failed(f)), "waiting_page", INT(f->waiting), "p50_us",
                     INT(figures_p_us(f, 0.5)), "p99_us", INT(figures_p_us(f, 0.99)),
                     "generator_late", INT(f->late), "targets", targets_json(r), "events",
                     events_json(r), "seconds", seconds_json(r));
}
