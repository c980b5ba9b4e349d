/* drill.  A drill is known by its folder: the process that runs it, how its events are
 * undone, and its report are all found there, so another terminal, and a later day, need
 * nothing but the name of the folder. */
#include "ctl/cmd_drill.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mono.h"
#include "drill/drill_db.h"
#include "drill/journal.h"
#include "drill/process.h"
#include "drill/rehearsal.h"
#include "drill/report.h"

#define ABORT_MS 180000 /* a command of an event may last 120 s */

/* --- run ---------------------------------------------------------------------------- */

/* "surge.ini" -> "surge.drill", in the current folder. */
static void folder_of(char out[PATH_MAX], const char *script)
{
    const char *base = strrchr(script, '/');
    size_t len;

    base = base ? base + 1 : script;
    len = strlen(base);
    if (len > 4 && strcmp(base + len - 4, ".ini") == 0)
        len -= 4;
    snprintf(out, PATH_MAX, "%.*s.drill", (int)(len < 200 ? len : 200), base);
}

/* Commands of events, such as drills/kill-nodes, run the program that runs the drill:
 * PATH may have another one, or none. */
static void name_program(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n <= 0)
        return; /* they look in PATH */
    path[n] = '\0';
    setenv("LARSCTL_PROGRAM", path, 1);
}

static int run_for_real(struct ctl *c, const struct script *s, const char *dir)
{
    const struct audit_actor who = ctl_actor(c);
    const struct rehearsal_config cfg = {.script = s,
                                         .dir = dir,
                                         .who = &who,
                                         .gateways = c->gateways,
                                         .key_file = c->gateways_key,
                                         .db = c->db,
                                         .db_config = c->db_config,
                                         .to = stdout};

    name_program();
    return rehearsal_run(&cfg) ? CTL_OK : CTL_FAILED;
}

static int drill_run(struct ctl *c, int argc, char **argv)
{
    static struct script s;
    char err[SCRIPT_ERR], dir[PATH_MAX];
    bool for_real = false;
    int i;

    folder_of(dir, argv[0]);
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--for-real") == 0)
            for_real = true;
        else if (argv[i][0] == '-')
            return ctl_say(CTL_USAGE, "%.60s: the only option is --for-real", argv[i]);
        else
            snprintf(dir, sizeof(dir), "%s", argv[i]);
    }
    if (script_read(&s, argv[0], err) < 0)
        return ctl_say(CTL_USAGE, "%s", err);
    script_print(&s, stdout);
    fflush(stdout);
    if (for_real)
        return run_for_real(c, &s, dir);
    puts("the script is right; nothing was done: give --for-real to run it");
    return CTL_OK;
}

/* --- status, abort, undo ------------------------------------------------------------ */

static int read_journal(const char *dir, struct journal_view *v)
{
    char why[JOURNAL_WHY];

    return journal_read(dir, v, why) < 0 ? ctl_say(CTL_FAILED, "%s", why) : 0;
}

static const char *state_of(const struct journal_view *v)
{
    if (v->runs)
        return "running";
    if (v->n_left > 0)
        return "NOT UNDONE";
    return v->end[0] ? v->end : "ended";
}

static int print_status(struct ctl *c, const struct journal_view *v, const json_t *now)
{
    static const char *const members[] = {"second", "of",     "due",      "ok",
                                          "failed", "p99_us", "happened", "undone"};
    char cells[11][110], *cell[11];
    struct table *t = NULL;
    unsigned i;
    int rc = table_create(
        &t, "drill by state second# of# due# ok# failed# p99_us# happened# undone#");

    snprintf(cells[0], sizeof(cells[0]), "%s", v->name);
    snprintf(cells[1], sizeof(cells[1]), "%s", v->who);
    snprintf(cells[2], sizeof(cells[2]), "%s", state_of(v));
    for (i = 0; i < 11; i++) {
        cell[i] = cells[i];
        if (i > 2)
            snprintf(cells[i], sizeof(cells[i]), "%lld",
                     (long long)json_integer_value(json_object_get(now, members[i - 3])));
    }
    if (rc == 0)
        rc = table_add(t, cell);
    if (rc == 0)
        return ctl_print_table(c, t);
    table_destroy(t);
    return ctl_say(CTL_FAILED, "out of memory");
}

static int drill_status(struct ctl *c, int argc, char **argv)
{
    struct journal_view v;
    json_t *now;
    int code = read_journal(argv[0], &v);

    (void)argc;
    if (code == 0) {
        now = report_read_status(argv[0]);
        code = print_status(c, &v, now);
        json_decref(now);
        if (code == 0 && !v.runs && v.n_left > 0)
            code = ctl_say(CTL_FAILED,
                           "%u events are in force; use larsctl drill undo %.200s",
                           v.n_left, argv[0]);
    }
    journal_view_free(&v);
    return code;
}

static int end_process(const char *dir, const struct journal_view *v)
{
    uint64_t ticks = process_ticks(v->pid);

    if (kill(v->pid, SIGTERM) == -1)
        return ctl_say(CTL_FAILED,
                       "process %d gets no signal: %s; use the user %s, or root",
                       (int)v->pid, strerror(errno), v->who);
    if (ticks && !process_wait_end(v->pid, ticks, ABORT_MS))
        return ctl_say(CTL_FAILED,
                       "process %d has not ended within %d s; see its terminal, end it "
                       "with kill -9 and use larsctl drill undo %.200s",
                       (int)v->pid, ABORT_MS / 1000, dir);
    return CTL_OK;
}

/* The audit comes after the end, which has to work without a database. */
static void tell_console(struct ctl *c, int rc)
{
    if (rc < 0)
        ctl_say(CTL_OK, "the console and the audit do not know of it: %s",
                rc == -ENOENT ? "the folder has no drill.json" : sqldb_error(c->db));
}

static int abort_running(struct ctl *c, const char *dir, const struct journal_view *v)
{
    const struct audit_actor who = ctl_actor(c);
    int code;

    if (!v->runs)
        return ctl_say(CTL_FAILED,
                       "no drill runs in %.200s; if it was killed, use larsctl drill "
                       "undo %.200s",
                       dir, dir);
    code = end_process(dir, v);
    if (code == 0)
        tell_console(c, drill_db_aborted(c->db, dir, &who));
    return code;
}

static int drill_abort(struct ctl *c, int argc, char **argv)
{
    struct journal_view v;
    int code = read_journal(argv[0], &v);

    (void)argc;
    if (code == 0)
        code = abort_running(c, argv[0], &v);
    journal_view_free(&v);
    if (code == 0)
        code = read_journal(argv[0], &v);
    else
        return code;
    if (code == 0 && v.n_left > 0)
        code = ctl_say(CTL_FAILED,
                       "%u events are not undone; use larsctl drill undo "
                       "%.200s",
                       v.n_left, argv[0]);
    journal_view_free(&v);
    return code;
}

static int undo_left(const char *dir)
{
    char why[JOURNAL_WHY];
    struct journal *j;
    int rc = journal_open(&j, dir, why);

    if (rc < 0)
        return ctl_say(CTL_FAILED, "%s", why);
    name_program();
    rc = journal_undo(j, dir, stdout);
    if (rc == 0)
        rc = journal_add_end(j, "undone");
    journal_close(j);
    return rc < 0 ? CTL_FAILED : CTL_OK;
}

static int drill_undo(struct ctl *c, int argc, char **argv)
{
    const struct audit_actor who = ctl_actor(c);
    struct journal_view v;
    int code = read_journal(argv[0], &v);

    (void)argc;
    if (code == 0 && v.runs)
        code = ctl_say(CTL_FAILED, "the drill runs; use larsctl drill abort %.200s",
                       argv[0]);
    else if (code == 0 && v.n_left == 0)
        puts("everything is undone already");
    else if (code == 0)
        code = undo_left(argv[0]);
    if (code == 0 && !v.runs)
        tell_console(c, drill_db_undone(c->db, argv[0], &who));
    journal_view_free(&v);
    return code;
}

/* --- report ------------------------------------------------------------------------- */

static int drill_report(struct ctl *c, int argc, char **argv)
{
    json_t *report;
    int rc = report_again(argv[0], &report);
    bool pass;

    (void)argc;
    if (rc < 0)
        return ctl_say(CTL_FAILED,
                       "%.200s has no report: %s; name the folder of a drill "
                       "that has ended",
                       argv[0], strerror(-rc));
    rc = drill_db_catch_up(c->db, argv[0], report);
    if (rc < 0 && rc != -ENOENT)
        ctl_say(CTL_OK, "the console does not show this report: %s", sqldb_error(c->db));
    pass = json_is_true(json_object_get(report, "pass"));
    if (c->format == TABLE_JSON)
        json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    else
        printf("%s\n%s/report.zh.html\n%s/report.en.html", pass ? "PASS" : "FAIL",
               argv[0], argv[0]);
    putchar('\n');
    json_decref(report);
    return pass ? CTL_OK : CTL_FAILED;
}

const struct ctl_cmd cmd_drill[] = {
    {"drill", "run", "FILE.ini [FOLDER] [--for-real]", 1, 3,
     "Rehearse a busy day: load, faults, and a report with pass or fail.", drill_run,
     "Without --for-real the file is checked and printed, and nothing is done.  FOLDER "
     "(FILE.drill in this folder) gets the journal and the report.  Everything is undone "
     "at the end, with Ctrl-C, when the terminal is gone, and when visitors get too many "
     "errors.  The exit status is 0 when every target was met."},
    {"drill", "status", "FOLDER", 1, 1, "Show the drill that runs in a folder.",
     drill_status, NULL},
    {"drill", "abort", "FOLDER", 1, 1,
     "End the drill that runs in a folder; everything is undone.", drill_abort,
     "It returns when the drill has ended."},
    {"drill", "undo", "FOLDER", 1, 1,
     "Undo what a drill that was killed has left in force.", drill_undo, NULL},
    {"drill", "report", "FOLDER", 1, 1,
     "Make the pages of a report again, and tell whether the drill passed.", drill_report,
     "-o json prints all of its figures.  The exit status is 1 when it did not pass."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
