/* Each change is a job that looks once, then a timer, then a job again, so that no thread
 * is occupied while agents take a change over.  The pause grows, because a change that is
 * not in force after a second waits for a person.
 *
 * Rejected: writing the row when a page asks how far the change is.  A page that is
 * closed would lose it, two would write it twice, and questions run as a user of the
 * database who may write nothing. */
#include "web/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mono.h"
#include "ops/in_force.h"

#define FOR_MS 10000
#define PAUSE_MS 20 /* the first; each is twice the last */
#define PAUSE_MAX_MS 640

struct follow_change {
    struct job job;
    struct evtimer timer;
    struct follow *owner;
    struct follow_change *next;
    struct in_force what;
    char actor[65], peer[65], subject[170];
    uint64_t audit_id, commit_ms;
    uint32_t pause_ms;
    bool is_over; /* written by the job, read after it */
};

struct follow {
    struct evloop *loop;
    struct jobs *jobs;
    struct follow_change *first;
    unsigned n;
};

int follow_create(struct follow **out, struct evloop *l, struct jobs *jobs)
{
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return -ENOMEM;
    (*out)->loop = l;
    (*out)->jobs = jobs;
    return 0;
}

static void drop(struct follow_change *c)
{
    struct follow_change **at = &c->owner->first;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->owner->n--;
    evloop_clear_timer(c->owner->loop, &c->timer);
    free(c);
}

void follow_destroy(struct follow *f)
{
    if (!f)
        return;
    while (f->first)
        drop(f->first);
    free(f);
}

struct follow_change *follow_change_of(const struct ops_request *r,
                                       const struct ops_outcome *out)
{
    struct follow_change *c = calloc(1, sizeof(*c));
    size_t i;

    if (!c)
        return NULL;
    if (r->n_op > 0 && r->op->verb == CHANGE_CONFIRM)
        in_force_add(&c->what, r->op->node.modid, r->op->node.cmdid);
    for (i = 0; i < out->plan.n_module; i++)
        in_force_add(&c->what, out->plan.module[i].modid, out->plan.module[i].cmdid);
    if (c->what.n_module == 0) { /* names and policies only */
        free(c);
        return NULL;
    }
    snprintf(c->actor, sizeof(c->actor), "%s", r->who.name);
    snprintf(c->peer, sizeof(c->peer), "%s", r->who.peer);
    snprintf(c->subject, sizeof(c->subject), "%s", r->subject);
    c->audit_id = out->audit_id;
    c->commit_ms = out->commit_ms;
    return c;
}

static struct follow_change *change_of(struct job *j)
{
    return (struct follow_change *)(void *)j; /* its first member */
}

/* In a thread of the pool. */
static void look(struct job *j, struct sqldb *db)
{
    struct follow_change *c = change_of(j);
    struct audit_actor who = {c->actor, "console", c->peer, ""};
    int rc = in_force_look(db, &c->what, NULL, NULL);
    uint64_t ms = mono_ms() - c->commit_ms;

    c->is_over = ms >= FOR_MS;
    if (rc < 0 || !(c->is_over || in_force_is_settled(&c->what)))
        return;
    rc = in_force_find_callers(db, &c->what);
    if (rc == 0)
        rc = in_force_record(db, &who, &c->what, c->subject, c->audit_id, ms);
    c->is_over = rc == 0 || ms >= FOR_MS;
    if (rc < 0 && c->is_over)
        LOG_WARN("console.follow", "change=%llu: its result is not in Audit: %s",
                 (unsigned long long)c->audit_id, sqldb_error(db));
}

static void begin_look(void *arg);

static void looked(struct job *j, bool cancelled)
{
    struct follow_change *c = change_of(j);

    if (cancelled)
        return; /* follow_destroy() has it */
    if (c->is_over) {
        drop(c);
        return;
    }
    c->pause_ms = c->pause_ms < PAUSE_MAX_MS ? c->pause_ms * 2 : PAUSE_MAX_MS;
    if (evloop_set_timer(c->owner->loop, &c->timer, c->pause_ms, begin_look, c) < 0)
        drop(c);
}

static void begin_look(void *arg)
{
    struct follow_change *c = arg;

    c->job = (struct job){.work = look, .done = looked};
    if (jobs_add(c->owner->jobs, &c->job) < 0)
        looked(&c->job, false); /* too many wait: later */
}

void follow_add(struct follow *f, struct follow_change *c)
{
    if (!c)
        return;
    if (f->n == FOLLOW_MAX) {
        LOG_WARN("console.follow",
                 "change=%llu: %u changes are followed already, so Audit gets no row "
                 "about where this one is in force",
                 (unsigned long long)c->audit_id, f->n);
        free(c);
        return;
    }
    c->owner = f;
    c->next = f->first;
    f->first = c;
    f->n++;
    c->pause_ms = PAUSE_MS;
    begin_look(c);
}
