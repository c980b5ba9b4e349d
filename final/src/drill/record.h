/* record -- what was seen during a drill, and what follows from it: how long the system
 * took to notice a fault, to serve without errors again and to have more nodes, and
 * whether the targets were met.  Pure, without clocks.  Thread: one. */
#ifndef LARS_DRILL_RECORD_H
#define LARS_DRILL_RECORD_H

#include <jansson.h>

#include "drill/actions.h"
#include "drill/watch.h"
#include "load/figures.h"

#define RECORD_NONE (-1.0) /* not seen, or it does not apply */
#define RECORD_TARGETS 6
#define RECORD_LIVE 300 /* seconds */

struct record_second {
    uint64_t due, ok, failed, waiting, late; /* requests; late: of the generator */
    uint64_t p50_us, p99_us;
    struct watch_sample seen; /* at its end */
};

struct record { /* zeroed, then the first fields set */
    const struct script *script;
    const char *who;
    char began[40]; /* wall clock, ISO 8601 */
    uint64_t begin_ms; /* monotonic: second 0 */
    struct record_second *second; /* owned */
    unsigned n, cap;
    struct figures all;
    struct actions_event event[SCRIPT_EVENTS]; /* as script->event */
    const struct watch_sample *sample; /* by time; borrowed */
    unsigned n_samples;
    char why[300]; /* of the abort; "" = it was complete */
    bool undone; /* all events */
};

struct record_target {
    const char *name; /* "p99_ms" */
    double wanted, got; /* got RECORD_NONE: not seen, so it failed */
    bool pass;
};

int record_add(struct record *r, const struct figures *f, const struct watch_sample *s);
void record_free(struct record *r);

/* Seconds from event <i>; each RECORD_NONE when it was not seen or does not apply.
 *     detect  events with detect: fewer nodes or gateways are counted on, or an alarm
 *             more is open
 *     shift   no request has failed since; 0 when none failed at all
 *     decide  load: the decision was made that more nodes are wanted
 *     scale   load: more nodes were wanted, and they are up */
double record_detect_s(const struct record *r, unsigned i);
double record_shift_s(const struct record *r, unsigned i);
double record_decide_s(const struct record *r, unsigned i);
double record_scale_s(const struct record *r, unsigned i);

/* The targets that the script has; returns how many.  Of several events the longest time
 * counts. */
unsigned record_targets(const struct record *r, struct record_target out[RECORD_TARGETS]);

/* Whether it was complete, all was undone and every target was met. */
bool record_passed(const struct record *r);

/* What a page shows while it runs: events, targets, and the last RECORD_LIVE seconds as
 * {"from", "due": [], "ok": [], "failed": [], "p99_us": [] ...}.  NULL: no memory. */
json_t *record_live_json(const struct record *r);

/* All of it, for report.json.  NULL: no memory. */
json_t *record_json(const struct record *r);

#endif
