/* Appending a line and fdatasync() make one step that a crash can only leave out.  Events
 * are undone in reverse order, because a later one may need what an earlier one left.
 *
 * Invariant: an event whose undo is not in the journal has not happened. */
#include "drill/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "drill/faults.h"
#include "drill/process.h"

#define LINE_MAX_BYTES (4u << 20)

struct journal {
    int fd;
};

void journal_path(char out[PATH_MAX], const char *dir, const char *name)
{
    snprintf(out, PATH_MAX, "%.3900s/%.100s", dir, name);
}

/* --- writing ------------------------------------------------------------------------ */

static int add(struct journal *j, json_t *line)
{
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    ssize_t n;
    int rc = text ? 0 : -ENOMEM;

    if (rc == 0) {
        text[len] = '\n'; /* in the place of the 0 byte: the line is one write */
        do
            n = write(j->fd, text, len + 1);
        while (n == -1 && errno == EINTR);
        rc = n == -1 ? -errno : (size_t)n < len + 1 ? -ENOSPC : 0;
    }
    if (rc == 0 && fdatasync(j->fd) == -1)
        rc = -errno;
    free(text);
    json_decref(line);
    return rc;
}

int journal_add_undo(struct journal *j, unsigned number, const json_t *undo)
{
    return add(j, json_pack("{si sO}", "event", (int)number, "undo", undo));
}

int journal_add_undone(struct journal *j, unsigned number)
{
    return add(j, json_pack("{si}", "undone", (int)number));
}

int journal_add_end(struct journal *j, const char *how)
{
    return add(j, json_pack("{ss}", "end", how));
}

static int open_file(struct journal **out, const char *dir, int flags,
                     char why[JOURNAL_WHY])
{
    struct journal *j = calloc(1, sizeof(*j));
    char path[PATH_MAX];
    int rc;

    if (!j)
        return -ENOMEM;
    journal_path(path, dir, "journal");
    j->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0644);
    if (j->fd >= 0) {
        *out = j;
        return 0;
    }
    rc = -errno;
    free(j);
    snprintf(why, JOURNAL_WHY, "%.300s cannot be written: %s; use another folder", path,
             err_text(rc));
    return rc;
}

static int sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

    if (fd == -1)
        return -errno;
    rc = fsync(fd) == -1 ? -errno : 0;
    close(fd);
    return rc;
}

int journal_check_free(const char *dir, char why[JOURNAL_WHY])
{
    struct journal_view v;
    int rc = journal_read(dir, &v, why);

    if (rc == -ENOENT)
        rc = 0;
    else if (rc == 0 && (v.runs || v.n_left > 0)) {
        rc = -EBUSY;
        if (v.runs)
            snprintf(why, JOURNAL_WHY,
                     "a drill runs in %.300s, process %d; wait for its end, or use "
                     "larsctl drill abort %.100s",
                     dir, (int)v.pid, dir);
        else
            snprintf(why, JOURNAL_WHY,
                     "%u events of the last drill in %.300s are not undone; use larsctl "
                     "drill undo %.100s",
                     v.n_left, dir, dir);
    }
    journal_view_free(&v);
    return rc;
}

int journal_create(struct journal **out, const char *dir, const struct script *s,
                   const char *who, char why[JOURNAL_WHY])
{
    char path[PATH_MAX];
    int rc;

    if (mkdir(dir, 0755) == -1 && errno != EEXIST) {
        rc = -errno;
        snprintf(why, JOURNAL_WHY, "the folder %.300s cannot be made: %s; name another",
                 dir, err_text(rc));
        return rc;
    }
    rc = journal_check_free(dir, why);
    if (rc < 0)
        return rc;
    journal_path(path, dir, "journal");
    unlink(path);
    rc = open_file(out, dir, O_CREAT | O_EXCL, why);
    if (rc < 0)
        return rc;
    rc = add(*out, json_pack("{ss ss ss sI sI}", "drill", s->name, "script", s->path,
                             "who", who, "pid", (json_int_t)getpid(), "ticks",
                             (json_int_t)process_ticks(getpid())));
    if (rc == 0)
        rc = sync_folder(dir);
    if (rc < 0) {
        snprintf(why, JOURNAL_WHY, "%.300s cannot be written: %s; use another folder",
                 path, err_text(rc));
        journal_close(*out);
        *out = NULL;
    }
    return rc;
}

int journal_open(struct journal **out, const char *dir, char why[JOURNAL_WHY])
{
    int rc = open_file(out, dir, 0, why);

    if (rc == 0 && write((*out)->fd, "\n", 1) != 1) { /* ends a line that was cut */
        rc = -errno;
        snprintf(why, JOURNAL_WHY, "the journal cannot be written: %s", err_text(rc));
        journal_close(*out);
        *out = NULL;
    }
    return rc;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    close(j->fd);
    free(j);
}

/* --- reading ------------------------------------------------------------------------ */

static struct journal_event *find(struct journal_view *v, unsigned number)
{
    unsigned i = 0;

    while (i < v->n_events && v->event[i].number != number)
        i++;
    return i < v->n_events ? &v->event[i] : NULL;
}

static void take_head(struct journal_view *v, const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "drill"));
    const char *who = json_string_value(json_object_get(line, "who"));
    uint64_t ticks = (uint64_t)json_integer_value(json_object_get(line, "ticks"));

    snprintf(v->name, sizeof(v->name), "%s", name ? name : "");
    snprintf(v->who, sizeof(v->who), "%s", who ? who : "");
    v->pid = (pid_t)json_integer_value(json_object_get(line, "pid"));
    v->runs = ticks > 0 && process_ticks(v->pid) == ticks;
}

static void take_line(struct journal_view *v, const json_t *line)
{
    json_int_t undone = json_integer_value(json_object_get(line, "undone"));
    const char *end = json_string_value(json_object_get(line, "end"));
    json_t *undo = json_object_get(line, "undo");
    struct journal_event *e;

    if (json_object_get(line, "drill"))
        take_head(v, line);
    if (end)
        snprintf(v->end, sizeof(v->end), "%s", end);
    if (json_is_array(undo) && v->n_events < SCRIPT_EVENTS) {
        e = &v->event[v->n_events++];
        e->number = (unsigned)json_integer_value(json_object_get(line, "event"));
        e->undo = json_incref(undo);
        v->n_left++;
    }
    e = undone > 0 ? find(v, (unsigned)undone) : NULL;
    if (e && !e->undone) {
        e->undone = true;
        v->n_left--;
    }
}

int journal_read(const char *dir, struct journal_view *out, char why[JOURNAL_WHY])
{
    char path[PATH_MAX], *line = NULL;
    size_t cap = 0;
    ssize_t n;
    json_t *one;
    FILE *f;
    int rc;

    memset(out, 0, sizeof(*out));
    journal_path(path, dir, "journal");
    f = fopen(path, "re");
    if (!f) {
        rc = -errno;
        snprintf(why, JOURNAL_WHY,
                 "%.300s cannot be read: %s; name the folder of a drill", path,
                 err_text(rc));
        return rc;
    }
    while ((n = getline(&line, &cap, f)) > 0 && (size_t)n < LINE_MAX_BYTES) {
        one = line[n - 1] == '\n' ? json_loads(line, 0, NULL) : NULL;
        if (one)
            take_line(out, one);
        json_decref(one);
    }
    free(line);
    fclose(f);
    return 0;
}

void journal_view_free(struct journal_view *v)
{
    unsigned i;

    for (i = 0; i < v->n_events; i++)
        json_decref(v->event[i].undo);
    v->n_events = 0;
}

/* --- undoing ------------------------------------------------------------------------ */

static int undo_event(struct journal *j, const struct journal_event *e, const char *log,
                      FILE *to)
{
    char why[FAULTS_WHY];
    int rc = faults_undo(e->undo, log, why);

    if (rc < 0) {
        fprintf(to, "event %u is not undone: %s\n", e->number, why);
        return rc;
    }
    rc = journal_add_undone(j, e->number);
    fprintf(to, "event %u undone\n", e->number);
    return rc;
}

int journal_undo(struct journal *j, const char *dir, FILE *to)
{
    char log[PATH_MAX], why[JOURNAL_WHY];
    struct journal_view v;
    int rc = journal_read(dir, &v, why), one;
    unsigned i;

    journal_path(log, dir, "commands.log");
    if (rc < 0)
        fprintf(to, "%s\n", why);
    for (i = v.n_events; i > 0; i--) {
        if (v.event[i - 1].undone)
            continue;
        one = undo_event(j, &v.event[i - 1], log, to);
        if (one < 0)
            rc = one;
    }
    fflush(to);
    journal_view_free(&v);
    return rc;
}
