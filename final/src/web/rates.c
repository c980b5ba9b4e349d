/* Each second is read once, when its rows are complete, and kept in a ring for each node:
 * so the cost of a round is one second's rows, whatever the mean is taken over.
 *
 * Rejected: the difference of the running totals of ServerCallStatus.  They start anew
 * with each agent, and a node without calls would be read every time. */
#include "web/rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define FORGET_S 60                   /* a node without calls for so long is dropped */

struct key {
    uint32_t modid, cmdid, ip, port;
};

struct ring {
    struct key key;
    uint64_t last_s;                  /* the newest second with calls */
    uint32_t ok[RATES_SECONDS], failed[RATES_SECONDS];
    UT_hash_handle hh;
};

struct rates {
    struct ring *rings;
    uint64_t until_s;
};

int rates_create(struct rates **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

static void drop(struct rates *r, struct ring *g)
{
    HASH_DEL(r->rings, g);
    free(g);
}

void rates_destroy(struct rates *r)
{
    if (!r)
        return;
    while (r->rings)
        drop(r, r->rings);
    free(r);
}

static struct ring *find(const struct rates *r, const struct key *k)
{
    struct ring *g;

    HASH_FIND(hh, r->rings, k, sizeof(*k), g);
    return g;
}

/* The ring's place of second <at> is emptied when the ring has not seen it. */
static void advance(struct ring *g, uint64_t at)
{
    while (g->last_s < at) {
        if (at - g->last_s > RATES_SECONDS)
            g->last_s = at - RATES_SECONDS;
        g->last_s++;
        g->ok[g->last_s % RATES_SECONDS] = g->failed[g->last_s % RATES_SECONDS] = 0;
    }
}

static uint32_t number_of(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static int take_count(char **at, void *arg)
{
    struct rates *r = arg;
    struct key k = {number_of(at[1]), number_of(at[2]), number_of(at[3]),
                    number_of(at[4])};
    struct ring *g = find(r, &k);
    uint64_t s = at[0] ? strtoull(at[0], NULL, 10) : 0;

    if (!g) {
        g = calloc(1, sizeof(*g));
        if (!g)
            return -ENOMEM;
        g->key = k;
        HASH_ADD(hh, r->rings, key, sizeof(g->key), g);
    }
    advance(g, s);
    g->ok[s % RATES_SECONDS] += number_of(at[5]);
    g->failed[s % RATES_SECONDS] += number_of(at[6]);
    return 0;
}

/* The clock of the database was set back: what was read is of another time. */
static void begin_anew(struct rates *r)
{
    while (r->rings)
        drop(r, r->rings);
    r->until_s = 0;
}

int rates_read(struct rates *r, struct sqldb *db, uint64_t now_s)
{
    uint64_t to = now_s - RATES_LATE_S;
    struct ring *g, *next;
    uint64_t from;
    int rc;

    if (to + RATES_SECONDS < r->until_s)
        begin_anew(r);
    if (to <= r->until_s)
        return 0;
    from = r->until_s + RATES_SECONDS < to ? to - RATES_SECONDS : r->until_s;
    rc = sqldb_each(db, take_count, r,
                    "SELECT at, modid, cmdid, ip, port, succ, err FROM CallSecond WHERE "
                    "at > %llu AND at <= %llu ORDER BY at",
                    (unsigned long long)from, (unsigned long long)to);
    if (rc < 0)
        return rc;
    r->until_s = to;
    HASH_ITER(hh, r->rings, g, next)
    if (g->last_s + FORGET_S < to)
        drop(r, g);
    return 0;
}

uint64_t rates_until_s(const struct rates *r)
{
    return r->until_s;
}

static void mean(const struct rates *r, const struct ring *g, float *calls, float *failed)
{
    uint64_t s, ok = 0, bad = 0;

    for (s = r->until_s + 1 - RATES_SECONDS; s <= r->until_s && s <= g->last_s; s++) {
        ok += g->ok[s % RATES_SECONDS];
        bad += g->failed[s % RATES_SECONDS];
    }
    *calls = (float)(ok + bad) / RATES_SECONDS;
    *failed = (float)bad / RATES_SECONDS;
}

void rates_of(const struct rates *r, uint32_t modid, uint32_t cmdid, uint32_t ip,
              uint32_t port, float *calls, float *failed)
{
    struct key k = {modid, cmdid, ip, port};
    const struct ring *g = find(r, &k);

    *calls = *failed = 0;
    if (g)
        mean(r, g, calls, failed);
}

void rates_each(const struct rates *r, rates_fn *fn, void *arg)
{
    const struct ring *g;
    float calls, failed;

    for (g = r->rings; g; g = g->hh.next) {
        mean(r, g, &calls, &failed);
        fn(g->key.modid, g->key.cmdid, g->key.ip, g->key.port, calls, failed, arg);
    }
}
