/* ini_file parses the syntax and calls on_key() for each key; one table, which the
 * program supplies, gives the meaning: field, range, default and help text.
 *
 * Invariant: a field changes only to a value that the table allows, and the first error
 * ends the evaluation, so a message names the first wrong line.  A key that is set twice
 * is an error, because one of its two values would be lost.
 * Rejected: ignoring unknown keys, because a misspelt key would then silently leave the
 * default in force; the library inih for the syntax (ini_file.c has the reason). */
#include "base/conf.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/ini_file.h"
#include "base/log.h"

#define NAME_MAX_LEN 40                   /* longer names get no suggestion */
#define KEYS_MAX 256                      /* of a program */
#define NEAR 4                            /* fewer wrong letters than this: a typo */

struct parse {
    const struct conf_key *keys;
    void *out;
    bool given[KEYS_MAX];                 /* by the text that is read, in the order of
                                           * the table */
    char why[CONF_ERR_MAX - 160];         /* message of the first error; "" = none */
};

/* Accepts digits only: strtoul() reads "-1" as 4294967295 and "8 threads" as 8. */
static bool parse_u32(const char *text, uint32_t *out)
{
    uint64_t v = 0;
    size_t i;

    for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 10; i++)
        v = v * 10 + (uint64_t)(text[i] - '0');
    if (i == 0 || text[i] != '\0' || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

/* Convert a rate to per mille, "0.95" to 950.  Accepts up to three digits after the
 * point. */
static bool parse_rate(const char *text, uint32_t *out)
{
    uint32_t whole = 0, part = 0, unit = 1000;
    char head[4] = "";
    size_t n = strcspn(text, ".");

    if (n > 3 || n == 0)
        return false;
    memcpy(head, text, n);
    if (!parse_u32(head, &whole))
        return false;
    if (text[n] == '.')
        n++;
    for (; text[n] >= '0' && text[n] <= '9' && unit > 1; n++) {
        unit /= 10;
        part += (uint32_t)(text[n] - '0') * unit;
    }
    *out = whole * 1000 + part;
    return text[n] == '\0';
}

/* Such a byte is a mistake, and it would reach terminals and logs. */
static bool has_control(const char *value)
{
    while (*value && (unsigned char)*value >= ' ' && *value != 127)
        value++;
    return *value != '\0';
}

/* Store <value> in its field.  Returns NULL, or what is wrong with <value>. */
static const char *set_field(const struct conf_key *k, void *out, const char *value)
{
    char *field = (char *)out + k->offset;
    uint32_t v;

    if (k->type == CONF_TEXT) {
        if (strlen(value) >= k->max)
            return "too long";
        if (has_control(value))
            return "has a control character";
        memcpy(field, value, strlen(value) + 1);
        return NULL;
    }
    if (k->type == CONF_RATE ? !parse_rate(value, &v) : !parse_u32(value, &v))
        return k->type == CONF_RATE ? "not a rate such as 0.95" : "not a whole number";
    if (v < k->min || v > k->max)
        return "out of range";
    memcpy(field, &v, sizeof(v));
    return NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, added or removed to turn <a> into <b> (Levenshtein
 * 1966). */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1], la = strlen(a), lb = strlen(b), i, j;

    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (j = 0; j <= lb; j++)
        row[j] = j;
    for (i = 1; i <= la; i++) {
        size_t diag = row[0];

        row[0] = i;
        for (j = 1; j <= lb; j++) {
            size_t best = least(diag + (a[i - 1] != b[j - 1]), row[j] + 1);

            diag = row[j];
            row[j] = least(best, row[j - 1] + 1);
        }
    }
    return row[lb];
}

/* The key whose name differs least; NULL when all differ by NEAR letters or more. */
static const struct conf_key *nearest(const struct conf_key *keys, const char *section,
                                      const char *name)
{
    const struct conf_key *k, *best = NULL;
    size_t lowest = NEAR;

    for (k = keys; k->section; k++) {
        size_t d = distance(k->section, section) + distance(k->name, name);

        if (d < lowest) {
            lowest = d;
            best = k;
        }
    }
    return best;
}

static void say_unknown(struct parse *p, const char *section, const char *name)
{
    const struct conf_key *k = nearest(p->keys, section, name);
    int n = snprintf(p->why, sizeof(p->why), "[%.40s] %.40s: unknown key", section, name);

    if (k)
        snprintf(p->why + n, sizeof(p->why) - (size_t)n, "; did you mean [%s] %s?",
                 k->section, k->name);
}

/* Notes that <k> is given.  True with a message when its field was given before, by this
 * key or by another name of it. */
static bool was_given(struct parse *p, const struct conf_key *k)
{
    const struct conf_key *o = p->keys;

    assert(k - p->keys < KEYS_MAX);
    while (o->section && (o->offset != k->offset || !p->given[o - p->keys]))
        o++;
    p->given[k - p->keys] = true;
    if (!o->section)
        return false;
    snprintf(p->why, sizeof(p->why),
             "[%s] %s is set for the second time, after [%s] %s; keep one of the two "
             "lines",
             k->section, k->name, o->section, o->name);
    return true;
}

/* The callback of ini_file.  Returns false when the key or its value is wrong. */
static bool on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct parse *p = arg;
    const struct conf_key *k = p->keys;
    const char *wrong;

    while (k->section && (strcmp(k->section, section) != 0 || strcmp(k->name, name) != 0))
        k++;
    if (!k->section) {
        say_unknown(p, section, name);
        return false;
    }
    if (was_given(p, k))
        return false;
    if (!k->preset)
        LOG_WARN("conf.old_name", "section=%s key=%s", section, name);
    wrong = set_field(k, p->out, value);
    if (wrong && k->type == CONF_RATE)
        snprintf(p->why, sizeof(p->why), "[%s] %s = %.40s: %s; use %u.%03u to %u.%03u",
                 section, name, value, wrong, k->min / 1000, k->min % 1000, k->max / 1000,
                 k->max % 1000);
    else if (wrong && k->type == CONF_TEXT)
        snprintf(p->why, sizeof(p->why), "[%s] %s: %s; at most %u bytes", section, name,
                 wrong, k->max - 1);
    else if (wrong)
        snprintf(p->why, sizeof(p->why), "[%s] %s = %.40s: %s; use %u to %u", section,
                 name, value, wrong, k->min, k->max);
    return !wrong;
}

void conf_preset(const struct conf_key *keys, void *out)
{
    for (; keys->section; keys++) {
        const char *wrong =
            keys->preset ? set_field(keys, out, keys->preset) : NULL;

        assert(!wrong);                   /* a bad preset is a bug in the table */
        (void)wrong;
    }
}

/* Read <f>; <name> is the name of the file in messages. */
static int load(const struct conf_key *keys, void *out, FILE *f, const char *name,
                char *err)
{
    struct parse p = {.keys = keys, .out = out};
    const char *why;
    int line, rc = ini_file_read(f, on_key, &p, &line, &why);

    if (rc == -EIO)
        snprintf(err, CONF_ERR_MAX, "%.120s: reading failed", name);
    else if (rc < 0)
        snprintf(err, CONF_ERR_MAX, "%.120s:%d: %s", name, line, why ? why : p.why);
    return rc;
}

int conf_load(const struct conf_key *keys, void *out, const char *path,
              char err[CONF_ERR_MAX])
{
    FILE *f = fopen(path, "re");      /* a pipe as well, such as <(...) of a shell */
    int rc;

    if (!f) {
        rc = -errno;
        snprintf(err, CONF_ERR_MAX, "%.120s: cannot be read: %s", path, err_text(rc));
        return rc;
    }
    rc = load(keys, out, f, path, err);
    fclose(f);
    return rc;
}

int conf_load_text(const struct conf_key *keys, void *out, const char *text,
                   const char *name, char err[CONF_ERR_MAX])
{
    FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    int rc;

    if (!f) {
        rc = -errno;
        snprintf(err, CONF_ERR_MAX, "%.120s: cannot be read: %s", name, err_text(rc));
        return rc;
    }
    rc = load(keys, out, f, name, err);
    fclose(f);
    return rc;
}

void conf_print(const struct conf_key *keys, const void *values, FILE *to)
{
    const char *section = "";

    for (; keys->section; keys++) {
        const char *field = (const char *)values + keys->offset;
        uint32_t v;

        if (!keys->preset)
            continue;
        if (strcmp(section, keys->section) != 0)
            fprintf(to, "%s[%s]\n", section[0] ? "\n" : "", keys->section);
        section = keys->section;
        fprintf(to, "; %s\n", keys->help);
        if (keys->type == CONF_TEXT) {
            fprintf(to, "%s = %s\n", keys->name, field);
        } else {
            memcpy(&v, field, sizeof(v));
            if (keys->type == CONF_RATE)
                fprintf(to, "%s = %u.%03u\n", keys->name, v / 1000, v % 1000);
            else
                fprintf(to, "%s = %u\n", keys->name, v);
        }
    }
}
