/* All that a row can do wrong is looked for in every row, so a person mends a spreadsheet
 * in one go.  A fault names the row as the spreadsheet program numbers it, besides line
 * and column of the file: a field with line ends makes the two differ.
 *
 * Rejected: columns by position.  With a column moved, titles would be imported as
 * summaries, and no check would see it. */
#include "site/import_sheet.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "site/import_csv.h"

#define WIDE_SPACE "\xe3\x80\x80" /* U+3000, which Chinese input methods write */
#define WIDE_SEMICOLON "\xef\xbc\x9b" /* U+FF1B */
#define SHOWN_MAX 40 /* bytes of a value that a fault shows */

static const struct column {
    const char *name, *zh;
    size_t max;
    enum { OPTIONAL, REQUIRED } need;
    enum { ONE_LINE, MANY_LINES } lines;
} columns[IMPORT_N_COLUMNS] = {
#define COLUMN(column, title, zh, max, need, lines)                                      \
    [IMPORT_##column] = {title, zh, max, need, lines},
#include "site/import_columns.inc"
#undef COLUMN
};

static const struct {
    const char *name, *zh;
} categories[] = {
#include "site/import_categories.inc"
};
#define N_CATEGORIES (sizeof(categories) / sizeof(categories[0]))

struct reader {
    struct import_csv csv;
    struct import_faults *f;
    int at[IMPORT_N_COLUMNS]; /* the field of each column; -1 = none */
    struct import_pos *ids; /* where the id of each item stands */
    struct import_record rec;
    size_t n_bytes; /* of pictures */
    int dir;
    bool told_bytes;
};

const char *import_sheet_column(enum import_column c)
{
    return columns[c].name;
}

/* Is <text> one of <words>, which blanks separate? */
static bool is_one_of(const char *words, const char *text)
{
    size_t len = strlen(text), n;

    for (; *words; words += n + (words[n] == ' ')) {
        n = strcspn(words, " ");
        if (n == len && memcmp(words, text, n) == 0)
            return true;
    }
    return false;
}

/* Remove blanks and line ends around <text>, where it stands. */
static char *trim(char *text)
{
    size_t len;

    for (;;) {
        if (*text == ' ' || *text == '\n')
            text++;
        else if (strncmp(text, WIDE_SPACE, 3) == 0)
            text += 3;
        else
            break;
    }
    for (len = strlen(text); len > 0;) {
        if (text[len - 1] == ' ' || text[len - 1] == '\n')
            len--;
        else if (len >= 3 && memcmp(text + len - 3, WIDE_SPACE, 3) == 0)
            len -= 3;
        else
            break;
    }
    text[len] = '\0';
    return text;
}

static int find_column(const char *title)
{
    int i;

    for (i = 0; i < IMPORT_N_COLUMNS; i++)
        if (strcasecmp(columns[i].name, title) == 0 || is_one_of(columns[i].zh, title))
            return i;
    return -1;
}

static void read_titles(struct reader *r)
{
    const struct import_record *rec = &r->rec;
    uint32_t i;
    int c;

    for (i = 0; i < rec->n; i++) {
        char *title = trim((char *)rec->field[i].text);

        c = find_column(title);
        if (c >= 0 && r->at[c] >= 0)
            import_fault_add(r->f, rec->field[i].at,
                             "the column %s is there twice; remove one", columns[c].name);
        else if (c >= 0)
            r->at[c] = (int)i;
        else if (title[0])
            import_fault_add(r->f, rec->field[i].at,
                             "\"%.*s\" is no column; remove it, or correct the title",
                             SHOWN_MAX, title);
    }
    for (c = 0; c < IMPORT_N_COLUMNS; c++)
        if (r->at[c] < 0)
            import_fault_add(r->f, rec->field[0].at, "the column %s (%.*s) is missing",
                             columns[c].name, (int)strcspn(columns[c].zh, " "),
                             columns[c].zh);
}

/* Where the field of a column stands; the begin of the row when it has none. */
static struct import_pos place(const struct reader *r, int c)
{
    int i = r->at[c];

    return r->rec.field[i >= 0 && (uint32_t)i < r->rec.n ? i : 0].at;
}

#define FAULT(r, c, fmt, ...)                                                            \
    import_fault_add((r)->f, place(r, c), "row %u, %s: " fmt, (r)->rec.row,              \
                     columns[c].name, ##__VA_ARGS__)

static void check_text(struct reader *r, int c, const char *text)
{
    size_t len = utf8_length(text);

    if (!text[0] && columns[c].need == REQUIRED)
        FAULT(r, c, "it is empty");
    if (len > columns[c].max)
        FAULT(r, c, "it has %zu characters; at most %zu are allowed", len,
              columns[c].max);
    if (columns[c].lines == ONE_LINE && strchr(text, '\n'))
        FAULT(r, c, "it has a line end; write it in one line");
}

static void check_id(struct reader *r, const struct import_sheet *s, const char *id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    uint32_t i;

    if (id[strspn(id, allowed)] != '\0')
        FAULT(r, IMPORT_ID,
              "\"%.*s\" has other characters than a-z, 0-9 and -; it is a part of the "
              "address of the page",
              SHOWN_MAX, id);
    for (i = 0; i < s->n && id[0]; i++) {
        if (strcmp(s->item[i].text[IMPORT_ID], id) != 0)
            continue;
        FAULT(r, IMPORT_ID, "\"%.*s\" is there already, in row %u (line %u)", SHOWN_MAX,
              id, s->item[i].row, r->ids[i].line);
        break;
    }
}

static void check_category(struct reader *r, struct import_item *item)
{
    const char *text = item->text[IMPORT_CATEGORY];
    size_t i;

    for (i = 0; i < N_CATEGORIES && !item->category; i++)
        if (strcasecmp(categories[i].name, text) == 0 ||
            is_one_of(categories[i].zh, text))
            item->category = categories[i].name;
    if (!item->category && text[0])
        FAULT(r, IMPORT_CATEGORY,
              "\"%.*s\" is no category; write crops, varieties, soils, methods or "
              "machines",
              SHOWN_MAX, text);
}

/* Cut <text> at each ';', where it stands; <wide>: also at the Chinese one.  Returns the
 * number of parts, and those that <out> can hold. */
static uint32_t split(char *text, bool wide, char *out[IMPORT_PICTURES_MAX])
{
    uint32_t n = 0;
    char *p = text;

    if (!*text)
        return 0;
    for (;; p++) {
        size_t len = *p == ';' ? 1 : wide && strncmp(p, WIDE_SEMICOLON, 3) == 0 ? 3 : 0;

        if (*p && len == 0)
            continue;
        len = *p ? len : 0;
        *p = '\0';
        if (n < IMPORT_PICTURES_MAX)
            out[n] = trim(text);
        n++;
        if (len == 0)
            return n;
        p += len - 1;
        text = p + 1;
    }
}

static uint32_t count_parts(const char *text, bool wide)
{
    uint32_t n = *text != '\0';

    for (; *text; text++)
        n += *text == ';' || (wide && strncmp(text, WIDE_SEMICOLON, 3) == 0);
    return n;
}

/* The descriptions of <n> pictures.  A Chinese semicolon separates them only when the
 * number is right then, because it may as well be a part of a sentence. */
static void read_alts(struct reader *r, int c, char *text, uint32_t n,
                      char *out[IMPORT_PICTURES_MAX])
{
    bool wide = count_parts(text, false) != n && count_parts(text, true) == n;
    uint32_t i, has = split(text, wide, out);

    if (r->at[c] < 0)
        return; /* it has its fault already */
    if (has != n) {
        FAULT(r, c, "there are %u descriptions for %u pictures; separate them by ;", has,
              n);
        return;
    }
    for (i = 0; i < n; i++) {
        if (!out[i][0])
            FAULT(r, c, "the description of picture %u is empty", i + 1);
        if (utf8_length(out[i]) > IMPORT_ALT_MAX)
            FAULT(r, c, "the description of picture %u has more than %d characters",
                  i + 1, IMPORT_ALT_MAX);
    }
}

/* Returns 0 or -ENOMEM. */
static int read_picture(struct reader *r, struct import_item_picture *out)
{
    char why[IMPORT_PICTURE_WHY];
    struct import_picture p;
    int rc = import_picture_read(&p, r->dir, out->name, why);

    if (rc == -ENOMEM)
        return rc;
    if (rc < 0) {
        FAULT(r, IMPORT_PICTURES, "the picture \"%.*s\" %s", SHOWN_MAX, out->name, why);
        return 0;
    }
    memcpy(out->hash, p.hash, sizeof(out->hash));
    r->n_bytes += p.len;
    if (r->n_bytes > IMPORT_BYTES_MAX && !r->told_bytes) {
        FAULT(r, IMPORT_PICTURES, "all pictures up to here have more than %u MiB",
              IMPORT_BYTES_MAX >> 20);
        r->told_bytes = true;
    }
    import_picture_free(&p);
    return 0;
}

/* Returns 0 or -ENOMEM. */
static int read_pictures(struct reader *r, struct import_item *item)
{
    char *name[IMPORT_PICTURES_MAX] = {0}, *zh[IMPORT_PICTURES_MAX] = {0},
         *en[IMPORT_PICTURES_MAX] = {0};
    uint32_t i, n = split((char *)item->text[IMPORT_PICTURES], true, name);
    int rc = 0;

    if (n > IMPORT_PICTURES_MAX) {
        FAULT(r, IMPORT_PICTURES, "there are %u pictures; at most %d are allowed", n,
              IMPORT_PICTURES_MAX);
        return 0;
    }
    read_alts(r, IMPORT_ALT_ZH, (char *)item->text[IMPORT_ALT_ZH], n, zh);
    read_alts(r, IMPORT_ALT_EN, (char *)item->text[IMPORT_ALT_EN], n, en);
    item->n_picture = n;
    for (i = 0; i < n && rc == 0 && r->f->n < IMPORT_FAULT_MAX && !r->told_bytes; i++) {
        item->picture[i] = (struct import_item_picture){name[i], zh[i], en[i], ""};
        rc = read_picture(r, &item->picture[i]);
    }
    return rc;
}

static void check_width(struct reader *r, uint32_t n_titles)
{
    uint32_t i;

    for (i = n_titles; i < r->rec.n; i++)
        if (r->rec.field[i].text[0]) {
            import_fault_add(r->f, r->rec.field[i].at,
                             "row %u: there is a field without a column; a %s within a "
                             "text needs quotes around it",
                             r->rec.row, r->csv.separator == ',' ? "comma" : "separator");
            return;
        }
}

/* Returns 0 or -ENOMEM. */
static int read_item(struct reader *r, struct import_sheet *s, struct import_item *item)
{
    static char none[1];
    int c;

    *item = (struct import_item){.row = r->rec.row};
    for (c = 0; c < IMPORT_N_COLUMNS; c++) {
        int i = r->at[c];
        char *text =
            i >= 0 && (uint32_t)i < r->rec.n ? trim((char *)r->rec.field[i].text) : none;

        item->text[c] = text;
        if (i >= 0) /* a missing column has its fault already */
            check_text(r, c, text);
    }
    check_id(r, s, item->text[IMPORT_ID]);
    check_category(r, item);
    return read_pictures(r, item);
}

static int read_rows(struct reader *r, struct import_sheet *s)
{
    uint32_t n_titles = r->rec.n;
    int rc = 0;

    while (rc == 0 && import_csv_next(&r->csv, &r->rec)) {
        if (s->n == IMPORT_ITEMS_MAX) {
            import_fault_add(r->f, r->rec.field[0].at,
                             "row %u: there are more than %d exhibits", r->rec.row,
                             IMPORT_ITEMS_MAX);
            return 0;
        }
        check_width(r, n_titles);
        rc = read_item(r, s, &s->item[s->n]);
        r->ids[s->n++] = place(r, IMPORT_ID);
    }
    return rc;
}

int import_sheet_read(struct import_sheet *out, char *text, size_t len, int pictures,
                      struct import_faults *f)
{
    struct reader r = {.f = f, .dir = pictures};
    struct import_pos begin = {1, 1};
    uint32_t before = f->n;
    int rc = 0, c;

    *out = (struct import_sheet){.item = calloc(IMPORT_ITEMS_MAX, sizeof(*out->item))};
    r.ids = calloc(IMPORT_ITEMS_MAX, sizeof(*r.ids));
    if (!out->item || !r.ids) {
        free(r.ids);
        return -ENOMEM;
    }
    for (c = 0; c < IMPORT_N_COLUMNS; c++)
        r.at[c] = -1;
    import_csv_init(&r.csv, text, len, f);
    out->separator = r.csv.separator;
    if (!import_csv_next(&r.csv, &r.rec)) {
        import_fault_add(f, begin,
                         "the file has no row; the first has the titles of the "
                         "columns, the others have exhibits");
    } else {
        read_titles(&r);
        rc = read_rows(&r, out);
        if (rc == 0 && out->n == 0 && f->n == before)
            import_fault_add(f, begin, "the file has no exhibit");
    }
    free(r.ids);
    return rc;
}

void import_sheet_free(struct import_sheet *s)
{
    free(s->item);
    *s = (struct import_sheet){0};
}
