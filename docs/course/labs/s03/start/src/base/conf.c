/* The library inih parses the syntax and calls on_key() for each line; one table, which
 * the program supplies, gives the meaning: field, range, default and help text.
 *
 * Invariant: a field changes only to a value that the table allows, and the first error
 * ends the evaluation, so a message names the first wrong line.
 * Rejected: a parser of our own, because a small library for the syntax exists; ignoring
 * unknown keys, because a misspelt key would then silently leave the default in force. */
#include "base/conf.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"

#define NAME_MAX_LEN 40                   /* longer names get no suggestion */
#define NEAR 4                            /* fewer wrong letters than this: a typo */

struct parse {
    const struct conf_key *keys;
    void *out;
    char why[CONF_ERR_MAX - 160];         /* message of the first error; "" = none */
};

/* Read a number of decimal digits, at most 10 of them, and nothing else: no sign, no
 * space, no letter, not empty, not above UINT32_MAX.  strtoul() reads "-1" as
 * 4294967295 and "8 threads" as 8, so it does not do.  Writes *out only on success. */
static bool parse_u32(const char *text, uint32_t *out)
{
    /* begin parse_u32 */
    (void)text;
    (void)out;
    return false;
    /* end parse_u32 */
}

/* Store <value> in the field of <out> that begins at k->offset.  Returns NULL, or what
 * is wrong with <value>; the field then keeps its value.
 * 1. CONF_TEXT: the field has k->max bytes, the 0 byte included; "too long" when
 *    <value> does not fit.
 * 2. CONF_U32: "not a whole number", or "out of range" when it is not k->min to
 *    k->max.
 * Store with memcpy(): a table may describe a field at any address. */
static const char *set_field(const struct conf_key *k, void *out, const char *value)
{
    /* begin set_field */
    (void)k;
    (void)out;
    (void)value;
    (void)parse_u32;
    return NULL;
    /* end set_field */
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, added or removed to turn <a> into <b> (Levenshtein
 * 1966).  Names longer than NAME_MAX_LEN count as NAME_MAX_LEN apart.
 * 1. row[j] is the distance of the first i letters of <a> and the first j letters of
 *    <b>; for i = 0 it is j.
 * 2. For each further letter of <a>, compute the row anew from left to right. row[j]
 *    is the least of: the old row[j] + 1, the new row[j - 1] + 1, and the old row[j -
 *    1], plus 1 when the letters differ.  One array is enough when you keep the old
 *    row[j - 1] in a variable.
 * 3. The result is the last element of the last row. */
static size_t distance(const char *a, const char *b)
{
    /* begin distance */
    (void)a;
    (void)b;
    (void)least;
    return NAME_MAX_LEN;
    /* end distance */
}

/* The key whose section and name differ least from <section> and <name>; their
 * distances are added.  NULL when all differ by NEAR letters or more.  The table ends
 * with a key whose section is NULL. */
static const struct conf_key *nearest(const struct conf_key *keys, const char *section,
                                      const char *name)
{
    /* begin nearest */
    (void)keys;
    (void)section;
    (void)name;
    (void)distance;
    return NULL;
    /* end nearest */
}

static void say_unknown(struct parse *p, const char *section, const char *name)
{
    const struct conf_key *k = nearest(p->keys, section, name);
    int n = snprintf(p->why, sizeof(p->why), "[%.40s] %.40s: unknown key", section, name);

    if (k)
        snprintf(p->why + n, sizeof(p->why) - (size_t)n, "; did you mean [%s] %s?",
                 k->section, k->name);
}

/* The callback of inih, called for each line with a key.  Returns 0 for an error; inih
 * then keeps the number of the first such line.
 * 1. After the first error nothing is stored any more: when p->why is not empty,
 *    return 0.
 * 2. Find the key with this section and this name; when there is none, say_unknown()
 *    and return 0.
 * 3. Store the value with set_field().  When it is wrong, write the message to p->why:
 * "[net] port = x: not a whole number; use 0 to 65535"   or, for a text,
 * "[server] name: too long; at most 7 bytes"   and return 0.  Print at most 40 bytes
 * of <value>.
 * 4. Return 1. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
    /* begin on_key */
    (void)user;
    (void)section;
    (void)name;
    (void)value;
    (void)say_unknown;
    return 0;
    /* end on_key */
}

void conf_preset(const struct conf_key *keys, void *out)
{
    for (; keys->section; keys++) {
        const char *wrong = set_field(keys, out, keys->preset);

        assert(!wrong);                   /* a bad preset is a bug in the table */
        (void)wrong;
    }
}

/* Write the error message.  <line> is the result of inih: 0, or the first bad line. */
static int finish(const struct parse *p, int line, const char *name, char *err)
{
    if (line == 0)
        return 0;
    snprintf(err, CONF_ERR_MAX, "%.120s:%d: %s", name, line,
             p->why[0] ? p->why : "neither [section] nor key = value");
    return -EINVAL;
}

/* 1. Open <path> for reading, close-on-exec ("re").  On failure write "PATH: cannot be
 *    read: TEXT" with err_text() and return the negative errno.
 * 2. Let ini_parse_file() call on_key() with a struct parse.  Its result is 0, the
 *    first bad line, or negative when reading failed; a folder, for example, can be
 *    opened and not read.
 * 3. When reading failed (see also ferror(3)), write "PATH: reading failed" and return
 *    -EIO; otherwise return the result of finish().
 * 4. Close the file in every case. */
int conf_load(const struct conf_key *keys, void *out, const char *path,
              char err[CONF_ERR_MAX])
{
    /* begin conf_load */
    (void)keys;
    (void)out;
    (void)path;
    err[0] = '\0';
    return -ENOSYS;
    /* end conf_load */
}

int conf_load_text(const struct conf_key *keys, void *out, const char *text,
                   const char *name, char err[CONF_ERR_MAX])
{
    struct parse p = {.keys = keys, .out = out};

    return finish(&p, ini_parse_string(text, on_key, &p), name, err);
}

/* Write all keys in the order of the table:
 * 1. "[section]" when it is another than before, with an empty line in front of all
 *    but the first.
 * 2. "; help"
 * 3. "name = value": a text as it is, a number in decimal. */
void conf_print(const struct conf_key *keys, const void *values, FILE *to)
{
    /* begin conf_print */
    (void)keys;
    (void)values;
    (void)to;
    /* end conf_print */
}
