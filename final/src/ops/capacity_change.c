/* Numbers with a fraction travel as text, which the database converts: its own format is
 * exact, and sqldb has no other. */
#include "ops/capacity_change.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "db/repeat.h"

#define RPS_MAX 10000000
#define NUMBER 40                     /* bytes of a number */

static int check(const struct capacity_change *c, char why[CHANGE_WHY])
{
    const char *text = NULL;

    if (!(c->rps > 0) || c->rps > RPS_MAX)
        text = "rps must be above 0 and at most 10000000";
    else if (!(c->inflight > 0) || c->inflight > RPS_MAX)
        text = "inflight must be above 0 and at most 10000000";
    else if (c->target_us == 0)
        text = "the target must be 1 ms or more";
    else if (utf8_length(c->class) > 32 || !utf8_is_whole(c->class))
        text = "a class of hosts has at most 32 characters, in UTF-8";
    if (!text)
        return 0;
    snprintf(why, CHANGE_WHY, "%s", text);
    return -EINVAL;
}

struct old {
    char rps[NUMBER], inflight[NUMBER], target[NUMBER];
    bool there;
};

static int take_old(char **at, void *arg)
{
    struct old *o = arg;

    o->there = true;
    snprintf(o->rps, NUMBER, "%.30s", at[0] ? at[0] : "");
    snprintf(o->inflight, NUMBER, "%.30s", at[1] ? at[1] : "");
    snprintf(o->target, NUMBER, "%.30s", at[2] ? at[2] : "");
    return 0;
}

static void add(json_t *list, const char *module, const char *key, const char *old,
                const char *fresh)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s}", "module", module,
                                          "key", key, "old", old, "new", fresh));
}

/* The detail for the audit; the caller frees it.  NULL: no memory. */
static char *describe(const struct capacity_change *c, const struct old *o,
                      const struct old *fresh)
{
    json_t *list = json_array(), *all;
    char module[32], *text;

    snprintf(module, sizeof(module), "%u/%u", c->modid, c->cmdid);
    add(list, module, "class", NULL, c->class);
    add(list, module, "rps", o->there ? o->rps : NULL, fresh->rps);
    add(list, module, "inflight", o->there ? o->inflight : NULL, fresh->inflight);
    add(list, module, "target_us", o->there ? o->target : NULL, fresh->target);
    all = json_pack("{s:o}", "settings", list);
    text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return text;
}

static int write_row(struct sqldb *db, const struct audit_actor *who,
                     const struct capacity_change *c, const struct old *fresh)
{
    return sqldb_run(db,
                     "REPLACE INTO Capacity (modid, cmdid, class, rps, inflight, p99_us, "
                     "target_us, build, build_from, mix, factor, who) VALUES (%u, %u, "
                     "%s, %s, %s, %u, %u, LEFT(%s, 64), %s, LEFT(%s, 255), 1, "
                     "LEFT(%s, 64))",
                     c->modid, c->cmdid, c->class, fresh->rps, fresh->inflight, c->p99_us,
                     c->target_us, c->build,
                     c->build_is_measured && c->build[0] ? "measured" : "typed", c->mix,
                     who->name);
}

static int set_once(struct sqldb *db, const struct audit_actor *who,
                    const struct capacity_change *c, char why[CHANGE_WHY])
{
    struct audit_entry e = {.action = c->measured ? "capacity measure" : "capacity set",
                            .result = "done"};
    struct old old = {.there = false}, fresh = {.there = true};
    char subject[32], *detail = NULL;
    int rc = check(c, why);

    if (rc < 0)
        return rc;
    snprintf(subject, sizeof(subject), "%u/%u", c->modid, c->cmdid);
    snprintf(fresh.rps, NUMBER, "%.1f", c->rps);
    snprintf(fresh.inflight, NUMBER, "%.2f", c->inflight);
    snprintf(fresh.target, NUMBER, "%u", c->target_us);
    rc = audit_begin(db);
    if (rc == 0)
        rc = sqldb_each(db, take_old, &old,
                        "SELECT rps, inflight, target_us FROM Capacity WHERE modid = %u "
                        "AND cmdid = %u AND class = %s FOR UPDATE",
                        c->modid, c->cmdid, c->class);
    if (rc == 0)
        rc = write_row(db, who, c, &fresh);
    detail = describe(c, &old, &fresh);
    if (rc == 0 && !detail)
        rc = -ENOMEM;
    e.subject = subject;
    e.detail = detail;
    rc = audit_end(db, rc, who, &e);
    free(detail);
    return rc;
}

int capacity_change_set(struct sqldb *db, const struct audit_actor *who,
                        const struct capacity_change *c, char why[CHANGE_WHY])
{
    REPEAT_RETURN(set_once(db, who, c, why));
}
