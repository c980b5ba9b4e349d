/* An arbiter (garbd) has no client port, so its place in wsrep_incoming_addresses is
 * empty: this tells it from a member with data.  That one is missing is known from the
 * addresses that the node is configured with, or from the weights: of two rooms without
 * an arbiter one outweighs the other, so two databases of half the weight each had one,
 * or need one.  deploy/two-zones gives the nodes no address of the arbiter.
 *
 * Rejected: a table with the members, which a node outside of the primary component could
 * not read. */
#include "db/zone_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEME "gcomm://"
#define WEIGHT "pc.weight"

static const struct {
    const char *name, *text;
} cases[] = {
    [ZONE_DB_UNKNOWN] = {"unknown", "the database could not be asked"},
    [ZONE_DB_ONE] = {"one", "one database, without a copy in another zone"},
    [ZONE_DB_ARBITER] = {"arbiter",
                         "the databases of the zones and an arbiter: any one of them may "
                         "be lost, and the others still write"},
    [ZONE_DB_WEIGHT] = {"weight",
                        "two rooms without an arbiter: when the rooms lose each other, "
                        "the one of the larger pc.weight still writes; when that one is "
                        "lost, larsctl zone promote lets the other one write"},
    [ZONE_DB_NO_ARBITER] = {"no_arbiter",
                            "the databases of the zones without their arbiter: when the "
                            "zones lose each other now, none of them writes; start the "
                            "arbiter"},
    [ZONE_DB_ALONE] = {"alone", "the database of this zone is the only one that takes "
                                "part; start that of the other zone"},
    [ZONE_DB_ISOLATED] = {"isolated",
                          "the database of this zone is isolated and takes no writes: "
                          "routes are served as they were, and nothing can be changed"},
};

const char *zone_db_case_name(enum zone_db_case c)
{
    return cases[c].name;
}

static void copy(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

/* The values between commas, and how many of them are empty. */
static uint32_t count(const char *list, uint32_t *n_empty)
{
    uint32_t n = 0;
    size_t len;

    *n_empty = 0;
    if (!list[0])
        return 0;
    for (;; list += len + 1) {
        len = strcspn(list, ",");
        *n_empty += len == 0;
        n++;
        if (!list[len])
            return n;
    }
}

static void take_peers(struct zone_db_view *v, const char *value)
{
    uint32_t n_empty;
    char *end;

    if (strncmp(value, SCHEME, sizeof(SCHEME) - 1) == 0)
        value += sizeof(SCHEME) - 1;
    copy(v->peers, sizeof(v->peers), value);
    end = strchr(v->peers, '?');
    if (end)
        *end = '\0';
    v->configured = count(v->peers, &n_empty);
    v->configured -= n_empty;
}

/* "...; pc.weight = 2; ..." */
static void take_options(struct zone_db_view *v, const char *value)
{
    const char *at = strstr(value, WEIGHT);

    at = at ? strchr(at, '=') : NULL;
    v->own_weight = at ? (uint32_t)strtoul(at + 1, NULL, 10) : 1;
}

void zone_db_take(struct zone_db_view *v, const char *name, const char *value)
{
    uint32_t n, n_empty;

    if (strcasecmp(name, "wsrep_on") == 0)
        v->is_on = strcasecmp(value, "ON") == 0;
    else if (strcasecmp(name, "wsrep_ready") == 0)
        v->is_ready = strcasecmp(value, "ON") == 0;
    else if (strcasecmp(name, "wsrep_cluster_status") == 0)
        v->is_primary = strcasecmp(value, "Primary") == 0;
    else if (strcasecmp(name, "wsrep_cluster_size") == 0)
        v->members = (uint32_t)strtoul(value, NULL, 10);
    else if (strcasecmp(name, "wsrep_cluster_weight") == 0)
        v->weight = (uint32_t)strtoul(value, NULL, 10);
    else if (strcasecmp(name, "wsrep_local_state_comment") == 0)
        copy(v->state, sizeof(v->state), value);
    else if (strcasecmp(name, "wsrep_node_name") == 0)
        copy(v->node, sizeof(v->node), value);
    else if (strcasecmp(name, "wsrep_node_address") == 0)
        copy(v->address, sizeof(v->address), value);
    else if (strcasecmp(name, "wsrep_cluster_address") == 0)
        take_peers(v, value);
    else if (strcasecmp(name, "wsrep_provider_options") == 0)
        take_options(v, value);
    else if (strcasecmp(name, "wsrep_incoming_addresses") == 0) {
        n = count(value, &n_empty);
        v->data = n - n_empty;
    }
}

/* Does each database have half of the votes?  Then neither is a majority alone. */
static bool is_half(const struct zone_db_view *v)
{
    return v->data == 2 && v->weight > 0 && v->weight == 2 * v->own_weight;
}

void zone_db_judge(struct zone_db_view *v)
{
    if (!v->is_on)
        v->is = ZONE_DB_ONE;
    else if (!v->is_primary || !v->is_ready)
        v->is = ZONE_DB_ISOLATED;
    else if (v->data <= 1)
        v->is = ZONE_DB_ALONE;
    else if (v->members > v->data)
        v->is = ZONE_DB_ARBITER;
    else if (v->configured > v->data || is_half(v))
        v->is = ZONE_DB_NO_ARBITER;
    else
        v->is = ZONE_DB_WEIGHT;
}

const char *zone_db_text(const struct zone_db_view *v)
{
    if (v->is == ZONE_DB_NO_ARBITER && v->weight > 0 && !is_half(v))
        return "the databases of the zones without their arbiter: when the zones lose "
               "each other now, only the side that has more than half of the pc.weight "
               "still writes; start the arbiter";
    return cases[v->is].text;
}

int zone_db_open(struct sqldb **out, const struct myconn_config *cfg)
{
    struct myconn_config own = *cfg;
    int rc;

    own.timeout_s = 1;
    rc = sqldb_open(out, &own);
    if (rc == 0)
        sqldb_stay(*out, true); /* also at a node that could not be used */
    return rc;
}

static int take_row(char **at, void *arg)
{
    zone_db_take(arg, at[0] ? at[0] : "", at[1] ? at[1] : "");
    return 0;
}

int zone_db_read(struct sqldb *db, struct zone_db_view *out)
{
    int rc;

    *out = (struct zone_db_view){.is = ZONE_DB_UNKNOWN};
    rc = sqldb_each(db, take_row, out,
                    "SELECT variable_name, variable_value FROM "
                    "information_schema.global_status WHERE variable_name IN "
                    "('wsrep_ready', 'wsrep_cluster_status', 'wsrep_cluster_size', "
                    "'wsrep_cluster_weight', 'wsrep_local_state_comment', "
                    "'wsrep_incoming_addresses') UNION ALL SELECT variable_name, "
                    "variable_value FROM information_schema.global_variables WHERE "
                    "variable_name IN ('wsrep_on', 'wsrep_node_name', "
                    "'wsrep_node_address', 'wsrep_cluster_address', "
                    "'wsrep_provider_options')");
    if (rc == 0)
        zone_db_judge(out);
    return rc;
}
