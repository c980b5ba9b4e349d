/* The file is read twice at most: once for its values, and when a check of several keys
 * fails, again for the line of the key that has to change.  So each message names a line,
 * and the checks need not carry line numbers.
 *
 * Invariant: a script that script_read() accepts can be run as a whole; nothing is left
 * that is found wrong in the middle of a drill, except what the system answers.
 * Rejected: conf_load(), because sections with a number are no rows of its table.  The
 * table of the other sections has its form. */
#include "drill/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/ini_file.h"
#include "base/utf8.h"
#include "drill/script_check.h"
#include "load/play.h"

struct values { /* of the sections that are no events */
    char name[100], module[24];
    struct script_load load;
    char target[SCRIPT_CHECK_TARGETS][16];
    char error_percent[16];
    uint32_t p99_ms, max_visitors, terminal_s;
};

#define KEY(section, name, type, field, min, max, preset)                                \
    {                                                                                    \
        section, name, type, offsetof(struct values, field), min, max, preset, ""        \
    }
#define TEXT(section, name, field, preset)                                               \
    KEY(section, name, CONF_TEXT, field, 0, sizeof(((struct values *)0)->field), preset)
#define LOAD(name, min, max, preset)                                                     \
    KEY("load", #name, CONF_U32, load.name, min, max, preset)
static const struct conf_key keys[] = {
    TEXT("drill", "name", name, ""),
    TEXT("drill", "module", module, "none"),
    TEXT("load", "url", load.url, ""),
    TEXT("load", "host", load.host, ""),
    TEXT("load", "paths", load.paths, ""),
    TEXT("load", "access_log", load.access_log, ""),
    TEXT("load", "arrivals", load.arrivals, "poisson"),
    LOAD(rate, 1, 100000, "200"),
    LOAD(seconds, 1, 86400, "60"),
    LOAD(visits, 0, 1, "0"),
    LOAD(pages, 1, 50, "5"),
    LOAD(pause_s, 1, 600, "8"),
    LOAD(pictures, 0, 50, "4"),
    LOAD(speed, 1, 1000, "1"),
    LOAD(seed, 0, UINT32_MAX, "1"),
    LOAD(timeout_ms, 1, 600000, "10000"),
    LOAD(connections, 1, PLAY_CONNECTIONS_MAX, "256"),
    LOAD(queue, 0, PLAY_QUEUE_MAX, "10000"),
    TEXT("target", "max_error_percent", target[0], ""),
    TEXT("target", "p50_ms", target[1], ""),
    TEXT("target", "p99_ms", target[2], ""),
    TEXT("target", "detect_s", target[3], ""),
    TEXT("target", "shift_s", target[4], ""),
    TEXT("target", "scale_s", target[5], ""),
    TEXT("abort", "max_error_percent", error_percent, "0.5"),
    KEY("abort", "max_p99_ms", CONF_U32, p99_ms, 1, 600000, "2000"),
    KEY("abort", "max_visitors", CONF_U32, max_visitors, 0, 1000000, "5"),
    KEY("abort", "terminal_s", CONF_U32, terminal_s, 1, 3600, "10"),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]) - 1)

struct reading {
    struct script *s;
    struct values v;
    bool seen[N_KEYS];
    struct script_seen event[SCRIPT_EVENTS];
    char why[SCRIPT_ERR]; /* "" = nothing is wrong */
};

static bool refuse(struct reading *r, const char *what, const char *of, const char *mend)
{
    snprintf(r->why, sizeof(r->why), "%s%s%.100s%s; %s", what, of[0] ? " \"" : "", of,
             of[0] ? "\"" : "", mend);
    return false;
}

/* --- events ------------------------------------------------------------------------- */

static bool take_u32(struct reading *r, uint32_t *out, bool *seen, const char *name,
                     const char *value)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);

    if (*seen)
        return refuse(r, "the key is there twice:", name, "take one of them out");
    if (value[0] < '0' || value[0] > '9' || *end || n > 86400)
        return refuse(r, "this is no number of seconds from 0 to 86400:", value,
                      "write at = 20 for 20 seconds after the load began");
    *out = (uint32_t)n;
    *seen = true;
    return true;
}

static bool take_text(struct reading *r, char out[SCRIPT_TEXT], bool *seen,
                      const char *name, const char *value)
{
    char copy[SCRIPT_TEXT], *word[SCRIPT_WORDS + 1];

    if (*seen)
        return refuse(r, "the key is there twice:", name, "take one of them out");
    if (strlen(value) >= SCRIPT_TEXT)
        return refuse(r, "the text has more than 999 bytes", "",
                      "put it into a file and run that");
    snprintf(out, SCRIPT_TEXT, "%s", value);
    if (script_words(value, copy, word) > SCRIPT_WORDS)
        return refuse(r, "there are more than 64 words", "",
                      "put them into a file and run that");
    *seen = true;
    return true;
}

static bool take_detect(struct reading *r, bool *out, bool *seen, const char *value)
{
    if (*seen)
        return refuse(r, "the key is there twice:", "detect", "take one of them out");
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        return refuse(r, "this is neither yes nor no:", value,
                      "write detect = yes when the time to detect is to be measured");
    *out = value[0] == 'y';
    *seen = true;
    return true;
}

static bool take_event(struct reading *r, const char *section, const char *name,
                       const char *value)
{
    char *end;
    unsigned long n = strtoul(section + 6, &end, 10);
    struct script_event *e;
    struct script_seen *seen;

    if (section[6] < '0' || section[6] > '9' || *end || n < 1 || n > SCRIPT_EVENTS)
        return refuse(r, "the section", section, "events are [event 1] to [event 32]");
    e = &r->s->event[n - 1];
    seen = &r->event[n - 1];
    e->number = (unsigned)n;
    if (strcmp(name, "at") == 0)
        return take_u32(r, &e->at_s, &seen->at, name, value);
    if (strcmp(name, "for") == 0)
        return take_u32(r, &e->for_s, &seen->lasts, name, value);
    if (strcmp(name, "do") == 0)
        return take_text(r, e->text, &seen->what, name, value);
    if (strcmp(name, "undo") == 0)
        return take_text(r, e->undo, &seen->undo, name, value);
    if (strcmp(name, "detect") == 0)
        return take_detect(r, &e->detect, &seen->detect, value);
    return refuse(r, "an event has no key", name, "it has at, do, for, undo and detect");
}

/* --- the other sections ------------------------------------------------------------- */

static bool take_value(struct reading *r, const struct conf_key *k, const char *value)
{
    char *field = (char *)&r->v + k->offset, *end, mend[120];
    unsigned long long n;

    if (k->type == CONF_TEXT) {
        if (strlen(value) >= k->max)
            return refuse(r, "the value is too long:", value, "use a shorter one");
        memcpy(field, value, strlen(value) + 1);
        return true;
    }
    n = strtoull(value, &end, 10);
    if (value[0] >= '0' && value[0] <= '9' && !*end && n >= k->min && n <= k->max) {
        *(uint32_t *)(void *)field = (uint32_t)n;
        return true;
    }
    snprintf(mend, sizeof(mend), "[%s] %s is a whole number from %u to %u", k->section,
             k->name, k->min, k->max);
    return refuse(r, "this is not the number that is wanted:", value, mend);
}

static bool is_section(const char *name)
{
    size_t i = 0;

    while (i < N_KEYS && strcmp(keys[i].section, name) != 0)
        i++;
    return i < N_KEYS;
}

static bool on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *r = arg;
    size_t i = 0;

    if (!utf8_is_whole(value) || !utf8_is_whole(section) || !utf8_is_whole(name))
        return refuse(r, "the line is not UTF-8", "", "save the file as UTF-8");
    if (strncmp(section, "event ", 6) == 0)
        return take_event(r, section, name, value);
    if (!is_section(section))
        return refuse(r, "there is no section", section,
                      "sections are [drill], [load], [event N], [target] and [abort]");
    while (i < N_KEYS &&
           (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0))
        i++;
    if (i == N_KEYS)
        return refuse(r, "the section has no key", name,
                      "the page about drills, operate/drill, has all of them");
    if (r->seen[i])
        return refuse(r, "the key is there twice:", name, "take one of them out");
    r->seen[i] = true;
    return take_value(r, &keys[i], value);
}

/* --- the whole ---------------------------------------------------------------------- */

struct place {
    const char *section, *name; /* name NULL = any key of the section */
};

static bool is_other(void *arg, const char *section, const char *name, const char *value)
{
    const struct place *p = arg;

    (void)value;
    return strcmp(section, p->section) != 0 || (p->name && strcmp(name, p->name) != 0);
}

/* The line of a key, or of the first key of its section; 0 when there is none. */
static int line_of(FILE *f, const char *section, const char *name)
{
    struct place p = {section, name};
    const char *why;
    int line;

    rewind(f);
    if (ini_file_read(f, is_other, &p, &line, &why) == -EINVAL)
        return line;
    p.name = NULL;
    rewind(f);
    return ini_file_read(f, is_other, &p, &line, &why) == -EINVAL ? line : 0;
}

static int wrong_line(char err[SCRIPT_ERR], const char *path, int line, const char *why)
{
    if (line > 0)
        snprintf(err, SCRIPT_ERR, "%.200s:%d: %.380s", path, line, why);
    else
        snprintf(err, SCRIPT_ERR, "%.200s: %.390s", path, why);
    return -EINVAL;
}

static void take_over(struct script *s, const struct reading *r)
{
    s->load = r->v.load;
    snprintf(s->name, sizeof(s->name), "%s", r->v.name);
    s->abort.p99_ms = r->v.p99_ms;
    s->abort.max_visitors = r->v.max_visitors;
    s->abort.terminal_s = r->v.terminal_s;
}

static int check(struct script *s, struct reading *r, FILE *f, char err[SCRIPT_ERR])
{
    const char *targets[SCRIPT_CHECK_TARGETS];
    struct script_fault fault = {0};
    unsigned i;

    for (i = 0; i < SCRIPT_CHECK_TARGETS; i++)
        targets[i] = r->v.target[i];
    take_over(s, r);
    if (script_check_values(s, r->v.module, targets, r->v.error_percent, &fault) &&
        script_check_events(s, r->event, &fault))
        return 0;
    return wrong_line(err, s->path, line_of(f, fault.section, fault.name), fault.why);
}

static int read_open(struct script *s, FILE *f, char err[SCRIPT_ERR])
{
    struct reading *r = calloc(1, sizeof(*r));
    const char *why = NULL;
    int rc, line = 0;

    if (!r) {
        snprintf(err, SCRIPT_ERR, "out of memory");
        return -ENOMEM;
    }
    r->s = s;
    conf_preset(keys, &r->v);
    rc = ini_file_read(f, on_key, r, &line, &why);
    if (rc == -EINVAL)
        rc = wrong_line(err, s->path, line, why ? why : r->why);
    else if (rc < 0)
        snprintf(err, SCRIPT_ERR, "%.200s cannot be read: %s", s->path, err_text(rc));
    else
        rc = check(s, r, f, err);
    free(r);
    return rc;
}

int script_read(struct script *out, const char *path, char err[SCRIPT_ERR])
{
    FILE *f = fopen(path, "re");
    int rc;

    memset(out, 0, sizeof(*out));
    if (!f) {
        rc = -errno;
        snprintf(err, SCRIPT_ERR,
                 "%.200s cannot be read: %s; name a file such as "
                 "final/drills/surge.ini",
                 path, err_text(rc));
        return rc;
    }
    snprintf(out->path, sizeof(out->path), "%s", path);
    rc = read_open(out, f, err);
    fclose(f);
    return rc;
}

unsigned script_words(const char *text, char copy[SCRIPT_TEXT],
                      char *word[SCRIPT_WORDS + 1])
{
    char *save = NULL, *w;
    unsigned n = 0;

    snprintf(copy, SCRIPT_TEXT, "%s", text);
    for (w = strtok_r(copy, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
        if (n == SCRIPT_WORDS) {
            word[n] = NULL;
            return n + 1;
        }
        word[n++] = w;
    }
    word[n] = NULL;
    return n;
}

static void print_target(FILE *to, const char *name, double value)
{
    if (value >= 0)
        fprintf(to, "target    %s %g\n", name, value);
}

void script_print(const struct script *s, FILE *to)
{
    const struct script_target *t = &s->target;
    const struct script_event *e;

    fprintf(to, "drill     %s\n", s->name);
    if (s->load.access_log[0])
        fprintf(to, "load      %s, %u times as fast, at most %u s, at %s\n",
                s->load.access_log, s->load.speed, s->load.seconds, s->load.url);
    else
        fprintf(to, "load      %u requests a second for %u s at %s\n", s->load.rate,
                s->load.seconds, s->load.url);
    for (e = s->event; e < s->event + s->n_events; e++) {
        fprintf(to, "%6u s  %s", e->at_s, e->text);
        if (e->for_s)
            fprintf(to, ", for %u s", e->for_s);
        if (e->undo[0])
            fprintf(to, "; undo: %s", e->undo);
        if (e->detect && (e->what == SCRIPT_RUN || e->what == SCRIPT_SLOW))
            fputs("; its detection is measured", to);
        putc('\n', to);
    }
    print_target(to, "max_error_percent", t->error_percent);
    print_target(to, "p50_ms", t->p50_ms);
    print_target(to, "p99_ms", t->p99_ms);
    print_target(to, "detect_s", t->detect_s);
    print_target(to, "shift_s", t->shift_s);
    print_target(to, "scale_s", t->scale_s);
    fprintf(to, "abort     above %g %% errors or %u ms p99 of visitors\n",
            s->abort.error_percent, s->abort.p99_ms);
}
