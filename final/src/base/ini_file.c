/* One line at a time goes into a buffer of fixed size, and the parser ends its parts with
 * 0 bytes there, so nothing is allocated and the callback gets whole texts.
 *
 * Invariant: each line of the file is either a key, a section, a comment or empty, or it
 * ends the reading with its number.  Nothing is cut, joined or skipped.
 * Rejected: the library inih, which the stages use.  As distributions build it, it splits
 * a line after 199 bytes and reads the rest as another line, and it takes an indented key
 * for the rest of the value above; both change the meaning of a file without an error. */
#include "base/ini_file.h"

#include <errno.h>
#include <string.h>

#define BLANKS " \t\r\v\f"

struct ini_reader {
    FILE *f;
    char line[INI_FILE_LINE_MAX + 2];     /* a CR before the line end, and the 0 byte */
    char section[INI_FILE_LINE_MAX + 2];
    int n;                                /* number of the line */
};

/* Read the next line, without its line end.  Returns 1; 0 at the end of the file; -EIO;
 * -EINVAL with the reason in *why. */
static int next_line(struct ini_reader *r, const char **why)
{
    size_t len = 0;
    int c = getc(r->f);

    if (c == EOF)
        return ferror(r->f) ? -EIO : 0;
    r->n++;
    for (; c != EOF && c != '\n'; c = getc(r->f)) {
        if (c == '\0')
            return *why = "the line has a byte 0; save the file as text", -EINVAL;
        if (len >= INI_FILE_LINE_MAX + (size_t)(c == '\r'))
            return *why = "the line is longer than 4000 bytes", -EINVAL;
        r->line[len++] = (char)c;
    }
    r->line[len] = '\0';
    return ferror(r->f) ? -EIO : 1;
}

/* Cut the blanks at both ends of <text>.  Returns where it begins then. */
static char *trim(char *text)
{
    size_t n;

    text += strspn(text, BLANKS);
    n = strlen(text);
    while (n > 0 && strchr(BLANKS, text[n - 1]))
        n--;
    text[n] = '\0';
    return text;
}

/* Cut a comment that begins with ; after a blank, or at the start of <text>. */
static void cut_comment(char *text)
{
    char *p = text;

    while ((p = strchr(p, ';')) != NULL && p > text && !strchr(BLANKS, p[-1]))
        p++;
    if (p)
        *p = '\0';
}

static const char *take_section(struct ini_reader *r, char *text)
{
    char *end = strchr(text, ']');

    if (!end)
        return "the ] after the name of the section is missing";
    *end++ = '\0';
    if (end[strspn(end, BLANKS)] != '\0')
        return "there is text after the ] of the section; write it on a line of its own";
    memcpy(r->section, text, strlen(text) + 1);
    return NULL;
}

/* Returns 1: the line has a key, or is a [section], and *out says which; 0: it is empty;
 * -EINVAL: it is wrong, and out->why says why. */
static int split_line(struct ini_reader *r, struct ini_file_line *out)
{
    static const char bom[] = "\xef\xbb\xbf";
    char *text = r->line, *value;

    *out = (struct ini_file_line){.n = r->n, .section = r->section};
    if (r->n == 1 && strncmp(text, bom, 3) == 0)
        text += 3;
    text = trim(text);
    if (*text == ';' || *text == '#')
        return 0;
    cut_comment(text);
    text = trim(text);
    if (*text == '\0')
        return 0;
    if (*text == '[') {
        out->why = take_section(r, text + 1);
        return out->why ? -EINVAL : 1;
    }
    value = strpbrk(text, "=:");
    if (!value) {
        out->why = "neither [section] nor key = value";
        return -EINVAL;
    }
    *value++ = '\0';
    out->name = trim(text);
    out->value = trim(value);
    return 1;
}

/* Returns 0, or -EINVAL, with *why = NULL when <fn> refused the key. */
static int take_line(struct ini_reader *r, ini_file_key_fn *fn, void *arg,
                     const char **why)
{
    struct ini_file_line line;
    int rc = split_line(r, &line);

    *why = line.why;
    if (rc <= 0 || !line.name)
        return rc < 0 ? rc : 0;
    return fn(arg, line.section, line.name, line.value) ? 0 : -EINVAL;
}

int ini_file_read(FILE *f, ini_file_key_fn *fn, void *arg, int *line, const char **why)
{
    struct ini_reader r = {.f = f};
    int rc;

    *why = NULL;
    while ((rc = next_line(&r, why)) > 0 && (rc = take_line(&r, fn, arg, why)) == 0)
        continue;
    *line = r.n;
    return rc;
}

/* next_line() stopped within a line: leave the rest of it out. */
static void skip_line(struct ini_reader *r)
{
    int c = getc(r->f);

    while (c != EOF && c != '\n')
        c = getc(r->f);
}

int ini_file_each(FILE *f, ini_file_line_fn *fn, void *arg)
{
    struct ini_reader r = {.f = f};
    struct ini_file_line line;
    const char *why = NULL;
    int rc;

    while ((rc = next_line(&r, &why)) > 0 || rc == -EINVAL) {
        if (rc == -EINVAL) {
            skip_line(&r);
            line = (struct ini_file_line){.n = r.n, .section = r.section, .why = why};
        } else if (split_line(&r, &line) == 0) {
            continue;
        }
        if (!fn(arg, &line))
            return 0;
    }
    return rc;
}
