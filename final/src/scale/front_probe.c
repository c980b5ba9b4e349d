/* Each place has a thread that stays and asks the host which has the place.  An answer
 * that comes when the place belongs to another host, or to another kind of question, is
 * dropped: <turn> shows it.
 *
 * Rejected: to believe 200 at the outside address.  Another program that answers there,
 * or another gateway behind the same address, would count as this one; so the id must be
 * that of the process which answers at the admin port. */
#include "scale/front_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/worker.h"
#include "fleet/gateway_client.h"

#define PAUSE_MS 1000 /* between two questions */
#define ANSWER_MS 1000

struct place {
    struct worker *worker; /* its lock guards what follows */
    struct front_probe_target target;
    bool in_use;
    unsigned turn; /* changes with the target */
    struct front_probe_view view;
};

struct front_probe {
    struct place place[SNAPSHOT_FRONT_MAX];
    size_t n; /* places with a thread */
};

/* --- the threads -------------------------------------------------------------------- */

static int fail(char why[FRONT_PROBE_WHY], const char *at, int rc)
{
    const char *what = "the connection failed";

    if (rc == -ECONNREFUSED)
        what = "nothing listens there";
    else if (rc == -ETIMEDOUT)
        what = "no answer within 1 s";
    else if (rc == -EPROTO || rc == -EMSGSIZE)
        what = "what answers is no gateway of this version";
    snprintf(why, FRONT_PROBE_WHY, "%.*s: %s", SNAPSHOT_AT, at, what);
    return rc;
}

static int ask_ready(const struct front_probe_target *t, char why[FRONT_PROBE_WHY])
{
    char said[GATEWAY_CLIENT_WHY];
    int rc = gateway_client_ready(t->at, ANSWER_MS, said);

    if (rc == -EPROTO)
        snprintf(why, FRONT_PROBE_WHY, "%.*s", FRONT_PROBE_WHY - 1, said);
    else if (rc < 0)
        fail(why, t->at, rc);
    return rc;
}

static int ask_id(const struct front_probe_target *t, char why[FRONT_PROBE_WHY])
{
    char said[GATEWAY_CLIENT_WHY];
    json_t *o = NULL;
    int rc = gateway_client_get(t->at, "/lars-id", ANSWER_MS, &o, said);
    const char *id = json_string_value(json_object_get(o, "id"));

    if (rc < 0) {
        fail(why, t->at, rc);
    } else if (!t->id[0] || !id || strcmp(id, t->id) != 0) {
        snprintf(why, FRONT_PROBE_WHY,
                 t->id[0] ? "%s: another program or gateway answers there"
                          : "%s: the admin port does not answer, so it is not known "
                            "which gateway this is",
                 t->at);
        rc = -EPROTO;
    }
    json_decref(o);
    return rc;
}

static void ask_once(struct place *p)
{
    struct front_probe_target t;
    char why[FRONT_PROBE_WHY] = "";
    unsigned turn;
    bool in_use;
    int rc;

    worker_lock(p->worker);
    in_use = p->in_use;
    t = p->target;
    turn = p->turn;
    worker_unlock(p->worker);
    if (!in_use)
        return;
    rc = t.kind == FRONT_PROBE_READY ? ask_ready(&t, why) : ask_id(&t, why);
    worker_lock(p->worker);
    if (p->in_use && p->turn == turn) {
        p->view.n_ok = rc == 0 ? p->view.n_ok + 1 : 0;
        p->view.n_failed = rc == 0 ? 0 : p->view.n_failed + 1;
        snprintf(p->view.why, sizeof(p->view.why), "%s", why);
    }
    worker_unlock(p->worker);
}

static void probe_main(void *arg)
{
    struct place *p = arg;

    do
        ask_once(p);
    while (worker_pause(p->worker, PAUSE_MS));
}

/* --- the owner ---------------------------------------------------------------------- */

int front_probe_create(struct front_probe **out)
{
    struct front_probe *p = calloc(1, sizeof(*p));
    int rc = p ? gateway_client_init() : -ENOMEM;

    if (rc < 0)
        free(p);
    else
        *out = p;
    return rc;
}

void front_probe_destroy(struct front_probe *p)
{
    size_t i;

    if (!p)
        return;
    for (i = 0; i < p->n; i++)
        worker_destroy(p->place[i].worker); /* a pause ends at once */
    gateway_client_fini();
    free(p);
}

static struct place *find(struct front_probe *p, const char *host)
{
    size_t i;

    for (i = 0; i < p->n; i++)
        if (p->place[i].in_use && strcmp(p->place[i].target.host, host) == 0)
            return &p->place[i];
    return NULL;
}

static struct place *free_place(struct front_probe *p)
{
    struct place *x;
    size_t i;

    for (i = 0; i < p->n; i++)
        if (!p->place[i].in_use)
            return &p->place[i];
    if (p->n == SNAPSHOT_FRONT_MAX)
        return NULL;
    x = &p->place[p->n];
    if (worker_create(&x->worker) < 0)
        return NULL;
    if (worker_start(x->worker, probe_main, x) < 0) {
        worker_destroy(x->worker);
        x->worker = NULL;
        return NULL;
    }
    p->n++;
    return x;
}

static void set_target(struct place *x, const struct front_probe_target *t)
{
    bool same;

    worker_lock(x->worker);
    same = x->in_use && x->target.kind == t->kind && strcmp(x->target.at, t->at) == 0;
    x->target = *t;
    x->in_use = true;
    if (!same) {
        x->turn++;
        x->view = (struct front_probe_view){0};
    }
    worker_unlock(x->worker);
}

void front_probe_ask(struct front_probe *p, const struct front_probe_target *t, size_t n)
{
    size_t i, k;

    for (i = 0; i < p->n; i++) {
        struct place *x = &p->place[i];

        for (k = 0; k < n && strcmp(t[k].host, x->target.host) != 0; k++)
            ;
        worker_lock(x->worker);
        x->in_use = x->in_use && k < n;
        worker_unlock(x->worker);
    }
    for (k = 0; k < n; k++) {
        struct place *x = find(p, t[k].host);

        if (!x)
            x = free_place(p);
        if (x)
            set_target(x, &t[k]);
    }
}

void front_probe_look(struct front_probe *p, const char *host,
                      struct front_probe_view *out)
{
    struct place *x = find(p, host); /* only this thread changes who has a place */

    *out = (struct front_probe_view){0};
    if (!x)
        return;
    worker_lock(x->worker);
    *out = x->view;
    worker_unlock(x->worker);
}
