/* The moments of the last three failures are kept for each host and module, and with the
 * third one until when the host rests.  A host that rests is tried once a minute when
 * there is no better one: what all nodes need may have been away, and then all hosts of
 * a zone rest.
 *
 * Rejected: a host that rests for all modules.  One program that cannot start would then
 * take the slots of all others. */
#include "scale/start_failures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scale/node_life.h"

struct failure {
    char host[SNAPSHOT_NAME];
    struct module_id id;
    uint64_t at_ms[NODE_LIFE_FAILED_MAX]; /* 0 = none; [0] is the last one */
    uint64_t rests_until_ms;
};

struct start_failures {
    struct failure *at;
    size_t n, max;
};

int start_failures_create(struct start_failures **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void start_failures_destroy(struct start_failures *f)
{
    if (!f)
        return;
    free(f->at);
    free(f);
}

static struct failure *find(const struct start_failures *f, const char *host,
                            struct module_id id)
{
    size_t i;

    for (i = 0; i < f->n; i++)
        if (snapshot_is(f->at[i].id, id) && strcmp(f->at[i].host, host) == 0)
            return &f->at[i];
    return NULL;
}

static struct failure *oldest(const struct start_failures *f)
{
    struct failure *old = &f->at[0];
    size_t i;

    for (i = 1; i < f->n; i++)
        if (f->at[i].at_ms[0] < old->at_ms[0])
            old = &f->at[i];
    return old;
}

static unsigned n_recent(const struct failure *x, uint64_t now_ms)
{
    unsigned i, n = 0;

    if (now_ms < x->rests_until_ms)
        return now_ms < x->at_ms[0] + NODE_LIFE_RETRY_MS ? NODE_LIFE_FAILED_MAX
                                                         : NODE_LIFE_FAILED_MAX - 1;
    for (i = 0; i < NODE_LIFE_FAILED_MAX; i++)
        n += x->at_ms[i] > 0 && now_ms < x->at_ms[i] + NODE_LIFE_REST_MS;
    return n;
}

void start_failures_add(struct start_failures *f, const char *host, struct module_id id,
                        uint64_t now_ms)
{
    struct failure *old = find(f, host, id), fresh = {.id = id};

    snprintf(fresh.host, sizeof(fresh.host), "%s", host);
    if (!old && f->n == START_FAILURES_MAX) {
        old = oldest(f);
        *old = fresh;
    } else if (!old) {
        if (snapshot_add_row((void **)&f->at, &f->n, &f->max, sizeof(fresh), &fresh) < 0)
            return;
        old = &f->at[f->n - 1];
    }
    memmove(&old->at_ms[1], &old->at_ms[0], sizeof(old->at_ms) - sizeof(old->at_ms[0]));
    old->at_ms[0] = now_ms;
    if (n_recent(old, now_ms) == NODE_LIFE_FAILED_MAX)
        old->rests_until_ms = now_ms + NODE_LIFE_REST_MS;
}

unsigned start_failures_recent(const struct start_failures *f, const char *host,
                               struct module_id id, uint64_t now_ms)
{
    const struct failure *x = find(f, host, id);

    return x ? n_recent(x, now_ms) : 0;
}

unsigned start_failures_n_resting(const struct start_failures *f, uint64_t now_ms)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < f->n; i++)
        n += now_ms < f->at[i].rests_until_ms;
    return n;
}
