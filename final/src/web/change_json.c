/* An operation is an object with "op" and the members that it needs; others are refused,
 * because a member that is misspelt would be ignored silently:
 *   {"op": "add"|"set", "module": "1/1", "node": "10.0.0.1:80", "zone", "weight",
 *   "state"} {"op": "remove", "module", "node"}         {"op": "remove_module", "module"}
 *   {"op": "host", "host": "10.0.0.1", "state"}  {"op": "zone", "zone": "b", "state"}
 *   {"op": "name", "module", "name", "command"}  {"op": "confirm", "module"}
 *   {"op": "policy", "module", "rule", "probe", "timeout_ms", "slow_ms", "node_rps",
 *   "node_inflight", "target_ms"}
 *   {"op": "no_policy", "module"} */
#include "web/change_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "base/utf8.h"
#include "ops/audit_detail.h"
#include "web/api_json.h"

static const struct {
    const char *name;
    enum change_verb verb;
    const char *members; /* that it must have, besides "op" */
    const char *fields; /* that it may have */
} verbs[] = {
    {"add", CHANGE_ADD, "module node", "zone weight state"},
    {"set", CHANGE_SET, "module node", "zone weight state"},
    {"remove", CHANGE_REMOVE, "module node", ""},
    {"remove_module", CHANGE_REMOVE_MODULE, "module", ""},
    {"host", CHANGE_HOST, "host", "state"},
    {"zone", CHANGE_ZONE, "zone", "state"},
    {"name", CHANGE_NAME, "module", "name command"},
    {"policy", CHANGE_POLICY, "module",
     "rule probe timeout_ms slow_ms node_rps node_inflight target_ms"},
    {"no_policy", CHANGE_NO_POLICY, "module", ""},
    {"confirm", CHANGE_CONFIRM, "module", ""},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int wrong(char why[CHANGE_WHY], const char *what, const char *value)
{
    snprintf(why, CHANGE_WHY, "%s: %.100s", what, value ? value : "missing");
    return -EINVAL;
}

static int wrong_form(char why[CHANGE_WHY], const char *what, const char *value,
                      const char *form)
{
    snprintf(why, CHANGE_WHY, "%s: \"%.60s\" is not %s", what, value ? value : "", form);
    return -EINVAL;
}

/* Is <word> one of the words of <list>? */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    const char *p = list;

    while (*p) {
        size_t k = strcspn(p, " ");

        if (k == n && strncmp(p, word, n) == 0)
            return true;
        p += k + strspn(p + k, " ");
    }
    return false;
}

/* A value as text, as change_set_field() reads it: a text, or a number without a sign. */
static const char *value_text(const json_t *v, char number[24])
{
    if (json_is_string(v))
        return strlen(json_string_value(v)) == json_string_length(v)
                   ? json_string_value(v)
                   : NULL;
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return NULL;
    snprintf(number, 24, "%llu", (unsigned long long)json_integer_value(v));
    return number;
}

static int read_node(struct change_op *op, const char *text, char why[CHANGE_WHY])
{
    struct net_addr at;

    if (!text || net_addr_parse(&at, text) < 0 || at.family != AF_INET || at.port == 0 ||
        ipv4_of(&at) == 0)
        return wrong_form(why, "node", text,
                          "one IPv4 address with a port, such as 10.0.1.7:8001");
    op->node.ip = ipv4_of(&at);
    op->node.port = at.port;
    return 0;
}

static int read_host(struct change_op *op, const char *text, char why[CHANGE_WHY])
{
    struct net_addr at;

    if (!text || net_addr_set(&at, text, 1) < 0 || at.family != AF_INET)
        return wrong_form(why, "host", text, "an IPv4 address, such as 10.0.1.7");
    op->node.ip = ipv4_of(&at);
    return 0;
}

static int read_member(struct change_op *op, const char *key, const json_t *v,
                       char why[CHANGE_WHY])
{
    char number[24];
    const char *text = value_text(v, number);

    if (!text)
        return wrong(why, key, "not a text or a number");
    if (strcmp(key, "module") == 0)
        return api_json_read_module(text, &op->node.modid, &op->node.cmdid)
                   ? 0
                   : wrong(why, key, text);
    if (strcmp(key, "node") == 0)
        return read_node(op, text, why);
    if (strcmp(key, "host") == 0)
        return read_host(op, text, why);
    if (strcmp(key, "name") == 0)
        return change_set_names(op, json_is_string(v) ? text : "", op->command, why);
    if (strcmp(key, "command") == 0)
        return change_set_names(op, op->name, json_is_string(v) ? text : "", why);
    return change_set_field(op, key, text, why);
}

static int read_op(struct change_op *op, const json_t *j, char why[CHANGE_WHY])
{
    const char *name = json_string_value(json_object_get(j, "op")), *key;
    const json_t *v;
    size_t i = 0, n_must = 0;
    int rc = 0;

    while (name && i < N_VERBS && strcmp(verbs[i].name, name) != 0)
        i++;
    if (!name || i == N_VERBS)
        return wrong(why, "op", name);
    op->verb = verbs[i].verb;
    json_object_foreach((json_t *)(uintptr_t)j, key, v)
    {
        bool must = has_word(verbs[i].members, key);

        n_must += must;
        if (rc < 0 || strcmp(key, "op") == 0)
            continue;
        rc = must || has_word(verbs[i].fields, key) ? read_member(op, key, v, why)
                                                    : wrong(why, "not a member", key);
    }
    if (rc == 0 && n_must < 1 + (strchr(verbs[i].members, ' ') != NULL))
        return wrong(why, "members", verbs[i].members);
    if (rc == 0 && (op->verb == CHANGE_HOST || op->verb == CHANGE_ZONE) &&
        !op->node.state[0])
        return wrong(why, "state", NULL);
    return rc;
}

static int read_bases(struct change_json *c, const json_t *list, char why[CHANGE_WHY])
{
    size_t i, n = json_array_size(list);

    if (list && (!json_is_array(list) || n > CHANGE_JSON_BASES))
        return wrong(why, "base", "not a list of at most 500");
    c->base = calloc(n + 1, sizeof(*c->base));
    if (!c->base)
        return -ENOMEM;
    for (i = 0; i < n; i++) {
        const json_t *j = json_array_get(list, i);
        struct ops_base *b = &c->base[i];

        if (!api_json_read_module(json_string_value(json_object_get(j, "module")),
                                  &b->modid, &b->cmdid) ||
            !api_json_read_sum(json_string_value(json_object_get(j, "sum")), &b->sum))
            return wrong(why, "base", "not {module, sum}");
    }
    c->n_base = n;
    return 0;
}

/* What the change is about: the subject of its row in Audit, and the word of consent. */
static void name_change(struct change_json *c, const json_t *list)
{
    const struct change_op *op = c->op;
    const char *verb = json_string_value(json_object_get(json_array_get(list, 0), "op"));

    snprintf(c->action, sizeof(c->action), "%s", verb);
    if (op->verb == CHANGE_ZONE) {
        snprintf(c->subject, sizeof(c->subject), "zone:%s", op->node.zone);
        snprintf(c->word, sizeof(c->word), "%s", op->node.zone);
    } else if (op->verb == CHANGE_HOST) {
        snprintf(c->word, sizeof(c->word), "%u.%u.%u.%u", op->node.ip >> 24,
                 op->node.ip >> 16 & 255, op->node.ip >> 8 & 255, op->node.ip & 255);
        snprintf(c->subject, sizeof(c->subject), "host:%s", c->word);
    } else {
        snprintf(c->subject, sizeof(c->subject), "%u/%u", op->node.modid, op->node.cmdid);
        snprintf(c->word, sizeof(c->word), "%u/%u", op->node.modid, op->node.cmdid);
    }
}

int change_json_read(struct change_json *c, const json_t *body, char why[CHANGE_WHY],
                     size_t *bad)
{
    const json_t *list = json_object_get(body, "operations");
    size_t n = json_array_size(list);
    int rc = 0;

    *bad = 0;
    if (n == 0 || n > CHANGE_OPS_MAX)
        return wrong(why, "operations", "not a list of 1 to 500");
    c->op = calloc(n, sizeof(*c->op));
    if (!c->op)
        return -ENOMEM;
    for (; c->n_op < n && rc == 0; c->n_op++) {
        *bad = c->n_op;
        rc = read_op(&c->op[c->n_op], json_array_get(list, c->n_op), why);
    }
    if (rc == 0)
        rc = read_bases(c, json_object_get(body, "base"), why);
    if (rc == 0)
        name_change(c, list);
    else if (rc == -EINVAL)
        utf8_replace_broken(why); /* it has what was sent, cut */
    return rc;
}

void change_json_free(struct change_json *c)
{
    free(c->op);
    free(c->base);
}

/* --- the plan ---------------------------------------------------------------------- */

static int add_row(const struct node_row *old, const struct node_row *fresh, void *arg)
{
    json_array_append_new(arg, audit_detail_row(old, fresh));
    return 0;
}

static json_t *list_warnings(unsigned warnings)
{
    static const char *const names[] = {"none_left", "most_gone", "zone_empty",
                                        "overload", "all_out"};
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (warnings & 1u << i)
            json_array_append_new(list, json_string(names[i]));
    return list;
}

static json_t *list_modules(const struct plan *p)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < p->n_module; i++) {
        const struct plan_module *m = &p->module[i];

        json_array_append_new(
            list,
            json_pack("{s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "module",
                      api_json_module_id(m->modid, m->cmdid), "base",
                      api_json_sum(m->base), "had", (json_int_t)m->had, "gone",
                      (json_int_t)m->gone, "left", (json_int_t)m->left, "out",
                      (json_int_t)m->out, "calls", (json_int_t)m->calls, "calls_gone",
                      (json_int_t)m->calls_gone, "capacity", (json_int_t)m->capacity,
                      "warnings", list_warnings(m->warnings)));
    }
    return list;
}

static json_t *list_zones(const struct plan *p)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < p->n_zone; i++) {
        const struct plan_zone *z = &p->zone[i];

        json_array_append_new(list, json_pack("{s:o,s:s,s:I,s:I}", "module",
                                              api_json_module_id(z->modid, z->cmdid),
                                              "zone", z->zone, "had", (json_int_t)z->had,
                                              "left", (json_int_t)z->left));
    }
    return list;
}

json_t *change_json_plan(const struct change_json *c, const struct ops_outcome *out)
{
    const struct plan *p = &out->plan;
    json_t *rows = json_array();

    plan_each(p, add_row, rows);
    return json_pack("{s:o,s:b,s:s,s:b,s:o,s:o,s:o,s:o}", "hash", api_json_sum(p->hash),
                     "needs_consent", p->needs != PLAN_NO_CONSENT, "word", c->word,
                     "many_of_all", p->many_of_all, "modules", list_modules(p), "zones",
                     list_zones(p), "rows", rows, "settings",
                     audit_detail_settings(&out->settings));
}
