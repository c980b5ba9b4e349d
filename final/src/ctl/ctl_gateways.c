/* Gateways are asked one after another: there are few, and each has GATEWAY_CLIENT_MS at
 * most.  Commands, their audit and the guard of a drain are those of the console, in
 * ops/gateway_change.c; they work when the database does not. */
#include "ctl/ctl_gateways.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ops/gateway_change.h"

#define BETWEEN " ,\t"
#define ZONE_IS "zone:"

void ctl_gateways_look(struct ctl_gateway *g)
{
    json_decref(g->state);
    if (gateway_client_get(g->at, "/gateway", GATEWAY_CLIENT_MS, &g->state, g->why) < 0)
        g->state = NULL;
}

static void add(struct ctl_gateways *out, const char *word, size_t len)
{
    struct ctl_gateway *g = &out->at[out->n];

    if (out->n == CTL_GATEWAYS_MAX || len >= sizeof(g->at))
        return;
    memset(g, 0, sizeof(*g));
    memcpy(g->at, word, len);
    out->n++;
    ctl_gateways_look(g);
}

int ctl_gateways_ask(const struct ctl *c, struct ctl_gateways *out)
{
    const char *p = c->gateways + strspn(c->gateways, BETWEEN);
    size_t len;

    out->n = 0;
    if (gateway_client_init() < 0)
        return ctl_say(CTL_FAILED, "cannot initialize the HTTP client");
    for (; *p; p += len + strspn(p + len, BETWEEN)) {
        len = strcspn(p, BETWEEN);
        add(out, p, len);
    }
    return out->n > 0 ? 0
                      : ctl_say(CTL_USAGE, "[gateways] admin is empty: write the admin "
                                           "ports of the gateways there, such as "
                                           "127.0.0.1:9890");
}

void ctl_gateways_free(struct ctl_gateways *g)
{
    unsigned i;

    for (i = 0; i < g->n; i++)
        json_decref(g->at[i].state);
    g->n = 0;
    gateway_client_fini();
}

const char *ctl_gateways_text(const json_t *of, const char *member)
{
    const char *text = json_string_value(json_object_get(of, member));

    return text ? text : "";
}

long long ctl_gateways_number(const json_t *of, const char *member)
{
    return (long long)json_integer_value(json_object_get(of, member));
}

const char *ctl_gateways_host(const struct ctl_gateway *g)
{
    return ctl_gateways_text(g->state, "host");
}

bool ctl_gateways_serves(const struct ctl_gateway *g)
{
    return g->state && !json_is_true(json_object_get(g->state, "draining"));
}

bool ctl_gateways_in_zone(const struct ctl_gateway *g, const char *zone)
{
    return zone[0] && strcmp(ctl_gateways_text(g->state, "zone"), zone) == 0;
}

bool ctl_gateways_match(const struct ctl_gateway *g, const char *name)
{
    const char *port = strrchr(g->at, ':');
    size_t len = port ? (size_t)(port - g->at) : 0;

    if (strncmp(name, ZONE_IS, sizeof(ZONE_IS) - 1) == 0)
        return ctl_gateways_in_zone(g, name + sizeof(ZONE_IS) - 1);
    return strcmp(g->at, name) == 0 ||
           (len > 0 && strlen(name) == len && memcmp(g->at, name, len) == 0) ||
           (g->state && strcmp(ctl_gateways_host(g), name) == 0) ||
           (g->state && strcmp(ctl_gateways_text(g->state, "address"), name) == 0);
}

/* --- commands ----------------------------------------------------------------------- */

static void prepare(struct gateway_change *c, const struct ctl_gateways *g,
                    const char *name)
{
    unsigned i;

    for (i = 0; i < g->n; i++)
        c->one[i] =
            (struct gateway_change_one){.at = g->at[i].at,
                                        .is_meant =
                                            !name || ctl_gateways_match(&g->at[i], name),
                                        .is_lost = !g->at[i].state};
    c->n = g->n;
}

static int print_one(struct ctl_gateway *g, const struct gateway_change_one *o)
{
    g->obeyed = o->obeyed;
    memcpy(g->why, o->why, sizeof(g->why));
    if (!o->obeyed)
        return ctl_say(CTL_FAILED, "%s", g->why);
    fprintf(stderr, "%s: ", g->at);
    table_print_safe(g->why, stderr);
    fputc('\n', stderr);
    return CTL_OK;
}

static int send_all(struct ctl *c, struct ctl_gateways *g, struct gateway_change *change)
{
    const struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    int code = CTL_OK, one, rc = gateway_change_apply(change, c->db, &who, why);
    unsigned i;

    if (rc == -EBUSY)
        return ctl_say(CTL_NEEDS_YES, "%s; give -y to do it", why);
    for (i = 0; i < g->n; i++) {
        if (!change->one[i].is_meant)
            continue;
        one = print_one(&g->at[i], &change->one[i]);
        code = code == CTL_OK ? one : code;
    }
    if (change->audit_rc < 0)
        ctl_say(CTL_OK, "the audit has no row of this: %s", sqldb_error(c->db));
    return code;
}

int ctl_gateways_may_drain(struct ctl *c, const struct ctl_gateways *g, const char *name)
{
    struct gateway_change change = {.path = "/drain", .timeout_ms = GATEWAY_CLIENT_MS};
    char why[CHANGE_WHY];

    if (c->yes)
        return CTL_OK;
    prepare(&change, g, name);
    return gateway_change_check(&change, why) == 0
               ? CTL_OK
               : ctl_say(CTL_NEEDS_YES, "%s; give -y to do it", why);
}

int ctl_gateways_command(struct ctl *c, struct ctl_gateways *g, const char *name,
                         const char *path, const char *body)
{
    struct gateway_change change = {
        .path = path, .body = body, .timeout_ms = GATEWAY_CLIENT_MS, .consent = c->yes};
    struct fleet_keys *k;
    char err[CONF_ERR_MAX];
    int code;

    if (!c->gateways_key[0])
        return ctl_say(CTL_USAGE, "[gateways] key_file is empty: commands are signed "
                                  "with the key in [gateway] key_file of the gateways");
    if (fleet_keys_create(&k, c->gateways_key, "[gateways] key_file", err) < 0)
        return ctl_say(CTL_FAILED, "%s", err);
    change.keys = k;
    prepare(&change, g, name);
    code = send_all(c, g, &change);
    fleet_keys_destroy(k);
    return code;
}
