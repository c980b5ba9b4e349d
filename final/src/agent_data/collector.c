/* The counts of a client's call log only grow.  For each log the agent keeps a record of
 * how much of them it has collected (shmem/collected).  The difference is what a round
 * adds to the outbox.
 *
 * A round changes two files, the outbox and the record, and the agent can be killed
 * between them.  So a round first writes into a journal the absolute values that both
 * files will have, then marks the journal as complete (n_lines), then writes the values
 * into both files, then clears the mark.  A successor that finds the mark writes the
 * values again; absolute values may be written any number of times.
 *
 * All segments of a folder share the journal, for their rounds follow one another.  The
 * collector of an old segment completes a round of its own segment only; the collector of
 * the segment in force, which is created last, completes any that is left.
 *
 * Invariant: while the journal is marked, no value in it is older than what it replaces;
 * therefore a row of the outbox occurs at most once in a round.
 *
 * Rejected: to let clients report to the agent.  It would cost them a message for each
 * call, and calls that a client made just before it was killed would be lost. */
#include "agent_data/collector.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/ipv4.h"
#include "shmem/collected.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"

#define JOURNAL_LINES 1024            /* of one round; more make another round */
#define DURATION 0x80000000u          /* flag in a line's what */

struct journal_line {
    uint32_t log;                     /* index of the call log */
    uint32_t what;                    /* a node's nid; or DURATION | a module's mid */
    uint32_t bucket;                  /* of durations */
    uint32_t row;                     /* of the outbox */
    uint64_t done, err;               /* what will have been collected of <what> */
    uint64_t row_succ, row_err;       /* what the row will have */
};

struct journal {
    _Atomic uint64_t n_lines;         /* lines to write; 0 = no round is in progress */
    uint64_t segment;                 /* number of the segment that the lines are about */
    uint8_t stream[MSG_STREAM];       /* of the outbox that they are about */
    struct journal_line line[JOURNAL_LINES];
};

struct collector {
    const struct segment *s;
    struct outbox *outbox;
    struct journal *journal;
    struct collected *collected;
    const struct call_log *log;       /* the one that is being collected */
    uint32_t n;                       /* lines of the round that is being prepared */
    int rc;                           /* first error in it */
    _Atomic uint64_t n_reported;
};

/* --- a round ------------------------------------------------------------------------ */

/* Writes the values of one line.  The journal may be damaged, or about another segment or
 * outbox, so each index is checked. */
static void write_line(struct collector *c, const struct journal_line *at)
{
    struct collected_totals t = {at->done, at->err};

    if (memcmp(c->journal->stream, outbox_stream(c->outbox), MSG_STREAM) == 0)
        outbox_set(c->outbox, at->row, at->row_succ, at->row_err);
    if (c->journal->segment != segment_number(c->s))
        return;
    if (at->what & DURATION)
        (void)collected_set_bucket(c->collected, at->log, at->what & ~DURATION,
                                   at->bucket, at->done);
    else
        (void)collected_set(c->collected, at->log, at->what, &t);
}

static void write_journal(struct collector *c)
{
    uint64_t i, n = c->journal->n_lines;

    for (i = 0; i < n && i < JOURNAL_LINES; i++)
        write_line(c, &c->journal->line[i]);
    atomic_store(&c->journal->n_lines, 0);
}

static void commit_round(struct collector *c)
{
    c->journal->segment = segment_number(c->s);
    memcpy(c->journal->stream, outbox_stream(c->outbox), MSG_STREAM);
    atomic_store_explicit(&c->journal->n_lines, c->n, memory_order_release);
    write_journal(c);
    c->n = 0;
}

/* Adds a line to the round: the row of <key> gets <succ> and <err> more.  A row occurs at
 * most once in a round, because a line holds the total that follows from what the outbox
 * has now: a second line for the row would undo the first.  When the outbox is full each
 * line is a round of its own: outbox_row() may give a row that is settled to another
 * node. */
static void add_line(struct collector *c, struct journal_line at, const uint32_t key[4],
                     uint64_t succ, uint64_t err)
{
    struct module_id m = {key[0], key[1]};
    int64_t row = outbox_row(c->outbox, &m, key[2], key[3]);
    uint64_t was_succ, was_err;

    if (row < 0) {
        c->rc = (int)row;
        return;
    }
    outbox_get(c->outbox, (uint32_t)row, &was_succ, &was_err);
    at.log = call_log_index(c->log);
    at.row = (uint32_t)row;
    at.row_succ = was_succ + succ;
    at.row_err = was_err + err;
    c->journal->line[c->n++] = at;
    if (c->n == JOURNAL_LINES || outbox_is_full(c->outbox))
        commit_round(c);
}

static void take_node(uint32_t nid, void *arg)
{
    struct collector *c = arg;
    struct call_log_sum sum = {0};
    struct collected_totals old;
    struct net_addr addr;
    struct module_id m;
    uint32_t mid = node_table_module(c->s, nid);

    call_log_sum(c->log, nid, &sum);
    if (collected_get(c->collected, call_log_index(c->log), nid, &old) < 0) {
        c->rc = -ENOSPC;
        return;
    }
    node_table_addr(c->s, nid, &addr);
    if (mid >= segment_max_modules(c->s) || addr.family == 0 || sum.err > sum.done ||
        sum.done < old.done || sum.err < old.err ||
        (sum.done == old.done && sum.err == old.err))
        return;
    m = module_table_id(c->s, mid);
    if (call_log_index(c->log) < SEGMENT_CLIENT_LOGS)
        c->n_reported += sum.done - old.done;
    add_line(c, (struct journal_line){.what = nid, .done = sum.done, .err = sum.err},
             (const uint32_t[4]){m.modid, m.cmdid, ipv4_of(&addr), addr.port},
             sum.done - sum.err - (old.done - old.err), sum.err - old.err);
}

static void take_durations(uint32_t mid, void *arg)
{
    struct collector *c = arg;
    struct module_id m = module_table_id(c->s, mid);
    struct journal_line line = {.what = mid | DURATION};
    uint64_t old;
    uint32_t b;

    for (b = 1; b < SEGMENT_BUCKETS; b++) {
        if (collected_get_bucket(c->collected, call_log_index(c->log), mid, b, &old) <
            0) {
            c->rc = -ENOSPC;
            return;
        }
        line.bucket = b;
        line.done = call_log_bucket(c->log, mid, b);
        if (line.done > old)
            add_line(c, line, (const uint32_t[4]){m.modid, m.cmdid, MSG_LATENCY_IP, b},
                     line.done - old, 0);
    }
}

int collector_take(struct collector *c, const struct call_log *log)
{
    c->log = log;
    c->rc = 0;
    call_log_each_node(log, take_node, c);
    call_log_each_module(log, take_durations, c);
    if (c->n > 0)
        commit_round(c);
    return c->rc;
}

uint64_t collector_n_reported(const struct collector *c)
{
    return c->n_reported;
}

bool collector_has_all(struct collector *c, const struct call_log *log, uint32_t nid)
{
    struct call_log_sum sum = {0};
    struct collected_totals old;

    call_log_sum(log, nid, &sum);
    if (sum.done == 0)
        return true;
    return collected_get(c->collected, call_log_index(log), nid, &old) == 0 &&
           old.done == sum.done && old.err == sum.err;
}

/* --- create and destroy ------------------------------------------------------------- */

int collector_create(struct collector **out, const struct segment *s,
                     struct outbox *outbox)
{
    struct collector *c = calloc(1, sizeof(*c));
    void *p;
    int rc;

    if (!c)
        return -ENOMEM;
    c->s = s;
    c->outbox = outbox;
    rc = collected_create(&c->collected, s);
    if (rc == 0)
        rc = segment_open_journal(s, sizeof(*c->journal), &p);
    if (rc == 0)
        c->journal = p;
    if (rc == 0 && c->journal->n_lines > 0 &&
        (c->journal->segment == segment_number(s) || !segment_has_moved(s)))
        write_journal(c);
    if (rc < 0)
        collector_destroy(c);
    else
        *out = c;
    return rc;
}

void collector_destroy(struct collector *c)
{
    if (!c)
        return;
    collected_destroy(c->collected);
    if (c->journal)
        munmap(c->journal, sizeof(*c->journal));
    free(c);
}
