/* The files of an old segment lie beside those in force, and their names have its number.
 * So the folder itself is the list: an agent that is killed while it collects an old
 * segment needs no other record, because its successor finds the files.
 *
 * A call that is open here is not ended by its time-out.  Its client may be in the new
 * segment by now and unable to report the call, and a failure would be counted against a
 * node that has not failed.
 *
 * Invariant: whether clients own logs is read before the last collection, so no report
 * can follow it; files are unlinked only after a collection without an error.
 * Rejected: to move the counts of old logs into new ones.  A node has another number in
 * each segment, and two processes would write one file. */
#include "agent_data/old_segments.h"

#include <errno.h>
#include <stdlib.h>

#include "agent_data/client_logs.h"
#include "agent_data/collector.h"
#include "base/err.h"
#include "base/log.h"
#include "shmem/segment_files.h"

struct old {
    struct segment *s;
    struct client_logs *logs;
    struct collector *collector;
    uint64_t end_us; /* monotonic */
    int rc; /* first error of the collection in progress */
    uint64_t n_open; /* calls, as count_open() adds them */
    struct old *next;
};

struct old_segments {
    const struct segment *s; /* in force */
    struct old *first;
    uint64_t n_ended; /* calls of segments that are over */
    _Atomic uint64_t n_reported;
};

/* --- one segment -------------------------------------------------------------------- */

static uint32_t never(uint32_t mid, void *arg)
{
    (void)mid;
    (void)arg;
    return UINT32_MAX;
}

/* Nothing picks nodes by the counters of an old segment, so they are not corrected. */
static void on_ended(const struct call_log_end *e, bool died, void *arg)
{
    (void)e;
    (void)died;
    (void)arg;
}

static void free_old(struct old *o)
{
    collector_destroy(o->collector);
    client_logs_destroy(o->logs);
    segment_close(o->s);
    free(o);
}

static int open_old(struct old **out, const struct segment *s, uint32_t number,
                    struct outbox *outbox, uint64_t now_us)
{
    struct client_logs_hooks hooks = {never, on_ended, NULL};
    struct old *o = calloc(1, sizeof(*o));
    int rc = o ? segment_open_old(&o->s, s, number) : -ENOMEM;

    if (rc == 0)
        rc = client_logs_create(&o->logs, o->s, &hooks, now_us);
    if (rc == 0)
        rc = collector_create(&o->collector, o->s, outbox);
    if (rc < 0) {
        if (o)
            free_old(o);
        return rc;
    }
    o->end_us = now_us + OLD_SEGMENTS_S * 1000000ull;
    *out = o;
    return 0;
}

static void take_log(struct call_log *log, void *arg)
{
    struct old *o = arg;
    int rc = collector_take(o->collector, log);

    if (o->rc == 0)
        o->rc = rc;
}

static void count_open(struct call_log *log, void *arg)
{
    struct old *o = arg;

    o->n_open += call_log_n_open(log);
}

/* Collects <o>.  Returns true when it is over. */
static bool collect_old(struct old *o, uint64_t now_us)
{
    bool is_claimed;

    o->rc = 0;
    client_logs_reap(o->logs, now_us);
    is_claimed = client_logs_any_claimed(o->logs);
    client_logs_open_new(o->logs); /* of a client that has ended since */
    client_logs_each(o->logs, false, take_log, o);
    return o->rc == 0 && (!is_claimed || now_us >= o->end_us);
}

static uint64_t n_open_of(struct old *o)
{
    o->n_open = 0;
    client_logs_each(o->logs, false, count_open, o);
    return o->n_open;
}

static void log_end(struct old *o)
{
    if (n_open_of(o) == 0)
        LOG_INFO("segment.ended",
                 "number=%u: all calls of the old shared memory are "
                 "collected",
                 segment_number(o->s));
    else
        LOG_WARN("segment.ended",
                 "number=%u open=%llu: clients did not report these calls of the old "
                 "shared memory in time, so they are not counted",
                 segment_number(o->s), (unsigned long long)o->n_open);
}

/* --- all of them -------------------------------------------------------------------- */

int old_segments_collect(struct old_segments *l, uint64_t now_us)
{
    struct old **at = &l->first, *o;
    uint64_t n = 0;
    int rc = 0;

    while ((o = *at)) {
        bool is_over = collect_old(o, now_us);

        if (rc == 0)
            rc = o->rc;
        if (!is_over) {
            n += collector_n_reported(o->collector);
            at = &o->next;
            continue;
        }
        log_end(o);
        *at = o->next;
        l->n_ended += collector_n_reported(o->collector);
        if (segment_files_are_mine(l->s))
            segment_files_unlink(l->s, segment_number(o->s));
        free_old(o);
    }
    l->n_reported = l->n_ended + n;
    return rc;
}

bool old_segments_any(const struct old_segments *l)
{
    return l && l->first;
}

uint64_t old_segments_n_open(const struct old_segments *l)
{
    struct old *o;
    uint64_t n = 0;

    for (o = l->first; o; o = o->next)
        n += n_open_of(o);
    return n;
}

uint64_t old_segments_n_reported(const struct old_segments *l)
{
    return l->n_reported;
}

/* --- create and destroy ------------------------------------------------------------- */

/* Only files that can never be read are unlinked: after any other error a later start
 * finds them again. */
static void add(struct old_segments *l, uint32_t number, struct outbox *outbox,
                uint64_t now_us)
{
    struct old *o;
    int rc = open_old(&o, l->s, number, outbox, now_us);

    if (rc == 0) {
        o->next = l->first;
        l->first = o;
        LOG_INFO("segment.old", "number=%u: collected until its clients have left it",
                 number);
        return;
    }
    LOG_WARN("segment.unread",
             "number=%u err=%s: the old shared memory cannot be read; what its clients "
             "report there is not counted",
             number, err_str(rc));
    if (rc == -EBADMSG || rc == -EPROTO || rc == -ENOENT)
        segment_files_unlink(l->s, number);
}

int old_segments_create(struct old_segments **out, const struct segment *s,
                        struct outbox *outbox, uint64_t now_us)
{
    struct old_segments *l = calloc(1, sizeof(*l));
    uint32_t number = 0;

    if (!l)
        return -ENOMEM;
    l->s = s;
    while ((number = segment_files_next(s, number)) != 0)
        add(l, number, outbox, now_us);
    *out = l;
    return 0;
}

void old_segments_destroy(struct old_segments *l)
{
    struct old *o;

    if (!l)
        return;
    while ((o = l->first)) {
        l->first = o->next;
        free_old(o);
    }
    free(l);
}
