/* The counters of refusals grow from the start of a gateway, so those of the beginning
 * are kept and any increase is a warning.  A gateway that does not answer three times in
 * a row is a warning as well: what cannot be seen cannot be protected.
 * Rejected: the p99 of visitors, which the state of a gateway does not have. */
#include "ctl/guard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/net_addr.h"
#include "base/worker.h"
#include "fleet/gateway_client.h"

#define GATES 32
#define PERIOD_MS 300
#define ASK_MS 1000
#define SILENT 3 /* questions without an answer */

struct gate {
    char at[NET_ADDR_STRLEN];
    json_int_t refused; /* at the beginning */
    unsigned n_silent;
};

struct guard {
    struct worker *worker;
    struct gate gate[GATES];
    unsigned n;
    char why[GUARD_WHY]; /* written before <warns> */
    atomic_bool warns;
};

/* Visitors that the gateway has refused so far; -errno with a sentence in <why>. */
static json_int_t ask(const struct gate *g, char why[GATEWAY_CLIENT_WHY])
{
    json_t *state = NULL, *m;
    json_int_t n = 0;
    size_t i;
    int rc = gateway_client_get(g->at, "/gateway", ASK_MS, &state, why);

    if (rc < 0)
        return rc;
    json_array_foreach(json_object_get(state, "modules"), i, m) n +=
        json_integer_value(json_object_get(m, "refused_new")) +
        json_integer_value(json_object_get(m, "refused_inside"));
    json_decref(state);
    return n;
}

static void look(struct guard *g, struct gate *gate)
{
    char why[GATEWAY_CLIENT_WHY];
    json_int_t n = ask(gate, why);

    gate->n_silent = n < 0 ? gate->n_silent + 1 : 0;
    if (n > gate->refused)
        snprintf(g->why, GUARD_WHY,
                 "the gateway %s has begun to refuse visitors (%lld more)", gate->at,
                 (long long)(n - gate->refused));
    else if (gate->n_silent >= SILENT)
        snprintf(g->why, GUARD_WHY, "the visitors cannot be seen: %s", why);
    else
        return;
    g->warns = true;
}

static void watch(void *arg)
{
    struct guard *g = arg;
    unsigned i;

    while (!g->warns && worker_pause(g->worker, PERIOD_MS))
        for (i = 0; i < g->n && !g->warns; i++)
            look(g, &g->gate[i]);
}

static int add_gates(struct guard *g, const char *list, char why[GUARD_WHY])
{
    char one[GATEWAY_CLIENT_WHY];
    const char *p = list;
    size_t len;

    for (; *p; p += strspn(p, ", ")) {
        struct gate *gate = &g->gate[g->n];

        len = strcspn(p, ", ");
        if (g->n == GATES || len >= sizeof(gate->at)) {
            snprintf(why, GUARD_WHY, "guard: %.100s is no list of up to %d addresses",
                     list, GATES);
            return -EINVAL;
        }
        memcpy(gate->at, p, len);
        p += len;
        gate->refused = ask(gate, one);
        if (gate->refused < 0) {
            snprintf(why, GUARD_WHY, "guard: %s", one);
            return (int)gate->refused;
        }
        g->n++;
    }
    return 0;
}

int guard_create(struct guard **out, const char *list, char why[GUARD_WHY])
{
    struct guard *g = calloc(1, sizeof(*g));
    int rc = g ? gateway_client_init() : -ENOMEM;

    snprintf(why, GUARD_WHY, "no memory for the guard");
    if (rc < 0)
        goto free_guard;
    rc = add_gates(g, list, why);
    if (rc == 0)
        rc = worker_create(&g->worker);
    if (rc == 0)
        rc = worker_start(g->worker, watch, g);
    if (rc == 0) {
        *out = g;
        return 0;
    }
    worker_destroy(g->worker);
    gateway_client_fini();
free_guard:
    free(g);
    return rc;
}

void guard_destroy(struct guard *g)
{
    if (!g)
        return;
    worker_destroy(g->worker);
    gateway_client_fini();
    free(g);
}

bool guard_warns(const struct guard *g)
{
    return g && g->warns;
}

const char *guard_why(const struct guard *g)
{
    return g->why;
}
