/* The text comes from another process, so each member is checked before it is shown: a
 * text must fit and be of UTF-8, which jansson checks, a number is cut to its range, and
 * the number of loops and modules is bounded.  A member that a newer gateway adds is
 * ignored, and one that an older gateway lacks is 0.
 *
 * Rejected: handing the gateway's JSON on to the pages.  They would show whatever type
 * and length a faulty gateway sends, and rates need the numbers anyway. */
#include "web/gateway_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {"normal",   "queueing", "waiting",
                                          "shedding", "static",   "unknown"};
static const char *const result_names[GATEWAY_RESULTS] = {"node",   "cache",   "stale",
                                                          "static", "waiting", "error"};

const char *gateway_answer_state_name(enum gateway_answer_state s)
{
    return state_names[s];
}

static enum gateway_answer_state state_of(const char *name)
{
    enum gateway_answer_state s = GATEWAY_NORMAL;

    while (s < GATEWAY_UNKNOWN && strcmp(name, state_names[s]) != 0)
        s++;
    return s;
}

/* --- members; jansson returns NULL for a member of NULL ----------------------------- */

static uint64_t take_u64(const json_t *o, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(o, name));

    return v > 0 ? (uint64_t)v : 0;
}

static uint32_t take_u32(const json_t *o, const char *name)
{
    uint64_t v = take_u64(o, name);

    return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

static double take_number(const json_t *o, const char *name)
{
    double v = json_number_value(json_object_get(o, name));

    return v > 0 ? v : 0;
}

static bool take_bool(const json_t *o, const char *name)
{
    return json_is_true(json_object_get(o, name));
}

/* False: it is no text, or too long. */
static bool take_text(const json_t *o, const char *name, char *out, size_t room)
{
    const char *text = json_string_value(json_object_get(o, name));

    if (!text || strlen(text) >= room)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* --- parts -------------------------------------------------------------------------- */

static bool take_module(const json_t *o, struct gateway_answer_module *m)
{
    const json_t *requests = json_object_get(o, "requests");
    char state[20];
    int i;

    if (!json_is_integer(json_object_get(o, "modid")) ||
        !json_is_integer(json_object_get(o, "cmdid")) ||
        !take_text(o, "state", state, sizeof(state)))
        return false;
    m->modid = take_u32(o, "modid");
    m->cmdid = take_u32(o, "cmdid");
    m->state = state_of(state);
    m->is_measured = take_bool(o, "measured");
    m->nodes_in = take_u32(o, "nodes_in");
    m->limit = take_u32(o, "limit");
    m->inflight = take_u32(o, "inflight");
    m->queue = take_u32(o, "queue");
    m->factor = take_number(o, "factor");
    m->share = take_number(o, "share");
    for (i = 0; i < GATEWAY_RESULTS; i++)
        m->count[i] = take_u64(requests, result_names[i]);
    m->count[GATEWAY_REFUSED_NEW] = take_u64(o, "refused_new");
    m->count[GATEWAY_REFUSED_INSIDE] = take_u64(o, "refused_inside");
    m->count[GATEWAY_BUDGET_EMPTY] = take_u64(o, "budget_empty");
    return true;
}

static int take_modules(const json_t *list, struct gateway_answer *a)
{
    size_t i, n = json_array_size(list);

    if (!json_is_array(list))
        return -EPROTO;
    if (n > GATEWAY_ANSWER_MODULES)
        n = GATEWAY_ANSWER_MODULES;
    a->module = calloc(n + 1, sizeof(*a->module));
    if (!a->module)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        if (!take_module(json_array_get(list, i), &a->module[i]))
            return -EPROTO;
    a->n_module = n;
    return 0;
}

static void take_loops(const json_t *o, struct gateway_answer *a)
{
    const json_t *list = json_object_get(o, "loop_busy_permille");
    size_t i, n = json_array_size(list);

    a->loops = take_u32(o, "loops");
    a->loops_max = take_u32(o, "loops_max");
    a->n_busy = n < GATEWAY_ANSWER_LOOPS ? n : GATEWAY_ANSWER_LOOPS;
    for (i = 0; i < a->n_busy; i++) {
        json_int_t v = json_integer_value(json_array_get(list, i));

        a->busy[i] = v < 0 ? 0 : v > 1000 ? 1000 : (uint32_t)v;
    }
}

static void take_stores(const json_t *o, struct gateway_answer *a)
{
    const json_t *cache = json_object_get(o, "cache"),
                 *copy = json_object_get(o, "static");

    a->cache.bytes = take_u64(cache, "bytes");
    a->cache.bytes_max = take_u64(cache, "bytes_max");
    a->cache.objects = take_u64(cache, "objects");
    a->cache.hits = take_u64(cache, "hits");
    a->cache.misses = take_u64(cache, "misses");
    a->copy.is_present = take_bool(copy, "present");
    a->copy.is_on = take_bool(copy, "on");
    a->copy.files = take_u64(copy, "files");
    a->copy.bytes = take_u64(copy, "bytes");
    a->copy.taken_s = take_u64(copy, "taken_at");
}

static int take_all(const json_t *o, struct gateway_answer *a)
{
    if (!take_text(o, "host", a->host, sizeof(a->host)) ||
        !take_text(o, "version", a->version, sizeof(a->version)) ||
        !take_text(o, "address", a->address, sizeof(a->address)))
        return -EPROTO;
    a->up_s = take_u64(o, "up_s");
    a->is_draining = take_bool(o, "draining");
    a->clients = take_u32(o, "clients");
    a->clients_max = take_u32(o, "clients_max");
    take_loops(o, a);
    take_stores(o, a);
    return take_modules(json_object_get(o, "modules"), a);
}

int gateway_answer_read(struct gateway_answer *out, const json_t *o)
{
    struct gateway_answer a = {0};
    int rc = take_all(o, &a);

    if (rc < 0)
        gateway_answer_free(&a);
    else
        *out = a;
    return rc;
}

void gateway_answer_free(struct gateway_answer *a)
{
    free(a->module);
    a->module = NULL;
    a->n_module = 0;
}

const struct gateway_answer_module *gateway_answer_find(const struct gateway_answer *a,
                                                        uint32_t modid, uint32_t cmdid)
{
    size_t i;

    for (i = 0; i < a->n_module; i++)
        if (a->module[i].modid == modid && a->module[i].cmdid == cmdid)
            return &a->module[i];
    return NULL;
}
