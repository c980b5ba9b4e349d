/* Each check names the one key that has to change, so that the message can name its line.
 * Checks of a single value stand in script.c, where the line is known anyway.
 *
 * Invariant: the steps of the load do not overlap, and each event is over when the load
 * is; so the rate of each second and the end of the drill follow from the file alone. */
#include "drill/script_check.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/net_addr.h"
#include "load/arrivals.h"

__attribute__((format(printf, 4, 5))) static bool refuse(struct script_fault *out,
                                                         const char *section,
                                                         const char *name,
                                                         const char *fmt, ...)
{
    va_list ap;

    snprintf(out->section, sizeof(out->section), "%s", section);
    out->name = name;
    va_start(ap, fmt);
    vsnprintf(out->why, sizeof(out->why), fmt, ap);
    va_end(ap);
    return false;
}

/* --- values ------------------------------------------------------------------------- */

static bool take_number(double *out, const char *text, double max)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && !*end && *out >= 0 && *out <= max;
}

static bool check_targets(struct script *s, const char *const text[],
                          struct script_fault *f)
{
    static const char *const names[] = {"max_error_percent", "p50_ms",  "p99_ms",
                                        "detect_s",          "shift_s", "scale_s"};
    double *const value[] = {&s->target.error_percent, &s->target.p50_ms,
                             &s->target.p99_ms,        &s->target.detect_s,
                             &s->target.shift_s,       &s->target.scale_s};
    unsigned i, n = 0;

    for (i = 0; i < SCRIPT_CHECK_TARGETS; i++) {
        *value[i] = SCRIPT_NONE;
        if (!text[i][0])
            continue;
        n++;
        if (!take_number(value[i], text[i], i == 0 ? 100 : 3600000))
            return refuse(f, "target", names[i],
                          "\"%.20s\" is no number from 0 to %d; write %s = 1", text[i],
                          i == 0 ? 100 : 3600000, names[i]);
    }
    if (n == 0)
        return refuse(f, "target", NULL,
                      "[target] has no target, so the drill could neither pass nor fail; "
                      "write [target] and max_error_percent = 1");
    return true;
}

static bool check_module(struct script *s, const char *text, struct script_fault *f)
{
    unsigned modid, cmdid;
    char rest;

    if (strcmp(text, "none") == 0)
        return true;
    if (sscanf(text, "%9u/%9u%c", &modid, &cmdid, &rest) != 2 || modid == 0 || cmdid == 0)
        return refuse(f, "drill", "module",
                      "\"%.20s\" is no module; write MODID/CMDID such as 3/1, or none",
                      text);
    s->modid = modid;
    s->cmdid = cmdid;
    return true;
}

static bool check_load(struct script *s, struct script_fault *f)
{
    const struct script_load *l = &s->load;
    const char *why;

    if (!l->url[0])
        return refuse(f, "load", NULL,
                      "[load] has no url; write url = http://127.0.0.1:8080/");
    why = target_parse(&s->to, l->url);
    if (why)
        return refuse(f, "load", "url", "%s", why);
    if (!target_is_host(l->host))
        return refuse(f, "load", "host",
                      "the host must be a name or an address, with a port or without");
    if (strcmp(l->arrivals, "poisson") != 0 && strcmp(l->arrivals, "fixed") != 0)
        return refuse(f, "load", "arrivals",
                      "\"%s\" is no kind of arrivals; write poisson or fixed",
                      l->arrivals);
    if (l->access_log[0] && (l->paths[0] || l->visits))
        return refuse(f, "load", l->paths[0] ? "paths" : "visits",
                      "an access log has its own paths and rate; take this key or "
                      "access_log out");
    return true;
}

bool script_check_values(struct script *s, const char *module,
                         const char *const target[SCRIPT_CHECK_TARGETS],
                         const char *error_percent, struct script_fault *f)
{
    const char *base = strrchr(s->path, '/');

    if (!s->name[0])
        snprintf(s->name, sizeof(s->name), "%.99s", base ? base + 1 : s->path);
    if (!take_number(&s->abort.error_percent, error_percent, 100))
        return refuse(f, "abort", "max_error_percent",
                      "\"%.15s\" is no number from 0 to 100; write max_error_percent = "
                      "0.5",
                      error_percent);
    return check_module(s, module, f) && check_load(s, f) && check_targets(s, target, f);
}

/* --- events ------------------------------------------------------------------------- */

static const char *section_of(const struct script_event *e)
{
    static _Thread_local char name[24];

    snprintf(name, sizeof(name), "event %u", e->number);
    return name;
}

static bool check_factor(const struct script *s, struct script_event *e, const char *word,
                         unsigned n, struct script_fault *f)
{
    char *end = NULL;

    if (n == 2 && word[0] == 'x')
        e->factor = strtod(word + 1, &end);
    if (!end || end == word + 1 || *end || !isfinite(e->factor) || e->factor < 0 ||
        e->factor > 1000)
        return refuse(f, section_of(e), "do",
                      "\"%.60s\" is no load; write do = load x8, a factor from 0 to 1000",
                      e->text);
    if (s->load.access_log[0])
        return refuse(f, section_of(e), "do",
                      "an access log has its own rate; take this event out, or write "
                      "rate and paths instead of access_log");
    return true;
}

static bool take_whole(uint32_t *out, const char *text, const char *unit, uint32_t max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || strcmp(end, unit) != 0 || n < 1 || n > max)
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool are_addresses(char *const word[], unsigned n)
{
    struct net_addr a;
    unsigned i = 0;

    while (i < n && net_addr_parse(&a, word[i]) == 0 && a.port > 0)
        i++;
    return n > 0 && i == n;
}

/* slow-node HOST [N] 500ms, or slow-node ADDRESS:PORT... 500ms */
static bool check_slow(struct script_event *e, char *const word[], unsigned n,
                       struct script_fault *f)
{
    if (n < 3 || !take_whole(&e->delay_ms, word[n - 1], "ms", SCRIPT_DELAY_MAX_MS))
        return refuse(f, section_of(e), "do",
                      "the last word of slow-node is a delay from 1ms to %dms; write "
                      "slow-node HOST [N] 500ms, or slow-node ADDRESS:PORT... 500ms",
                      SCRIPT_DELAY_MAX_MS);
    if (are_addresses(word + 1, n - 2))
        return true;
    e->is_host = true;
    if (n > 4 || strlen(word[1]) > 64 || strchr(word[1], ':') ||
        (n == 4 && !take_whole(&e->n_nodes, word[2], "", 64)))
        return refuse(f, section_of(e), "do",
                      "\"%.60s\" names no node; write slow-node HOST [N] 500ms with at "
                      "most 64 nodes, or slow-node ADDRESS:PORT... 500ms",
                      e->text);
    return true;
}

static bool check_do(const struct script *s, struct script_event *e,
                     struct script_fault *f)
{
    static const char *const names[] = {"load", "kill", "stop",
                                        "run",  "wait", "slow-node"};
    char copy[SCRIPT_TEXT], *word[SCRIPT_WORDS + 1];
    const unsigned n_names = sizeof(names) / sizeof(names[0]);
    unsigned i, n = script_words(e->text, copy, word);

    for (i = 0; n > 0 && i < n_names && strcmp(word[0], names[i]) != 0; i++)
        continue;
    if (n == 0 || i == n_names)
        return refuse(f, section_of(e), "do",
                      "\"%.60s\" is no event; write load x8, kill PIDFILE, stop PIDFILE, "
                      "run COMMAND, slow-node or wait",
                      e->text);
    e->what = (enum script_do)i;
    if (e->what == SCRIPT_LOAD)
        return check_factor(s, e, n > 1 ? word[1] : "", n, f);
    if (e->what == SCRIPT_SLOW)
        return check_slow(e, word, n, f);
    if (n == 1 && e->what != SCRIPT_WAIT)
        return refuse(f, section_of(e), "do",
                      e->what == SCRIPT_RUN
                          ? "run has no command; write run PROGRAM ARGUMENT..."
                          : "the event has no file; write kill PIDFILE or stop PIDFILE "
                            "with a file that holds a process id");
    return true;
}

static bool check_undo(const struct script_event *e, const struct script_seen *seen,
                       struct script_fault *f)
{
    if (e->what == SCRIPT_RUN && !e->undo[0])
        return refuse(f, section_of(e), seen->undo ? "undo" : "do",
                      "run has no undo; write undo = COMMAND, or undo = true when "
                      "nothing is to be undone");
    if (e->what != SCRIPT_RUN && seen->undo)
        return refuse(f, section_of(e), "undo",
                      "only run has an undo of its own; take this line out");
    return true;
}

/* Commands do anything, and whether a slow node is a fault depends on its delay, so the
 * script says it. */
static bool check_detect(struct script_event *e, const struct script_seen *seen,
                         struct script_fault *f)
{
    if (seen->detect && e->what != SCRIPT_RUN && e->what != SCRIPT_SLOW)
        return refuse(f, section_of(e), "detect",
                      "only run and slow-node have this key; kill and stop are always "
                      "measured, load and wait are no faults; take this line out");
    e->detect |= e->what == SCRIPT_KILL || e->what == SCRIPT_STOP;
    return true;
}

static bool check_times(const struct script *s, const struct script_event *e,
                        struct script_fault *f)
{
    if (e->at_s >= s->load.seconds)
        return refuse(f, section_of(e), "at",
                      "the event is after the load, which ends at %u s; write an earlier "
                      "time, or more [load] seconds",
                      s->load.seconds);
    if (e->for_s > s->load.seconds - e->at_s)
        return refuse(f, section_of(e), "for",
                      "the event lasts longer than the load, which ends at %u s; write "
                      "%u or less, or more [load] seconds",
                      s->load.seconds, s->load.seconds - e->at_s);
    return true;
}

static bool check_event(const struct script *s, struct script_event *e,
                        const struct script_seen *seen, struct script_fault *f)
{
    if (!seen->at)
        return refuse(f, section_of(e), NULL,
                      "[event %u] has no at; write at = SECONDS after the load began",
                      e->number);
    if (!seen->what)
        return refuse(f, section_of(e), NULL,
                      "[event %u] has no do; write do = load x8, kill PIDFILE, stop "
                      "PIDFILE, run COMMAND, slow-node or wait",
                      e->number);
    if (seen->lasts && e->for_s == 0)
        return refuse(f, section_of(e), "for",
                      "an event cannot last 0 seconds; leave for out when it lasts until "
                      "the end");
    return check_do(s, e, f) && check_undo(e, seen, f) && check_detect(e, seen, f) &&
           check_times(s, e, f);
}

static int by_time(const void *a, const void *b)
{
    const struct script_event *x = a, *y = b;

    if (x->at_s != y->at_s)
        return x->at_s < y->at_s ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* One factor at a time: a load event ends at the latest when the next one begins. */
static bool check_overlap(const struct script *s, struct script_fault *f)
{
    const struct script_event *last = NULL, *e;
    unsigned n_steps = 0;

    for (e = s->event; e < s->event + s->n_events; e++) {
        if (e->what != SCRIPT_LOAD)
            continue;
        if (last && (last->at_s == e->at_s || last->at_s + last->for_s > e->at_s))
            return refuse(f, section_of(e), "at",
                          "the load of event %u is not over; write a later time, or a "
                          "shorter for there",
                          last->number);
        last = e;
        n_steps += e->for_s ? 2 : 1;
    }
    if (last && n_steps > ARRIVALS_STEPS)
        return refuse(f, section_of(last), "do",
                      "the load changes more than %d times; take load events out",
                      ARRIVALS_STEPS);
    return true;
}

static uint32_t end_s(const struct script *s, const struct script_event *e)
{
    return e->for_s ? e->at_s + e->for_s : s->load.seconds;
}

/* Each restores the delay that it found.  So of two that slow a node at the same time the
 * later one has to end first; those that last until the end do. */
static bool check_slow_order(const struct script *s, struct script_fault *f)
{
    const struct script_event *a, *b, *stop = s->event + s->n_events;

    for (a = s->event; a < stop; a++)
        for (b = a + 1; b < stop; b++)
            if (a->what == SCRIPT_SLOW && b->what == SCRIPT_SLOW && a->for_s > 0 &&
                b->at_s < end_s(s, a) && (!b->for_s || end_s(s, b) >= end_s(s, a)))
                return refuse(f, section_of(b), "at",
                              "event %u slows nodes too and ends before this one, so a "
                              "delay would be left; write an at after its end, or a for "
                              "that ends before it",
                              a->number);
    return true;
}

bool script_check_events(struct script *s, const struct script_seen seen[SCRIPT_EVENTS],
                         struct script_fault *f)
{
    unsigned i;

    for (i = 0; i < SCRIPT_EVENTS; i++) {
        if (!s->event[i].number)
            continue;
        if (!check_event(s, &s->event[i], &seen[i], f))
            return false;
        s->event[s->n_events++] = s->event[i];
    }
    qsort(s->event, s->n_events, sizeof(s->event[0]), by_time);
    return check_overlap(s, f) && check_slow_order(s, f);
}
