/* All rows are kept until the table is printed: the width of a column is known only then,
 * and a command that fails midway prints nothing instead of half a table.  Cells are text
 * whatever their column is, as the database gives them; only JSON tells numbers apart. */
#include "ctl/table.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define GAP 2 /* blanks between columns */
#define EXACT 9007199254740992ULL /* 2^53: above, readers of JSON round */

struct table {
    char *names; /* cut at the blanks */
    const char *name[TABLE_MAX_COLUMNS];
    bool number[TABLE_MAX_COLUMNS];
    size_t n_column, n_cell, cap;
    char **cell; /* row by row */
};

int table_create(struct table **out, const char *columns)
{
    struct table *t = calloc(1, sizeof(*t));
    char *word, *save = NULL;

    if (!t || !(t->names = strdup(columns))) {
        free(t);
        return -ENOMEM;
    }
    for (word = strtok_r(t->names, " ", &save); word && t->n_column < TABLE_MAX_COLUMNS;
         word = strtok_r(NULL, " ", &save)) {
        char *end = word + strlen(word) - 1;

        t->number[t->n_column] = *end == '#';
        if (*end == '#')
            *end = '\0';
        t->name[t->n_column++] = word;
    }
    *out = t;
    return 0;
}

void table_destroy(struct table *t)
{
    size_t i;

    if (!t)
        return;
    for (i = 0; i < t->n_cell; i++)
        free(t->cell[i]);
    free(t->cell);
    free(t->names);
    free(t);
}

static int reserve(struct table *t)
{
    size_t cap = t->cap ? t->cap * 2 : 16 * t->n_column;
    char **cell;

    if (t->n_cell + t->n_column <= t->cap)
        return 0;
    cell = realloc(t->cell, cap * sizeof(*cell));
    if (!cell)
        return -ENOMEM;
    t->cell = cell;
    t->cap = cap;
    return 0;
}

int table_add(struct table *t, char *const *cell)
{
    size_t i, first = t->n_cell;

    if (reserve(t) < 0)
        return -ENOMEM;
    for (i = 0; i < t->n_column; i++) {
        char *copy = strdup(cell[i] ? cell[i] : "");

        if (!copy) {
            while (t->n_cell > first)
                free(t->cell[--t->n_cell]);
            return -ENOMEM;
        }
        t->cell[t->n_cell++] = copy;
    }
    return 0;
}

size_t table_n_rows(const struct table *t)
{
    return t->n_cell / t->n_column;
}

const char *table_cell(const struct table *t, size_t row, size_t column)
{
    return t->cell[row * t->n_column + column];
}

/* Columns of a terminal; what is no character in this locale counts a column a byte. */
static size_t width(const char *s)
{
    mbstate_t state = {0};
    size_t sum = 0;

    while (*s) {
        wchar_t c;
        size_t n = mbrtowc(&c, s, MB_CUR_MAX, &state);
        int w;

        if (n == (size_t)-1 || n == (size_t)-2) {
            state = (mbstate_t){0};
            n = 1;
            w = 1;
        } else {
            w = wcwidth(c);
        }
        sum += w >= 0 ? (size_t)w : 1; /* a control character is printed as '?' */
        s += n;
    }
    return sum;
}

void table_print_safe(const char *s, FILE *to)
{
    while (*s) {
        unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];
        bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;

        fputc(c < ' ' || c == 0x7f || c1 ? '?' : c, to);
        s += c1 ? 2 : 1;
    }
}

static void print_cell(const char *s, size_t room, bool right, bool last, FILE *to)
{
    int pad = (int)(room - width(s));

    if (right)
        fprintf(to, "%*s", pad, "");
    table_print_safe(s, to);
    fprintf(to, "%*s", last ? 0 : (right ? 0 : pad) + GAP, "");
}

static void print_text(const struct table *t, FILE *to)
{
    size_t room[TABLE_MAX_COLUMNS], r, c;

    for (c = 0; c < t->n_column; c++) {
        room[c] = width(t->name[c]);
        for (r = 0; r < table_n_rows(t); r++)
            if (width(table_cell(t, r, c)) > room[c])
                room[c] = width(table_cell(t, r, c));
    }
    for (c = 0; c < t->n_column; c++)
        print_cell(t->name[c], room[c], t->number[c], c + 1 == t->n_column, to);
    fputc('\n', to);
    for (r = 0; r < table_n_rows(t); r++) {
        for (c = 0; c < t->n_column; c++)
            print_cell(table_cell(t, r, c), room[c], t->number[c], c + 1 == t->n_column,
                       to);
        fputc('\n', to);
    }
}

static json_t *json_value(const char *s, bool number)
{
    char *end;
    double d;

    if (!number)
        return json_string(s);
    if (!*s)
        return json_null();
    d = strtod(s, &end);
    if (*end != '\0' || d > (double)EXACT)
        return json_string(s);
    return strpbrk(s, ".e") ? json_real(d) : json_integer(strtoll(s, NULL, 10));
}

static int print_json(const struct table *t, FILE *to)
{
    json_t *all = json_array(), *row;
    size_t r, c;
    int rc = all ? 0 : -ENOMEM;

    for (r = 0; r < table_n_rows(t) && rc == 0; r++) {
        row = json_object();
        for (c = 0; row && c < t->n_column && rc == 0; c++)
            if (json_object_set_new(row, t->name[c],
                                    json_value(table_cell(t, r, c), t->number[c])) < 0)
                rc = -ENOMEM;
        if (json_array_append_new(all, row) < 0)
            rc = -ENOMEM;
    }
    if (rc == 0 && json_dumpf(all, to, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0)
        rc = -EIO;
    json_decref(all);
    fputc('\n', to);
    return rc;
}

static void print_csv_cell(const char *s, FILE *to)
{
    if (isatty(fileno(to))) {
        table_print_safe(s, to);
        return;
    }
    if (!strpbrk(s, ",\"\r\n")) {
        fputs(s, to);
        return;
    }
    fputc('"', to);
    for (; *s; s++) {
        if (*s == '"')
            fputc('"', to);
        fputc(*s, to);
    }
    fputc('"', to);
}

static void print_csv(const struct table *t, FILE *to)
{
    size_t r, c;

    for (c = 0; c < t->n_column; c++)
        fprintf(to, "%s%s", c > 0 ? "," : "", t->name[c]);
    fputc('\n', to);
    for (r = 0; r < table_n_rows(t); r++) {
        for (c = 0; c < t->n_column; c++) {
            if (c > 0)
                fputc(',', to);
            print_csv_cell(table_cell(t, r, c), to);
        }
        fputc('\n', to);
    }
}

int table_print(const struct table *t, enum table_format f, FILE *to)
{
    int rc = 0;

    if (f == TABLE_JSON)
        rc = print_json(t, to);
    else if (f == TABLE_CSV)
        print_csv(t, to);
    else
        print_text(t, to);
    return rc == 0 && (fflush(to) != 0 || ferror(to)) ? -EIO : rc;
}
