/* Gateways are asked one after another: there are few, and each has GATEWAY_CLIENT_MS at
 * most.  A command goes to every gateway that is named, also when one before has failed,
 * because the others shall not depend on it.
 *
 * The audit comes after the commands: they have to work when the database does not. */
#include "ctl/ctl_gateways.h"

#include <stdio.h>
#include <string.h>

#include "ops/audit.h"

#define BETWEEN " ,\t"

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

bool ctl_gateways_match(const struct ctl_gateway *g, const char *name)
{
    const char *port = strrchr(g->at, ':');
    size_t len = port ? (size_t)(port - g->at) : 0;

    return strcmp(g->at, name) == 0 ||
           (len > 0 && strlen(name) == len && memcmp(g->at, name, len) == 0) ||
           (g->state && strcmp(ctl_gateways_host(g), name) == 0) ||
           (g->state && strcmp(ctl_gateways_text(g->state, "address"), name) == 0);
}

/* --- commands ----------------------------------------------------------------------- */

/* Returns 0, or below 0 when the database took no row. */
static int record(struct ctl *c, const struct ctl_gateway *g, const char *path,
                  const char *body)
{
    const struct audit_actor who = ctl_actor(c);
    char action[33], subject[100];
    const struct audit_entry what = {.action = action,
                                     .subject = subject,
                                     .result = "done"};
    uint64_t id;

    snprintf(action, sizeof(action), "gateway %.16s%s%.6s", path + 1, body[0] ? " " : "",
             body);
    snprintf(subject, sizeof(subject), "gateway:%s", g->at);
    return audit_add(c->db, &who, &what, &id);
}

static int send_one(struct ctl_gateway *g, const struct fleet_keys *k, const char *path,
                    const char *body)
{
    int rc = gateway_client_command(g->at, k, path, body, GATEWAY_CLIENT_MS, g->why);

    g->obeyed = rc == 0;
    if (rc < 0)
        return ctl_say(CTL_FAILED, "%s", g->why);
    fprintf(stderr, "%s: ", g->at);
    table_print_safe(g->why, stderr);
    fputc('\n', stderr);
    return CTL_OK;
}

static int send_all(struct ctl *c, struct ctl_gateways *g, const struct fleet_keys *k,
                    const char *name, const char *path, const char *body)
{
    int code = CTL_OK, one, rc = 0;
    unsigned i;

    for (i = 0; i < g->n; i++) {
        if (name && !ctl_gateways_match(&g->at[i], name))
            continue;
        one = send_one(&g->at[i], k, path, body);
        code = code == CTL_OK ? one : code;
        if (one == CTL_OK && rc == 0)
            rc = record(c, &g->at[i], path, body);
    }
    if (rc < 0)
        ctl_say(CTL_OK, "the audit has no row of this: %s", sqldb_error(c->db));
    return code;
}

int ctl_gateways_command(struct ctl *c, struct ctl_gateways *g, const char *name,
                         const char *path, const char *body)
{
    struct fleet_keys *k;
    char err[CONF_ERR_MAX];
    int code;

    if (!c->gateways_key[0])
        return ctl_say(CTL_USAGE, "[gateways] key_file is empty: commands are signed "
                                  "with the key in [gateway] key_file of the gateways");
    if (fleet_keys_create(&k, c->gateways_key, "[gateways] key_file", err) < 0)
        return ctl_say(CTL_FAILED, "%s", err);
    code = send_all(c, g, k, name, path, body);
    fleet_keys_destroy(k);
    return code;
}
