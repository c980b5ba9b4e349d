/* The visits of a model that are not over wait in a heap, each for its next request; the
 * next arrival stands beside it, and the earlier of the two is the next request.  Pages
 * and pauses come from a generator of their own, so that the arrivals of a seed are the
 * same for every model.
 *
 * Invariant: the times of successive requests never go back.
 * Rejected: pauses from the end of a response.  That is what people do, but a server that
 * becomes slow would then get fewer requests, and the measurement would praise it. */
#include "load/visits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "net/evtimer.h"

#define PAGES_MAX 100 /* of a visit */
#define PICTURE_AFTER_US 50000 /* the browser has read the page */
#define PICTURE_GAP_US 2000
#define AGE_MAX_S 300

enum kind { PATHS, MODEL, LOG };

struct visit {
    struct evtimer due; /* of its next request */
    uint32_t id;
    unsigned pages, pictures; /* still to come */
    uint64_t page_us; /* when the next page is due */
};

struct visits {
    enum kind kind;
    struct arrivals arrivals;
    uint64_t next_us; /* the next arrival */
    uint64_t begin_us; /* when the load begins; earlier requests are dropped */
    struct path_list list;
    size_t turn;
    struct visits_model model;
    struct rnd rnd; /* of the model */
    struct evtimer_heap going; /* visits */
    uint32_t last_id;
    struct log_replay log;
    double speed;
    uint64_t n_skipped;
};

/* --- model -------------------------------------------------------------------------- */

/* From 0 to below 1. */
static double draw(struct visits *v)
{
    return (rnd_u32(&v->rnd) + 0.5) / 4294967296.0;
}

static unsigned draw_pages(struct visits *v)
{
    double more = 1 - 1 / v->model.pages;
    unsigned n = 1;

    while (n < PAGES_MAX && draw(v) < more)
        n++;
    return n;
}

static uint64_t draw_pause_us(struct visits *v)
{
    double s = -log(draw(v)) * v->model.pause_s;

    return (uint64_t)(fmin(s, 10 * v->model.pause_s) * 1e6);
}

static const char *draw_path(struct visits *v, char **from, size_t n)
{
    return from[(size_t)(draw(v) * (double)n)];
}

/* The visit has made a request at <at_us>: arm it for the next one, or end it. */
static void arm_visit(struct visits *v, struct visit *one, uint64_t at_us)
{
    uint64_t due = at_us + PICTURE_GAP_US;

    if (one->pictures == 0)
        due = one->page_us > at_us ? one->page_us : at_us;
    evtimer_heap_remove(&v->going, &one->due);
    if (one->pictures == 0 && one->pages == 0)
        free(one);
    else if (evtimer_heap_set(&v->going, &one->due, due, NULL, one) < 0) {
        v->n_skipped++;
        free(one);
    }
}

/* A page at <at_us>; its pictures follow, then the next page. */
static void take_page(struct visits *v, struct visit *one, uint64_t at_us)
{
    one->pages--;
    one->pictures = v->model.pictures;
    one->page_us = at_us + draw_pause_us(v);
    arm_visit(v, one, one->pictures ? at_us + PICTURE_AFTER_US : at_us);
}

static void take_of_visit(struct visits *v, struct visit *one, struct visits_request *out)
{
    char **pages = v->list.n_pages ? v->list.page : v->list.all;
    size_t n = v->list.n_pages ? v->list.n_pages : v->list.n;

    out->at_us = one->due.due_us;
    out->visitor = one->id;
    if (one->pictures > 0) {
        out->path = draw_path(v, v->list.picture, v->list.n_pictures);
        one->pictures--;
        arm_visit(v, one, out->at_us);
    } else {
        out->path = draw_path(v, pages, n);
        take_page(v, one, out->at_us);
    }
}

/* A visit begins with the first page of the list. */
static void begin_visit(struct visits *v, uint64_t at_us, struct visits_request *out)
{
    struct visit *one = v->going.n < VISITS_AT_ONCE ? calloc(1, sizeof(*one)) : NULL;

    out->at_us = at_us;
    out->path = v->list.n_pages ? v->list.page[0] : v->list.all[0];
    out->visitor = ++v->last_id ? v->last_id : ++v->last_id;
    if (!one) {
        v->n_skipped++;
        return;
    }
    one->id = out->visitor;
    one->pages = draw_pages(v);
    take_page(v, one, at_us);
}

/* --- all kinds ---------------------------------------------------------------------- */

static uint64_t next_us(const struct visits *v)
{
    const struct evtimer *t = evtimer_heap_first(&v->going);

    if (v->kind == LOG)
        return v->turn < v->log.n
                   ? (uint64_t)((double)v->log.at[v->turn].at_us / v->speed)
                   : UINT64_MAX;
    return t && t->due_us < v->next_us ? t->due_us : v->next_us;
}

static void take(struct visits *v, struct visits_request *out)
{
    struct evtimer *t = evtimer_heap_first(&v->going);
    uint64_t at_us = next_us(v);

    if (v->kind == LOG) {
        *out = (struct visits_request){at_us, v->log.at[v->turn].path,
                                       v->log.at[v->turn].visitor};
        v->turn++;
        return;
    }
    if (t && t->due_us < v->next_us) {
        take_of_visit(v, t->arg, out);
        return;
    }
    if (v->kind == MODEL)
        begin_visit(v, at_us, out);
    else
        *out = (struct visits_request){at_us, v->list.all[v->turn++ % v->list.n], 0};
    v->next_us = arrivals_next_us(&v->arrivals);
}

uint64_t visits_next_us(const struct visits *v)
{
    uint64_t at_us = next_us(v);

    return at_us == UINT64_MAX ? at_us : at_us - v->begin_us;
}

void visits_take(struct visits *v, struct visits_request *out)
{
    take(v, out);
    out->at_us -= v->begin_us;
}

uint64_t visits_n_skipped(const struct visits *v)
{
    return v->n_skipped;
}

/* --- begin and end ------------------------------------------------------------------ */

static int create(struct visits **out, enum kind kind, struct path_list *list,
                  const struct arrivals_plan *plan)
{
    struct visits *v = calloc(1, sizeof(*v));

    if (!v) {
        path_list_free(list);
        return -ENOMEM;
    }
    v->kind = kind;
    v->list = *list;
    *list = (struct path_list){0};
    arrivals_init(&v->arrivals, plan);
    *out = v;
    return 0;
}

int visits_create_paths(struct visits **out, struct path_list *list,
                        const struct arrivals_plan *plan)
{
    int rc = create(out, PATHS, list, plan);

    if (rc == 0)
        (*out)->next_us = arrivals_next_us(&(*out)->arrivals);
    return rc;
}

/* At the beginning there are visits of every age already: the rate is the right one from
 * the first second on. */
static void drop_earlier(struct visits *v)
{
    struct visits_request r;

    while (next_us(v) < v->begin_us)
        take(v, &r);
}

int visits_create_model(struct visits **out, struct path_list *list,
                        const struct arrivals_plan *plan, const struct visits_model *m)
{
    struct visits_model model = *m;
    struct arrivals_plan p = *plan;
    uint64_t age;
    unsigned i;
    int rc;

    if (list->n_pictures == 0)
        model.pictures = 0;
    if (model.pages < 1)
        model.pages = 1;
    p.per_s /= model.pages * (1 + model.pictures);
    age = (uint64_t)(fmin(3 * (model.pages - 1) * model.pause_s, AGE_MAX_S) * 1e6);
    for (i = 0; i < p.n_steps; i++)
        p.step[i].at_us += age;
    rc = create(out, MODEL, list, &p);
    if (rc < 0)
        return rc;
    (*out)->model = model;
    rnd_init(&(*out)->rnd, p.seed ^ 0x5deece66d5deece6u);
    (*out)->next_us = arrivals_next_us(&(*out)->arrivals);
    (*out)->begin_us = age;
    drop_earlier(*out);
    return 0;
}

int visits_create_log(struct visits **out, struct log_replay *log, double speed)
{
    struct visits *v = calloc(1, sizeof(*v));

    if (!v) {
        log_replay_free(log);
        return -ENOMEM;
    }
    v->kind = LOG;
    v->log = *log;
    *log = (struct log_replay){0};
    v->speed = speed;
    *out = v;
    return 0;
}

void visits_destroy(struct visits *v)
{
    struct evtimer *t;

    if (!v)
        return;
    while ((t = evtimer_heap_first(&v->going)) != NULL) {
        evtimer_heap_remove(&v->going, t);
        free(t->arg);
    }
    evtimer_heap_fini(&v->going);
    path_list_free(&v->list);
    log_replay_free(&v->log);
    free(v);
}
