/* The row and its audit are added in one transaction, by the process that finds first
 * that the row is missing: the drill itself, or a command after it.  The key of the token
 * refuses a second one, so the audit has each beginning once.
 *
 * Rejected: the row of Audit at the start of larsctl.  The database may be away then, and
 * what is added later has to find out whether it is there already. */
#include "drill/drill_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/rnd.h"
#include "base/utf8.h"
#include "db/repeat.h"
#include "drill/journal.h"

#define SCRIPT_MAX 32768              /* bytes of the file that are shown */

/* --- drill.json --------------------------------------------------------------------- */

uint64_t drill_row_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static json_t *read_script(const char *path)
{
    char text[SCRIPT_MAX + 1];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, SCRIPT_MAX, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    utf8_replace_broken(text);
    return json_string(text);
}

/* A text of the operator, or a path: JSON takes nothing else but UTF-8. */
static json_t *clean(const char *text)
{
    char out[PATH_MAX];

    snprintf(out, sizeof(out), "%s", text);
    utf8_replace_broken(out);
    return json_string(out);
}

json_t *drill_row_make_head(const char *dir, const struct script *s,
                            const struct audit_actor *who)
{
    char token[40], module[24] = "", host[65] = "", folder[PATH_MAX], file[PATH_MAX];
    struct rnd r;

    rnd_init_any(&r);
    snprintf(token, sizeof(token), "%08x%08x%08x%08x", rnd_u32(&r), rnd_u32(&r),
             rnd_u32(&r), rnd_u32(&r));
    if (s->modid)
        snprintf(module, sizeof(module), "%u/%u", s->modid, s->cmdid);
    gethostname(host, sizeof(host) - 1);
    return json_pack("{ss ss ss so so so ss so so si si sI}", "token", token, "name",
                     s->name, "module", module, "script", read_script(s->path), "who",
                     clean(who->name), "reason", clean(who->reason), "host", host,
                     "folder", clean(realpath(dir, folder) ? folder : dir), "file",
                     clean(realpath(s->path, file) ? file : s->path), "seconds",
                     (int)s->load.seconds, "events", (int)s->n_events, "began_ms",
                     (json_int_t)drill_row_wall_ms());
}

json_t *drill_row_read_head(const char *dir)
{
    char path[PATH_MAX];

    journal_path(path, dir, "drill.json");
    return json_load_file(path, 0, NULL);
}

const char *drill_row_text(const json_t *head, const char *name)
{
    const char *text = json_string_value(json_object_get(head, name));

    return text ? text : "";
}

uint32_t drill_row_number(const json_t *head, const char *name)
{
    return (uint32_t)json_integer_value(json_object_get(head, name));
}

/* --- the audit ---------------------------------------------------------------------- */

static json_t *detail_of(const json_t *head)
{
    static const char *const names[] = {"name", "file", "host", "folder", "module"};
    json_t *j = json_object();
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        json_object_set_new(j, names[i], json_string(drill_row_text(head, names[i])));
    return j;
}

/* End the transaction in which the row was written. */
static int end_with(struct sqldb *db, int rc, const json_t *head,
                    const struct audit_actor *who, const char *action)
{
    json_t *detail = detail_of(head);
    char *text = json_dumps(detail, JSON_COMPACT);
    char subject[32];
    struct audit_entry e = {
        .action = action, .subject = subject, .result = "done", .detail = text};
    uint64_t id = 0;

    if (rc == 0)
        rc = sqldb_number(db, &id, "SELECT id FROM Drill WHERE token = %s",
                          drill_row_text(head, "token"));
    snprintf(subject, sizeof(subject), "drill:%llu", (unsigned long long)id);
    rc = audit_end(db, rc, who, &e);
    free(text);
    json_decref(detail);
    return rc;
}

/* --- the row ------------------------------------------------------------------------ */

static int take_wish(char **at, void *arg)
{
    struct drill_row_wish *w = arg;

    w->is_there = true;
    w->is_wanted = at[0] != NULL;
    if (at[0])
        snprintf(w->why, sizeof(w->why), "the console: %.60s: %s", at[1], at[2]);
    utf8_replace_broken(w->why);
    return 0;
}

static int add_once(struct sqldb *db, const json_t *head)
{
    const struct audit_actor who = {drill_row_text(head, "who"), "larsctl", "",
                                    drill_row_text(head, "reason")};
    int rc = audit_begin(db);

    if (rc == 0)
        rc = sqldb_run(
            db,
            "INSERT INTO Drill (token, name, module, script, state, who, host, folder, "
            "started_at, seconds, events, live) VALUES (%s, LEFT(%s, 100), %s, %s, "
            "'running', LEFT(%s, 64), LEFT(%s, 64), LEFT(%s, 255), FROM_UNIXTIME(%llu / "
            "1000), %u, %u, '{}')",
            drill_row_text(head, "token"), drill_row_text(head, "name"),
            drill_row_text(head, "module"), drill_row_text(head, "script"), who.name,
            drill_row_text(head, "host"), drill_row_text(head, "folder"),
            (unsigned long long)json_integer_value(json_object_get(head, "began_ms")),
            drill_row_number(head, "seconds"), drill_row_number(head, "events"));
    return end_with(db, rc, head, &who, "drill run");
}

static int add(struct sqldb *db, const json_t *head)
{
    REPEAT_RETURN(add_once(db, head));
}

int drill_row_ensure(struct sqldb *db, const json_t *head, struct drill_row_wish *out)
{
    int rc = sqldb_each(db, take_wish, out,
                        "SELECT abort_at, abort_by, abort_why FROM Drill WHERE token = "
                        "%s",
                        drill_row_text(head, "token"));

    return rc < 0 || out->is_there ? rc : add(db, head);
}

int drill_row_update(struct sqldb *db, const json_t *head,
                     const struct drill_row_state *s)
{
    return sqldb_run(
        db,
        "UPDATE Drill SET state = %s, why = LEFT(%s, 255), seen_at = NOW(3), ended_at = "
        "IF(%llu = 0, NULL, FROM_UNIXTIME(%llu / 1000)), second = %u, happened = %u, due "
        "= %llu, ok = %llu, failed = %llu, p50_us = %llu, p99_us = %llu, undo_open = %u, "
        "live = IF(%u, %s, live), report = IF(%u, %s, report) WHERE token = %s",
        s->state, s->why, (unsigned long long)s->ended_ms,
        (unsigned long long)s->ended_ms, s->now.second, s->now.happened,
        (unsigned long long)s->now.due, (unsigned long long)s->now.ok,
        (unsigned long long)s->now.failed, (unsigned long long)s->now.p50_us,
        (unsigned long long)s->now.p99_us, (uint32_t)s->now.undo_open,
        (uint32_t)(s->live != NULL), s->live ? s->live : "",
        (uint32_t)(s->report != NULL), s->report ? s->report : "",
        drill_row_text(head, "token"));
}

static int note_once(struct sqldb *db, const json_t *head, const struct audit_actor *who,
                     const char *action, bool is_undone)
{
    int rc = audit_begin(db);

    if (rc == 0 && is_undone)
        rc = sqldb_run(db,
                       "UPDATE Drill SET state = IF(state = 'running' OR undo_open, "
                       "'undone', state), undo_open = 0, ended_at = COALESCE(ended_at, "
                       "NOW(3)) WHERE token = %s",
                       drill_row_text(head, "token"));
    return end_with(db, rc, head, who, action);
}

int drill_row_note(struct sqldb *db, const json_t *head, const struct audit_actor *who,
                   const char *action, bool is_undone)
{
    struct drill_row_wish w = {.is_there = false};
    int rc = drill_row_ensure(db, head, &w);

    if (rc < 0)
        return rc;
    REPEAT_RETURN(note_once(db, head, who, action, is_undone));
}
