/* Names belong to a modid or a cmdid alone, so all modules with the number share them;
 * a policy belongs to one module.  Both are read before they are written, because an
 * operator and the audit want to see the old value.
 *
 * Rejected: triggers for the old values, as for RouteData.  They would say who connected
 * to the database, and not which operator asked for it. */
#include "ops/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_KEYS 7

static const struct {
    const char *key;
    unsigned field;
} keys[N_KEYS] = {{"rule", CHANGE_F_RULE},
                  {"probe", CHANGE_F_PROBE},
                  {"timeout_ms", CHANGE_F_TIMEOUT_MS},
                  {"slow_ms", CHANGE_F_SLOW_MS},
                  {"node_rps", CHANGE_F_NODE_RPS},
                  {"node_inflight", CHANGE_F_NODE_INFLIGHT},
                  {"target_ms", CHANGE_F_TARGET_MS}};

/* What an earlier operation of the change makes of the value, else <old>.  A name belongs
 * to a modid or a cmdid alone. */
static const char *newest_of(const struct settings *s, const struct change_op *op,
                             const char *key, const char *old)
{
    bool of_mod = strcmp(key, "command") != 0, of_cmd = strcmp(key, "module") != 0;
    size_t i;

    for (i = s->n; i-- > 0;) {
        const struct settings_row *r = &s->at[i];

        if (strcmp(r->key, key) == 0 && (!of_mod || r->modid == op->node.modid) &&
            (!of_cmd || r->cmdid == op->node.cmdid))
            return r->fresh;
    }
    return old;
}

static int add_row(struct settings *s, const struct change_op *op, const char *key,
                   const char *before, const char *fresh)
{
    char old[sizeof(((struct settings_row *)0)->old)];
    struct settings_row *at, *r;

    snprintf(old, sizeof(old), "%s", newest_of(s, op, key, before));
    if (strcmp(old, fresh) == 0)
        return 0;
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        at = realloc(s->at, s->cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        s->at = at;
    }
    r = &s->at[s->n++];
    r->modid = op->node.modid;
    r->cmdid = op->node.cmdid;
    r->key = key;
    snprintf(r->old, sizeof(r->old), "%s", old);
    snprintf(r->fresh, sizeof(r->fresh), "%s", fresh);
    return 0;
}

/* --- names -------------------------------------------------------------------------- */

struct text {
    char at[CHANGE_NAME_CHARACTERS * 4 + 1];
};

static int take_text(char **at, void *arg)
{
    struct text *t = arg;

    snprintf(t->at, sizeof(t->at), "%s", at[0] ? at[0] : "");
    return 0;
}

static int read_names(struct sqldb *db, const struct change_op *op, struct settings *out)
{
    struct text module = {""}, command = {""};
    int rc =
        sqldb_each(db, take_text, &module,
                   "SELECT content FROM ModIDConfig WHERE modid = %u", op->node.modid);

    if (rc == 0)
        rc = sqldb_each(db, take_text, &command,
                        "SELECT content FROM CmdIDConfig WHERE cmdid = %u",
                        op->node.cmdid);
    if (rc == 0 && op->name)
        rc = add_row(out, op, "module", module.at, op->name);
    if (rc == 0 && op->command)
        rc = add_row(out, op, "command", command.at, op->command);
    return rc;
}

static int write_names(struct sqldb *db, const struct change_op *op)
{
    int rc = 0;

    if (op->name)
        rc = sqldb_run(db,
                       "INSERT INTO ModIDConfig (modid, content) VALUES (%u, %s) "
                       "ON DUPLICATE KEY UPDATE content = VALUES(content)",
                       op->node.modid, op->name);
    if (rc == 0 && op->command)
        rc = sqldb_run(db,
                       "INSERT INTO CmdIDConfig (cmdid, content) VALUES (%u, %s) "
                       "ON DUPLICATE KEY UPDATE content = VALUES(content)",
                       op->node.cmdid, op->command);
    return rc;
}

/* --- policy ------------------------------------------------------------------------- */

struct policy_texts {
    char at[N_KEYS][MSG_MODULE_META_PROBE * 4];
};

static int take_policy(char **at, void *arg)
{
    struct policy_texts *t = arg;
    size_t i;

    for (i = 0; i < N_KEYS; i++)
        snprintf(t->at[i], sizeof(t->at[i]), "%s", at[i] ? at[i] : "");
    return 0;
}

/* The values of <p> as texts; "" and 0 stand for "as the agent is configured". */
static void print_policy(const struct change_policy *p, struct policy_texts *t)
{
    snprintf(t->at[0], sizeof(t->at[0]), "%s", p->rule);
    snprintf(t->at[1], sizeof(t->at[1]), "%s", p->probe);
    snprintf(t->at[2], sizeof(t->at[2]), "%u", p->timeout_ms);
    snprintf(t->at[3], sizeof(t->at[3]), "%u", p->slow_ms);
    snprintf(t->at[4], sizeof(t->at[4]), "%u", p->node_rps);
    snprintf(t->at[5], sizeof(t->at[5]), "%u", p->node_inflight);
    snprintf(t->at[6], sizeof(t->at[6]), "%u", p->target_ms);
}

static int read_policy(struct sqldb *db, const struct change_op *op, bool lock,
                       struct settings *out)
{
#define POLICY_SQL                                                                       \
    "SELECT rule, probe, timeout_ms, slow_ms, node_rps, node_inflight, target_ms FROM "  \
    "ModulePolicy WHERE modid = %u AND cmdid = %u"
    struct policy_texts old, fresh;
    size_t i;
    int rc;

    print_policy(&(struct change_policy){.rule = ""}, &old);
    print_policy(&op->policy, &fresh);
    rc = lock ? sqldb_each(db, take_policy, &old, POLICY_SQL " FOR UPDATE",
                           op->node.modid, op->node.cmdid)
              : sqldb_each(db, take_policy, &old, POLICY_SQL, op->node.modid,
                           op->node.cmdid);
    for (i = 0; rc == 0 && i < N_KEYS; i++)
        if (op->verb == CHANGE_NO_POLICY || (op->fields & keys[i].field))
            rc = add_row(out, op, keys[i].key, old.at[i], fresh.at[i]);
    return rc;
}

/* The row exists and keeps the keys that the operation does not set. */
static int write_policy(struct sqldb *db, const struct change_op *op, const char *who)
{
    const struct change_policy *p = &op->policy;
    unsigned f = op->fields;
    int rc =
        sqldb_run(db, "INSERT IGNORE INTO ModulePolicy (modid, cmdid) VALUES (%u, %u)",
                  op->node.modid, op->node.cmdid);

    return rc < 0
               ? rc
               : sqldb_run(db,
                           "UPDATE ModulePolicy SET rule = IF(%u, %s, rule), probe = "
                           "IF(%u, %s, probe), timeout_ms = IF(%u, %u, timeout_ms), "
                           "slow_ms = IF(%u, %u, slow_ms), node_rps = IF(%u, %u, "
                           "node_rps), node_inflight = IF(%u, %u, node_inflight), "
                           "target_ms = IF(%u, %u, target_ms), who = LEFT(%s, 64) WHERE "
                           "modid = %u AND cmdid = %u",
                           f & CHANGE_F_RULE, p->rule, f & CHANGE_F_PROBE, p->probe,
                           f & CHANGE_F_TIMEOUT_MS, p->timeout_ms, f & CHANGE_F_SLOW_MS,
                           p->slow_ms, f & CHANGE_F_NODE_RPS, p->node_rps,
                           f & CHANGE_F_NODE_INFLIGHT, p->node_inflight,
                           f & CHANGE_F_TARGET_MS, p->target_ms, who,
                           op->node.modid, op->node.cmdid);
}

/* --- both --------------------------------------------------------------------------- */

int settings_read(struct sqldb *db, const struct change_op *op, bool lock,
                  struct settings *out)
{
    if (op->verb == CHANGE_NAME)
        return read_names(db, op, out);
    if (op->verb == CHANGE_POLICY || op->verb == CHANGE_NO_POLICY)
        return read_policy(db, op, lock, out);
    return 0;
}

int settings_write(struct sqldb *db, const struct change_op *op, const char *who)
{
    if (op->verb == CHANGE_NAME)
        return write_names(db, op);
    if (op->verb == CHANGE_POLICY)
        return write_policy(db, op, who);
    if (op->verb == CHANGE_NO_POLICY)
        return sqldb_run(db, "DELETE FROM ModulePolicy WHERE modid = %u AND cmdid = %u",
                         op->node.modid, op->node.cmdid);
    return 0;
}

void settings_free(struct settings *s)
{
    free(s->at);
    *s = (struct settings){NULL, 0, 0};
}
