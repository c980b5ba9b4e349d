/* A look is one query for all modules of a change.  The nodes that are wanted are read
 * again only when the version of the routes is another, so a look costs what the agents
 * have, and not what the database has.
 *
 * An agent that reports nothing is never counted as one that has the change, because what
 * it reported last may be true no longer.
 *
 * Rejected: comparing versions.  An agent that did not need an update keeps the version
 * that it had, and a version says nothing about a host that lost a message.  Rejected:
 * asking the agents.  A list of them is incomplete, and addresses without weights and
 * zones look the same before and after a change of these. */
#include "ops/in_force.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "base/mono.h"
#include "ops/route_rows.h"
#include "route/routedelta.h"

#define GAP_MS 20

static const char *const state_names[] = {"in_force", "behind", "silent", "not_known"};

const char *in_force_state_name(enum in_force_state state)
{
    return state_names[state];
}

static size_t find(const struct in_force *f, uint32_t modid, uint32_t cmdid)
{
    size_t i = 0;

    while (i < f->n_module &&
           (f->module[i].modid != modid || f->module[i].cmdid != cmdid))
        i++;
    return i;
}

void in_force_add(struct in_force *f, uint32_t modid, uint32_t cmdid)
{
    if (find(f, modid, cmdid) < f->n_module)
        return;
    if (f->n_module == IN_FORCE_MODULES) {
        f->n_more++;
        return;
    }
    f->module[f->n_module++] = (struct in_force_module){.modid = modid, .cmdid = cmdid};
    f->is_read = false;
}

/* --- what is wanted ----------------------------------------------------------------- */

/* The checksum that an agent reports when it uses rows <from> to <to> - 1.  <node> has
 * room for them. */
static uint64_t sum_of(const struct node_rows *rows, size_t from, size_t to,
                       struct route_node *node)
{
    size_t n = 0;

    for (; from < to; from++) {
        const struct node_row *r = &rows->at[from];
        uint32_t weight =
            r->weight > NODE_ROW_WEIGHT_MAX ? NODE_ROW_WEIGHT_MAX : r->weight;

        if (node_row_in_service(r) && r->ip != 0 && r->port > 0 && r->port <= UINT16_MAX)
            node[n++] = (struct route_node){r->ip, (uint16_t)r->port,
                                            weight == 100 ? 0 : (uint16_t)weight,
                                            crc32_of(r->zone)};
    }
    return routedelta_sum(node, n);
}

static int set_sums(struct in_force *f, const struct node_rows *rows)
{
    struct route_node *node = calloc(rows->n + 1, sizeof(*node));
    size_t i, end;

    if (!node)
        return -ENOMEM;
    for (i = 0; i < f->n_module; i++)
        f->module[i].sum = routedelta_sum(node, 0);
    for (i = 0; i < rows->n; i = end) {
        size_t m = find(f, rows->at[i].modid, rows->at[i].cmdid);

        end = node_row_module_end(rows, i);
        if (m < f->n_module)
            f->module[m].sum = sum_of(rows, i, end, node);
    }
    free(node);
    return 0;
}

static int read_sums(struct sqldb *db, struct in_force *f)
{
    struct change_op *op = calloc(IN_FORCE_MODULES, sizeof(*op));
    struct node_rows rows = {NULL, 0, 0};
    size_t i;
    int rc = op ? 0 : -ENOMEM;

    for (i = 0; rc == 0 && i < f->n_module; i++) {
        op[i].verb = CHANGE_CONFIRM;
        op[i].node.modid = f->module[i].modid;
        op[i].node.cmdid = f->module[i].cmdid;
    }
    if (rc == 0)
        rc = route_rows_read(db, op, f->n_module, false, &rows);
    if (rc == 0)
        rc = set_sums(f, &rows);
    node_row_free(&rows);
    free(op);
    return rc;
}

static int take_version(char **at, void *arg)
{
    struct in_force *f = arg;
    uint64_t version = strtoull(at[0], NULL, 10);

    f->is_read = f->is_read && version == f->version;
    f->version = version;
    f->n_agent = (uint32_t)strtoul(at[1], NULL, 10);
    return 0;
}

/* The version is read before the rows: a change between the two makes the next look read
 * them again. */
static int read_wanted(struct sqldb *db, struct in_force *f)
{
    int rc = sqldb_each(db, take_version, f,
                        "SELECT version, (SELECT COUNT(*) FROM Service WHERE kind = "
                        "'agent' AND seen_at > NOW(3) - INTERVAL 1 DAY) FROM "
                        "RouteVersion WHERE id = 1");

    if (rc == 0 && !f->is_read) {
        rc = read_sums(db, f);
        f->is_read = rc == 0;
    }
    return rc;
}

/* --- what the agents use ------------------------------------------------------------ */

struct look {
    struct in_force *f;
    in_force_fn *fn;
    void *arg;
};

static uint64_t number_of(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

static void add_missing(struct in_force *f, const struct in_force_agent *a)
{
    if (f->n_missing < IN_FORCE_NAMES)
        f->missing[f->n_missing++] = *a;
}

static int take_agent(char **at, void *arg)
{
    struct look *l = arg;
    struct in_force_agent a = {.version = number_of(at[4])};
    struct in_force_module *m;

    a.module = find(l->f, (uint32_t)number_of(at[0]), (uint32_t)number_of(at[1]));
    if (a.module == l->f->n_module)
        return 0;
    m = &l->f->module[a.module];
    snprintf(a.name, sizeof(a.name), "%s", at[2]);
    a.silent_s = (uint32_t)number_of(at[5]);
    a.state = a.silent_s >= IN_FORCE_SILENT_S ? IN_FORCE_SILENT
              : number_of(at[3]) == m->sum    ? IN_FORCE_YES
                                              : IN_FORCE_BEHIND;
    m->n++;
    m->yes += a.state == IN_FORCE_YES;
    m->silent += a.state == IN_FORCE_SILENT;
    if (a.state != IN_FORCE_YES)
        add_missing(l->f, &a);
    return l->fn ? l->fn(&a, l->arg) : 0;
}

/* The modules as a condition on the columns of table <t>. */
static int add_modules(struct buf *b, const struct in_force *f)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < f->n_module; i++)
        rc = sqldb_append(b,
                          i == 0 ? "(a.modid = %u AND a.cmdid = %u)"
                                 : " OR (a.modid = %u AND a.cmdid = %u)",
                          f->module[i].modid, f->module[i].cmdid);
    return rc;
}

/* Run the query <head> (modules) <tail>. */
static int each_of_modules(struct sqldb *db, struct look *l, sqldb_row_fn *row,
                           const char *head, const char *tail)
{
    struct buf b = {0};
    int rc = buf_append(&b, head, strlen(head));

    if (rc == 0)
        rc = add_modules(&b, l->f);
    if (rc == 0)
        rc = buf_append(&b, tail, strlen(tail));
    if (rc == 0)
        rc = sqldb_each_text(db, row, l, &b);
    buf_free(&b);
    return rc;
}

int in_force_look(struct sqldb *db, struct in_force *f, in_force_fn *fn, void *arg)
{
    struct look l = {f, fn, arg};
    size_t i;
    int rc = read_wanted(db, f);

    f->n_missing = 0;
    for (i = 0; i < f->n_module; i++)
        f->module[i].n = f->module[i].yes = f->module[i].silent = f->module[i].not_known =
            0;
    if (rc < 0 || f->n_module == 0)
        return rc;
    return each_of_modules(
        db, &l, take_agent,
        "SELECT a.modid, a.cmdid, s.name, a.sum, a.version, GREATEST(0, "
        "TIMESTAMPDIFF(SECOND, s.seen_at, NOW(3))) FROM AgentRoute a JOIN Service s ON "
        "s.kind = 'agent' AND s.name = a.agent WHERE s.seen_at > NOW(3) - INTERVAL 1 DAY "
        "AND (",
        ") ORDER BY a.modid, a.cmdid, s.name");
}

bool in_force_is_settled(const struct in_force *f)
{
    size_t i = 0;

    while (i < f->n_module && f->module[i].yes + f->module[i].silent == f->module[i].n)
        i++;
    return i == f->n_module;
}

/* A pause is at least as long as the look before it, so that large looks keep a session
 * of the database busy half of the time at most. */
int in_force_wait(struct sqldb *db, struct in_force *f, uint64_t until_ms)
{
    for (;;) {
        uint64_t begin = mono_ms(), now;
        int rc = in_force_look(db, f, NULL, NULL);

        now = mono_ms();
        if (rc < 0 || in_force_is_settled(f) || now >= until_ms)
            return rc;
        poll(NULL, 0, now - begin > GAP_MS ? (int)(now - begin) : GAP_MS);
    }
}

/* --- callers that report nothing ---------------------------------------------------- */

static int take_caller(char **at, void *arg)
{
    struct look *l = arg;
    struct in_force_agent a = {.state = IN_FORCE_NOT_KNOWN};

    a.module = find(l->f, (uint32_t)number_of(at[0]), (uint32_t)number_of(at[1]));
    if (a.module == l->f->n_module || !at[2])
        return 0;
    l->f->module[a.module].not_known++;
    snprintf(a.name, sizeof(a.name), "%s", at[2]);
    add_missing(l->f, &a);
    return 0;
}

int in_force_find_callers(struct sqldb *db, struct in_force *f)
{
    struct look l = {f, NULL, NULL};

    if (f->n_module == 0)
        return 0;
    return each_of_modules(
        db, &l, take_caller,
        "SELECT DISTINCT a.modid, a.cmdid, INET_NTOA(a.caller) FROM ServerCallStatus a "
        "WHERE a.ts > UNIX_TIMESTAMP() - 3600 AND NOT EXISTS (SELECT 1 FROM Service s "
        "WHERE s.kind = 'agent' AND s.address = INET_NTOA(a.caller)) AND (",
        ") ORDER BY a.modid, a.cmdid, a.caller");
}

/* --- the record --------------------------------------------------------------------- */

static const char *result_of(const struct in_force *f)
{
    uint32_t n = 0, yes = 0, silent = 0;
    size_t i;

    for (i = 0; i < f->n_module; i++) {
        n += f->module[i].n;
        yes += f->module[i].yes;
        silent += f->module[i].silent;
    }
    return n == 0              ? "no_agents"
           : yes == n          ? "done"
           : yes + silent == n ? "silent"
                               : "behind";
}

static json_t *module_text(const struct in_force_module *m)
{
    return json_sprintf("%u/%u", m->modid, m->cmdid);
}

static char *detail_of(const struct in_force *f, uint64_t ms)
{
    json_t *modules = json_array(), *missing = json_array(), *j;
    char *text = NULL;
    size_t i;

    for (i = 0; i < f->n_module; i++) {
        const struct in_force_module *m = &f->module[i];

        json_array_append_new(
            modules,
            json_pack("{s:o,s:I,s:I,s:I,s:I}", "module", module_text(m), "agents",
                      (json_int_t)m->n, "in_force", (json_int_t)m->yes, "silent",
                      (json_int_t)m->silent, "not_known", (json_int_t)m->not_known));
    }
    for (i = 0; i < f->n_missing; i++) {
        const struct in_force_agent *a = &f->missing[i];

        json_array_append_new(missing,
                              json_pack("{s:o,s:s,s:s,s:I}", "module",
                                        module_text(&f->module[a->module]), "agent",
                                        a->name, "state", state_names[a->state],
                                        "silent_s", (json_int_t)a->silent_s));
    }
    j = json_pack("{s:I,s:o,s:o,s:I}", "ms", (json_int_t)ms, "modules", modules,
                  "missing", missing, "more", (json_int_t)f->n_more);
    text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return text;
}

int in_force_record(struct sqldb *db, const struct audit_actor *who,
                    const struct in_force *f, const char *subject, uint64_t of_id,
                    uint64_t ms)
{
    char *detail = detail_of(f, ms);
    struct audit_entry e = {.action = "in force",
                            .subject = subject,
                            .result = result_of(f),
                            .revision = f->version,
                            .of_id = of_id,
                            .detail = detail};
    uint64_t id;
    int rc = detail ? audit_add(db, who, &e, &id) : -ENOMEM;

    free(detail);
    return rc;
}
