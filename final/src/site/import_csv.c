/* One pass over the text, which a field never outgrows, so fields are written where they
 * are read and nothing is allocated.  A fault is noted and reading continues: with the
 * next field, as RFC 4180 would have it if the character at fault were not there.
 *
 * Characters that no text of a page needs and that can deceive a reader are refused as
 * control characters are: those which reverse the direction of writing, a byte order mark
 * within the text, and U+FFFD, which an earlier conversion has left for a lost one. */
#include "site/import_csv.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

static uint32_t code_of(const char *p, size_t n)
{
    const unsigned char *s = (const unsigned char *)p;
    uint32_t c = n == 1 ? s[0] : n == 2 ? s[0] & 0x1fu : n == 3 ? s[0] & 0xfu : s[0] & 7u;
    size_t i;

    for (i = 1; i < n; i++)
        c = c << 6 | (s[i] & 0x3fu);
    return c;
}

static bool is_control(uint32_t c)
{
    return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
           c == 0xfffd || (c & 0xfffe) == 0xfffe;
}

void import_csv_init(struct import_csv *c, char *text, size_t len,
                     struct import_faults *f)
{
    uint32_t n[128] = {0};
    bool quoted = false;
    const char *p;

    *c = (struct import_csv){text, text + len, ',', 0, {1, 1}, f};
    if (len >= 5 && memcmp(text, "sep=", 4) == 0 && strchr(",;\t", text[4]) && text[4] &&
        (len == 5 || text[5] == '\r' || text[5] == '\n')) {
        c->separator = text[4];
        c->p += len == 5 ? 5 : text[5] == '\r' && text[6] == '\n' ? 7 : 6;
        c->at.line++;
        c->row++;
        return;
    }
    for (p = text; p < c->end && (quoted || (*p != '\n' && *p != '\r')); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted && (unsigned char)*p < 128)
            n[(unsigned char)*p]++;
    }
    if (n[';'] > n[','] && n[';'] >= n['\t'])
        c->separator = ';';
    else if (n['\t'] > n[','])
        c->separator = '\t';
}

static bool at_line_end(const struct import_csv *c)
{
    return *c->p == '\n' || *c->p == '\r';
}

/* A line end of any kind counts as one. */
static void skip_line_end(struct import_csv *c)
{
    c->p += c->p[0] == '\r' && c->p[1] == '\n' ? 2 : 1;
    c->at = (struct import_pos){c->at.line + 1, 1};
}

/* Move one character of the text to *<to>. */
static void take_char(struct import_csv *c, char **to)
{
    size_t n = utf8_char(c->p), i;
    uint32_t code = code_of(c->p, n ? n : 1);

    if (is_control(code)) {
        import_fault_add(c->f, c->at, "row %u: the character U+%04X is not allowed; %s",
                         c->row, code,
                         code == 0xfffd ? "an earlier conversion of the file has lost a "
                                          "character here: write it again"
                                        : "remove it: it is invisible, or it changes "
                                          "how text is shown");
        *(*to)++ = '?';
    } else if (code == '\t') {
        *(*to)++ = ' ';
    } else {
        for (i = 0; i < (n ? n : 1); i++)
            *(*to)++ = c->p[i];
    }
    c->p += n ? n : 1;
    c->at.column++;
}

static void take_quoted(struct import_csv *c, char **to)
{
    struct import_pos opened = c->at;

    c->p++;
    c->at.column++;
    while (c->p < c->end && (c->p[0] != '"' || c->p[1] == '"')) {
        if (at_line_end(c)) {
            skip_line_end(c);
            *(*to)++ = '\n';
            continue;
        }
        if (*c->p == '"') { /* the first of two */
            c->p++;
            c->at.column++;
        }
        take_char(c, to);
    }
    if (c->p == c->end) {
        import_fault_add(c->f, opened,
                         "row %u: this quote is not closed before the end of the file",
                         c->row);
        return;
    }
    c->p++;
    c->at.column++;
}

/* Read a field and what ends it.  Returns 1 when the row has another. */
static int take_field(struct import_csv *c, struct import_field *out)
{
    bool quoted = c->p < c->end && *c->p == '"', told = false, more;
    char *to = c->p;

    out->at = c->at;
    out->text = to;
    if (quoted)
        take_quoted(c, &to);
    while (c->p < c->end && *c->p != c->separator && !at_line_end(c)) {
        if (!told && (quoted || *c->p == '"')) {
            import_fault_add(c->f, c->at,
                             quoted ? "row %u: there is text behind the closing quote; "
                                      "write a quote within a field twice"
                                    : "row %u: there is a quote in a field without "
                                      "quotes; put the field in quotes and write the "
                                      "quote twice",
                             c->row);
            told = true;
        }
        take_char(c, &to);
    }
    more = c->p < c->end && *c->p == c->separator;
    if (more) {
        c->p++;
        c->at.column++;
    } else if (c->p < c->end) {
        skip_line_end(c);
    }
    *to = '\0'; /* where the field or its end was read */
    return more;
}

/* Returns 1 when the row has text. */
static int take_row(struct import_csv *c, struct import_record *out)
{
    struct import_field field;
    int more = 1, has_text = 0;

    c->row++;
    out->row = c->row;
    out->n = 0;
    while (more) {
        more = take_field(c, &field);
        has_text |= field.text[strspn(field.text, " \n")] != '\0';
        if (out->n < IMPORT_CSV_FIELDS)
            out->field[out->n++] = field;
        else if (field.text[0])
            import_fault_add(c->f, field.at, "row %u: it has more than %d fields", c->row,
                             IMPORT_CSV_FIELDS);
    }
    return has_text;
}

int import_csv_next(struct import_csv *c, struct import_record *out)
{
    while (c->p < c->end)
        if (take_row(c, out))
            return 1;
    return 0;
}
