/* Each minute is read once, when its last rows have come; after a start or a pause, the
 * minutes that are missing are read in one statement.  A statement that the database
 * refuses or does not finish is tried again after a minute, not each second.
 *
 * Rejected: adding up the rates of each second.  A round that is late leaves out seconds,
 * and after a restart of the console an hour would be empty. */
#include "web/minutes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ring {
    char zone[129];                   /* 32 characters */
    uint64_t last;                    /* the newest minute with calls, since 1970 */
    uint64_t calls[MINUTES_N], failed[MINUTES_N]; /* minute n is at n % MINUTES_N */
};

struct minutes {
    struct ring all, *zones;
    size_t n_zone;
    uint64_t until;                   /* minutes before this one are read */
    uint64_t tried;                   /* reading up to here has failed */
};

int minutes_create(struct minutes **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void minutes_destroy(struct minutes *m)
{
    if (m)
        free(m->zones);
    free(m);
}

static struct ring *find(const struct minutes *m, const char *zone)
{
    size_t i;

    for (i = 0; i < m->n_zone; i++)
        if (strncmp(m->zones[i].zone, zone, sizeof(m->zones[i].zone) - 1) == 0)
            return &m->zones[i];
    return NULL;
}

/* The ring of a zone, a new one if need be; NULL = no memory. */
static struct ring *ring_of(struct minutes *m, const char *zone)
{
    struct ring *r = find(m, zone), *more;

    if (r)
        return r;
    more = realloc(m->zones, (m->n_zone + 1) * sizeof(*more));
    if (!more)
        return NULL;
    m->zones = more;
    r = &more[m->n_zone++];
    memset(r, 0, sizeof(*r));
    snprintf(r->zone, sizeof(r->zone), "%s", zone);
    return r;
}

/* Minutes between the newest that the ring has and <minute> had no calls. */
static void add(struct ring *r, uint64_t minute, uint64_t well, uint64_t failed)
{
    if (r->last + MINUTES_N < minute)
        r->last = minute - MINUTES_N;
    while (r->last < minute) {
        r->last++;
        r->calls[r->last % MINUTES_N] = r->failed[r->last % MINUTES_N] = 0;
    }
    r->calls[minute % MINUTES_N] += well + failed;
    r->failed[minute % MINUTES_N] += failed;
}

static uint64_t long_of(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

static int take_minute(char **at, void *arg)
{
    struct minutes *m = arg;
    uint64_t minute = long_of(at[0]), well = long_of(at[2]), failed = long_of(at[3]);
    struct ring *r;

    add(&m->all, minute, well, failed);
    if (!at[1])
        return 0;                     /* the node is removed */
    r = ring_of(m, at[1]);
    if (!r)
        return -ENOMEM;
    add(r, minute, well, failed);
    return 0;
}

/* A zone without calls for an hour is dropped, so that there are no more than have had
 * calls lately. */
static void drop_old(struct minutes *m)
{
    size_t i = 0;

    while (i < m->n_zone)
        if (m->zones[i].last + MINUTES_N < m->until)
            m->zones[i] = m->zones[--m->n_zone];
        else
            i++;
}

static void begin_anew(struct minutes *m)
{
    m->n_zone = 0;
    m->until = 0;
    memset(&m->all, 0, sizeof(m->all));
}

int minutes_read(struct minutes *m, struct sqldb *db, uint64_t now_s)
{
    uint64_t to = (now_s - MINUTES_LATE_S) / 60, from = m->until;
    int rc;

    if (to + 1 < from)
        begin_anew(m);                /* the clock of the database was set back */
    if (to <= m->until || to == m->tried)
        return 0;
    from = m->until + MINUTES_N < to ? to - MINUTES_N : m->until;
    rc = sqldb_each(db, take_minute, m,
                    "SELECT c.begins, MIN(r.zone), SUM(c.succ), SUM(c.err) FROM (SELECT "
                    "at DIV 60 AS begins, modid, cmdid, ip, port, SUM(succ) AS succ, "
                    "SUM(err) AS err FROM CallHistory WHERE at >= %llu AND at < %llu "
                    "GROUP BY begins, modid, cmdid, ip, port) c LEFT JOIN RouteData r ON "
                    "r.modid = c.modid AND r.cmdid = c.cmdid AND r.serverip = c.ip AND "
                    "r.serverport = c.port GROUP BY c.begins, BINARY r.zone ORDER BY "
                    "c.begins",
                    (unsigned long long)from * 60, (unsigned long long)to * 60);
    if (rc < 0) {
        begin_anew(m);                /* a part may be counted */
        m->tried = rc == -ENOTCONN ? 0 : to;
        return rc;
    }
    m->until = to;
    drop_old(m);
    return 0;
}

uint64_t minutes_until_s(const struct minutes *m)
{
    return m->until * 60;
}

void minutes_of(const struct minutes *m, const char *zone, struct minutes_hour *out)
{
    const struct ring *r = zone ? find(m, zone) : &m->all;
    size_t i;

    memset(out, 0, sizeof(*out));
    for (i = 0; r && i < MINUTES_N && m->until >= MINUTES_N; i++) {
        uint64_t minute = m->until - MINUTES_N + i;

        if (minute > r->last || minute + MINUTES_N <= r->last)
            continue;
        out->calls[i] = r->calls[minute % MINUTES_N];
        out->failed[i] = r->failed[minute % MINUTES_N];
    }
}
