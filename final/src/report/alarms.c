/* One entry for each subject that is bad or raised; a good subject has no entry, so the
 * table stays as small as the number of troubles.
 *
 * Invariant: between rounds an entry is raised, has been bad in the round before, or was
 * cleared less than ALARM_MEMORY rounds ago.
 * Counting goes by rounds and not by time, so a test needs no clock, and a leader that
 * was away raises nothing from old values. */
#include "report/alarms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

#include "db/alarm_kinds.h"

#define AGAIN_MAX 6                   /* 64 times as long at most */

struct watched {
    char key[ALARM_KIND_MAX + ALARM_SUBJECT_MAX];
    struct alarm alarm;
    unsigned n_bad, n_good;           /* rounds in a row */
    unsigned raise_after, clear_after;
    unsigned n_again;                 /* raised again soon after it was cleared */
    bool raised, seen, was_raised;
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

/* The number of rounds for an alarm of this kind. */
static void set_pace(struct alarms *a, struct watched *w, const char *kind)
{
    const struct alarm_kind *k = alarm_kinds_find(kind);

    w->raise_after = k ? k->raise_after : a->cfg.raise_after;
    w->clear_after = k ? k->clear_after : a->cfg.clear_after;
}

/* Make room: drop an entry that is only remembered.  Returns false when there is none. */
static bool drop_remembered(struct alarms *a)
{
    struct watched *w, *next;

    HASH_ITER(hh, a->all, w, next)
    {
        if (w->raised || w->n_bad > 0)
            continue;
        drop_watched(a, w);
        return true;
    }
    return false;
}

/* The entry of <al>, made when there is none.  Returns 0; -ENOMEM, -ENOSPC. */
static int find_or_add(struct alarms *a, const struct alarm *al, struct watched **out)
{
    char key[ALARM_KIND_MAX + ALARM_SUBJECT_MAX];
    struct watched *w;

    snprintf(key, sizeof(key), "%s %s", al->kind, al->subject);
    HASH_FIND_STR(a->all, key, w);
    if (!w) {
        if (HASH_COUNT(a->all) >= ALARM_MAX && !drop_remembered(a))
            return -ENOSPC;
        w = calloc(1, sizeof(*w));
        if (!w)
            return -ENOMEM;
        memcpy(w->key, key, sizeof(key));
        set_pace(a, w, al->kind);
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
        w->raised = w->was_raised = true;
    return rc;
}

static void set_state(struct alarms *a, struct watched *w, bool raised)
{
    w->n_again += raised && w->was_raised && w->n_again < AGAIN_MAX;
    w->was_raised = true;
    w->raised = raised;
    a->cfg.fn(&w->alarm, raised, a->cfg.arg);
}

static void count_round(struct alarms *a, struct watched *w, enum alarm_level level)
{
    w->seen = true;
    w->n_bad = level == ALARM_BAD ? w->n_bad + 1 : 0;
    w->n_good = level == ALARM_GOOD ? w->n_good + 1 : 0;
    if (!w->raised && w->n_bad >= w->raise_after)
        set_state(a, w, true);
    else if (w->raised && w->n_good >= w->clear_after << w->n_again)
        set_state(a, w, false);
}

static struct watched *find_watched(const struct alarms *a, const char *kind,
                                    const char *subject)
{
    char key[ALARM_KIND_MAX + ALARM_SUBJECT_MAX];
    struct watched *w;

    snprintf(key, sizeof(key), "%s %s", kind, subject);
    HASH_FIND_STR(a->all, key, w);
    return w;
}

bool alarms_is_raised(const struct alarms *a, const char *kind, const char *subject)
{
    const struct watched *w = find_watched(a, kind, subject);

    return w && w->raised;
}

void alarms_close(struct alarms *a, const char *kind, const char *subject)
{
    struct watched *w = find_watched(a, kind, subject);

    if (!w)
        return;
    w->n_bad = 0;
    w->seen = true;
    if (w->raised)
        set_state(a, w, false);
}

int alarms_see(struct alarms *a, const struct alarm *al, enum alarm_level level)
{
    struct watched *w;
    int rc = find_or_add(a, al, &w);

    if (rc == 0 && !w->seen)
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
        if (!w->raised && w->n_bad == 0 && (!w->was_raised || w->n_good >= ALARM_MEMORY))
            drop_watched(a, w);
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
