/* The server does not know DELIMITER: it is a word of the `mariadb` client, which needs
 * it to find the end of a trigger whose body has semicolons.  So whatever loads
 * triggers.sql without that client must split it.
 *
 * Rejected: the client library's multi-statements, where the server finds the ends.  The
 * file would still have to be rewritten (DELIMITER and its "//" removed), and an error
 * would name neither the statement nor its line.  Rejected as well: running the `mariadb`
 * program, which larsctl would then depend on, and to which the password would have to be
 * handed.
 *
 * The file is read byte by byte, in one of four states: plain, in a comment to the end of
 * the line, in a block comment, in quotes.  Comments are replaced by one blank; quoted
 * text is kept as it is, whatever it contains. */
#include "ctl/sql_script.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define DELIMITER_MAX 8
#define WORD "DELIMITER"

struct script {
    FILE *f;
    struct buf text;                  /* of the statement so far */
    char end[DELIMITER_MAX];          /* its delimiter */
    unsigned line, first;             /* now; of the statement's first byte */
    sql_script_fn *fn;
    void *arg;
};

static int next_char(struct script *s)
{
    int c = fgetc(s->f);

    s->line += c == '\n';
    return c;
}

static int peek_char(struct script *s)
{
    int c = fgetc(s->f);

    if (c != EOF)
        ungetc(c, s->f);
    return c;
}

static int keep(struct script *s, int c)
{
    char byte = (char)c;

    if (s->text.len == 0) {
        if (isspace((unsigned char)byte))
            return 0;                 /* blanks before a statement */
        s->first = s->line;
    }
    return buf_append(&s->text, &byte, 1);
}

static int skip_line(struct script *s)
{
    int c;

    while ((c = next_char(s)) != EOF && c != '\n')
        continue;
    return keep(s, '\n');
}

static int skip_block(struct script *s)
{
    int c, before = 0;

    while ((c = next_char(s)) != EOF) {
        if (before == '*' && c == '/')
            return keep(s, ' ');
        before = c;
    }
    return -EINVAL;
}

/* The rest of a text in the quotes <quote>; a doubled quote is two texts in a row. */
static int keep_quoted(struct script *s, int quote)
{
    int c, rc = keep(s, quote);

    while (rc == 0 && (c = next_char(s)) != EOF) {
        rc = keep(s, c);
        if (c == quote)
            return rc;
        if (c == '\\' && quote != '`' && rc == 0 && (c = next_char(s)) != EOF)
            rc = keep(s, c);
    }
    return rc < 0 ? rc : -EINVAL;
}

/* After one dash: "-- " begins a comment, "--1" is a number with two signs. */
static int take_dash(struct script *s)
{
    int rc = keep(s, '-');
    int c;

    if (rc < 0 || peek_char(s) != '-')
        return rc;
    next_char(s);
    c = peek_char(s);
    if (c != EOF && !isspace(c))
        return keep(s, '-');
    s->text.len--;                    /* the first dash */
    return skip_line(s);
}

static int run_statement(struct script *s)
{
    int rc = 0;

    while (s->text.len > 0 &&
           isspace((unsigned char)buf_bytes(&s->text)[s->text.len - 1]))
        s->text.len--;
    if (s->text.len > 0)
        rc = buf_append(&s->text, "", 1);
    if (rc == 0 && s->text.len > 0)
        rc = s->fn(buf_bytes(&s->text), s->first, s->arg);
    buf_consume(&s->text, s->text.len);
    return rc;
}

/* Does the text begin with the client's word DELIMITER? */
static bool is_delimiter_line(const struct script *s)
{
    const char *text = buf_bytes(&s->text);
    size_t n = strlen(WORD);

    return s->text.len > n && strncasecmp(text, WORD, n) == 0 &&
           isspace((unsigned char)text[n]);
}

static int set_delimiter(struct script *s)
{
    int rc = buf_append(&s->text, "", 1);

    if (rc == 0)
        sscanf(buf_bytes(&s->text) + strlen(WORD), "%7s", s->end);
    buf_consume(&s->text, s->text.len);
    return rc;
}

/* Run the statement when <c> completes it.  Returns 0, or what ends the script. */
static int end_statement(struct script *s, int c)
{
    size_t n = strlen(s->end);

    if (is_delimiter_line(s))
        return c == '\n' ? set_delimiter(s) : 0;
    if (s->text.len < n || memcmp(buf_bytes(&s->text) + s->text.len - n, s->end, n) != 0)
        return 0;
    s->text.len -= n;
    return run_statement(s);
}

static int take_char(struct script *s, int c)
{
    int rc;

    if (c == '/' && peek_char(s) == '*') {
        next_char(s);
        return skip_block(s);
    }
    if (c == '\'' || c == '"' || c == '`')
        return keep_quoted(s, c);
    if (c == '#' || c == '-') {
        rc = c == '#' ? skip_line(s) : take_dash(s);
        c = '\n';
    } else {
        rc = keep(s, c);
    }
    return rc < 0 ? rc : end_statement(s, c);
}

int sql_script_each(FILE *f, sql_script_fn *fn, void *arg)
{
    struct script s = {.f = f, .end = ";", .line = 1, .fn = fn, .arg = arg};
    int c, rc = 0;

    while (rc == 0 && (c = next_char(&s)) != EOF)
        rc = take_char(&s, c);
    if (rc == 0 && ferror(f))
        rc = -EIO;
    if (rc == 0)
        rc = end_statement(&s, '\n'); /* a DELIMITER in the last line */
    if (rc == 0)
        rc = run_statement(&s);       /* the last statement may have no delimiter */
    buf_free(&s.text);
    return rc;
}
