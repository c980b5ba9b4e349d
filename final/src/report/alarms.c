/* One entry for each subject that is bad or raised; a good subject has no entry, so the
 * table stays as small as the number of troubles.
 *
 * Invariant: between rounds an entry is raised, or has been bad in the round before.
 * Counting goes by rounds and not by time, so a test needs no clock, and a leader that
 * was away raises nothing from old values. */
#include "report/alarms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

struct watched {
    char key[ALARM_KIND_MAX + ALARM_SUBJECT_MAX];
    struct alarm alarm;
    unsigned n_bad, n_good;           /* rounds in a row */
    bool raised, seen;
    UT_hash_handle hh;
};

struct alarms {
    struct alarm_config cfg;
    struct watched *all;
};

int alarms_create(struct alarms **out, const struct alarm_config *cfg)
{
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return -ENOMEM;
    (*out)->cfg = *cfg;
    return 0;
}

static void drop_watched(struct alarms *a, struct watched *w)
{
    HASH_DEL(a->all, w);
    free(w);
}

void alarms_forget(struct alarms *a)
{
    struct watched *w, *next;

    HASH_ITER(hh, a->all, w, next)
    drop_watched(a, w);
}

void alarms_destroy(struct alarms *a)
{
    if (!a)
        return;
    alarms_forget(a);
    free(a);
}

/* The entry of <al>, made when there is none.  Returns 0; -ENOMEM, -ENOSPC. */
static int find_or_add(struct alarms *a, const struct alarm *al, struct watched **out)
{
    char key[ALARM_KIND_MAX + ALARM_SUBJECT_MAX];
    struct watched *w;

    snprintf(key, sizeof(key), "%s %s", al->kind, al->subject);
    HASH_FIND_STR(a->all, key, w);
    if (!w) {
        if (HASH_COUNT(a->all) >= ALARM_MAX)
            return -ENOSPC;
        w = calloc(1, sizeof(*w));
        if (!w)
            return -ENOMEM;
        memcpy(w->key, key, sizeof(key));
        HASH_ADD_STR(a->all, key, w);
        if (!w->hh.tbl) {
            free(w);
            return -ENOMEM;
        }
    }
    w->alarm = *al;
    *out = w;
    return 0;
}

int alarms_set_raised(struct alarms *a, const struct alarm *al)
{
    struct watched *w;
    int rc = find_or_add(a, al, &w);

    if (rc == 0)
        w->raised = true;
    return rc;
}

static void count_round(struct alarms *a, struct watched *w, enum alarm_level level)
{
    w->seen = true;
    w->n_bad = level == ALARM_BAD ? w->n_bad + 1 : 0;
    w->n_good = level == ALARM_GOOD ? w->n_good + 1 : 0;
    if (!w->raised && w->n_bad >= a->cfg.raise_after) {
        w->raised = true;
        a->cfg.fn(&w->alarm, true, a->cfg.arg);
    } else if (w->raised && w->n_good >= a->cfg.clear_after) {
        w->raised = false;
        a->cfg.fn(&w->alarm, false, a->cfg.arg);
    }
}

int alarms_see(struct alarms *a, const struct alarm *al, enum alarm_level level)
{
    struct watched *w;
    int rc = find_or_add(a, al, &w);

    if (rc == 0)
        count_round(a, w, level);
    return rc;
}

void alarms_end_round(struct alarms *a)
{
    struct watched *w, *next;

    HASH_ITER(hh, a->all, w, next)
    {
        if (!w->seen)
            count_round(a, w, ALARM_GOOD);
        w->seen = false;
        if (!w->raised && w->n_bad == 0)
            drop_watched(a, w);               /* good, and not raised */
    }
}

size_t alarms_n_raised(const struct alarms *a)
{
    struct watched *w, *next;
    size_t n = 0;

    HASH_ITER(hh, a->all, w, next)
    n += w->raised;
    return n;
}
