/* What a snapshot has beside nodes and calls a second: need and capacity of each zone,
 * the last hour, how long calls took.  The modules and zones are there already.
 *
 * Rejected: need over all modules of a zone.  It would be compared with a capacity that
 * only the modules with node_rps have. */
#include "web/read_figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/latency.h"

static uint32_t number_of(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static uint64_t long_of(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

static struct snap_zone *zone_of(const struct snap *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->n_zone; i++)
        if (strcmp(s->zone[i].name, name) == 0)
            return &s->zone[i];
    return NULL;
}

/* --- need and capacity ------------------------------------------------------------- */

/* A module that has node_rps: what its nodes do and can do is added to their zones. */
static int take_capacity(char **at, void *arg)
{
    struct snap *s = arg;
    const struct snap_module *m = snap_find(s, number_of(at[0]), number_of(at[1]));
    size_t i;

    for (i = m ? m->first : 0; m && i < m->first + m->n; i++) {
        const struct node_row *r = &s->routes->rows.at[i];
        const struct snap_node *v = &s->node[i];
        struct snap_zone *z = zone_of(s, r->zone);

        if (!z)
            continue;                 /* every zone of a node is there */
        z->need += (double)v->calls;
        if (node_row_in_service(r) && v->n_down + v->n_ejected == 0)
            z->capacity += (double)r->weight * number_of(at[2]) / 100;
    }
    return 0;
}

static int read_hours(struct sqldb *db, struct minutes *minutes, struct snap *s)
{
    int rc = minutes_read(minutes, db, s->at_ms / 1000);
    size_t i;

    if (rc == -ENOTCONN || rc == -ENOMEM)
        return rc;                    /* without the hour, the rest still is of use */
    s->minutes_s = minutes_until_s(minutes);
    minutes_of(minutes, NULL, &s->hour);
    for (i = 0; i < s->n_zone; i++)
        minutes_of(minutes, s->zone[i].name, &s->zone[i].hour);
    return 0;
}

/* --- latencies --------------------------------------------------------------------- */

struct histogram {                    /* of the module whose rows come now */
    struct snap *snap;
    uint32_t modid, cmdid;
    uint64_t n[LATENCY_BUCKETS + 1], all[LATENCY_BUCKETS + 1];
};

static void end_histogram(struct histogram *h)
{
    struct snap_module *m =
        (struct snap_module *)(uintptr_t)snap_find(h->snap, h->modid, h->cmdid);

    if (m)
        m->p99_us = (uint32_t)latency_quantile_us(h->n, 0.99);
    memset(h->n, 0, sizeof(h->n));
}

static int take_bucket(char **at, void *arg)
{
    struct histogram *h = arg;
    uint32_t modid = number_of(at[0]), cmdid = number_of(at[1]), b = number_of(at[2]);

    if (modid != h->modid || cmdid != h->cmdid)
        end_histogram(h);
    h->modid = modid;
    h->cmdid = cmdid;
    if (b >= 1 && b <= LATENCY_BUCKETS)
        h->n[b] += long_of(at[3]);
    if (b >= 1 && b <= LATENCY_BUCKETS)
        h->all[b] += long_of(at[3]);
    return 0;
}

static int read_latencies(struct sqldb *db, struct snap *s)
{
    struct histogram *h = calloc(1, sizeof(*h));
    int rc;

    if (!h)
        return -ENOMEM;
    h->snap = s;
    rc = sqldb_each(db, take_bucket, h,
                    "SELECT modid, cmdid, bucket, SUM(n) FROM CallLatency WHERE at >= "
                    "(UNIX_TIMESTAMP() - 60) DIV 60 * 60 GROUP BY modid, cmdid, bucket "
                    "ORDER BY modid, cmdid");
    if (rc == 0) {
        end_histogram(h);
        s->p99_us = (uint32_t)latency_quantile_us(h->all, 0.99);
    }
    free(h);
    return rc;
}

int read_figures_add(struct sqldb *db, struct minutes *minutes, struct snap *s)
{
    int rc = sqldb_each(db, take_capacity, s,
                        "SELECT modid, cmdid, node_rps FROM ModulePolicy WHERE node_rps "
                        "> 0");

    if (rc == 0)
        rc = read_hours(db, minutes, s);
    return rc < 0 ? rc : read_latencies(db, s);
}
