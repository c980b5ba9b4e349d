/* showcase-import -- brings a spreadsheet and its pictures into an edition of the
 * exhibition site.  `showcase-import --help` explains the options.
 *
 * Everything is checked before the database is asked: decoding, rows, pictures.  Then the
 * difference to the database is printed, and with --apply written. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/opts.h"
#include "base/sig.h"
#include "base/utf8.h"
#include "db/dbconf.h"
#include "site/import_db.h"
#include "site/import_text.h"

#define LINES_MAX 20 /* exhibits that the preview names */
#define TITLE_MAX 200 /* characters */
enum { DONE, FAULTS, USAGE, NO_DB };

static struct settings {
    uint32_t edition;
    char encoding[12], title_zh[TITLE_MAX * 4 + 1], title_en[TITLE_MAX * 4 + 1];
    char reason[1021];
    struct dbconf db;
} set;
static bool apply, sample;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"import", "edition", CONF_U32, AT(edition), 0, 2999, "0",
     "the year of the edition; 0: give it as an option"},
    {"import", "encoding", CONF_TEXT, AT(encoding), 0, sizeof(set.encoding), "auto",
     "how the spreadsheet is encoded: auto, utf-8, gb18030, utf-16le or utf-16be"},
    {"import", "title_zh", CONF_TEXT, AT(title_zh), 0, sizeof(set.title_zh), "",
     "the Chinese title of the edition; empty: keep it, or make it from the year"},
    {"import", "title_en", CONF_TEXT, AT(title_en), 0, sizeof(set.title_en), "",
     "the English title of the edition; empty: keep it, or make it from the year"},
    {"import", "reason", CONF_TEXT, AT(reason), 0, sizeof(set.reason), "",
     "why the edition is changed, when -r does not say it; the audit keeps it"},
    DBCONF_TEXT(AT(db), socket, "",
                "the Unix socket of the database server; empty: endpoints"),
    DBCONF_TEXT(AT(db), endpoints, "",
                "the servers of the same database, the one of this zone first, as "
                "ADDRESS:PORT or the path of a socket, with spaces between them; "
                "empty: host and port"),
    DBCONF_TEXT(AT(db), host, "127.0.0.1", "the host of the database server"),
    DBCONF_U32(AT(db), port, 1, 65535, "3306", "the TCP port of the database server"),
    DBCONF_TEXT(AT(db), user, "lars_site_edit", "the user that connects"),
    DBCONF_TEXT(AT(db), password, "lars_site_edit", "the password of the user"),
    DBCONF_TEXT(AT(db), name, "lars_site", "the name of the database of the site"),
    DBCONF_U32(AT(db), timeout_s, 1, 60, "10",
               "seconds that a connect, a statement or a write may take"),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'e', "edition", "YEAR", "import", "edition", NULL, "The year of the edition.", NULL},
    {'a', "apply", NULL, NULL, NULL, NULL,
     "Write it; without this option nothing is changed.", &apply},
    {'S', "sample", NULL, NULL, NULL, NULL, "Label the exhibits on the pages as samples.",
     &sample},
    {'E', "encoding", "NAME", "import", "encoding", NULL,
     "Take this encoding instead of finding it out: utf-8, gb18030, utf-16le or "
     "utf-16be.",
     NULL},
    {'z', "title-zh", "TEXT", "import", "title_zh", NULL,
     "The Chinese title of the edition.", NULL},
    {'t', "title-en", "TEXT", "import", "title_en", NULL,
     "The English title of the edition.", NULL},
    {'r', "reason", "TEXT", "import", "reason", NULL,
     "Why the edition is changed, for the audit.", NULL},
    {'s', "socket", "PATH", "db", "socket", NULL,
     "Connect to the database through this Unix socket.", NULL},
    {0}};

static const char *const files[] = {"$SHOWCASE_IMPORT", "/etc/lars/showcase-import.ini",
                                    NULL};

static bool is_title(const char *text)
{
    const char *p;

    if (!utf8_is_whole(text) || utf8_length(text) > TITLE_MAX)
        return false;
    for (p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return true;
}

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    const char *why = dbconf_wrong_value(&s->db);
    enum import_encoding e;

    if (!why && import_text_encoding(s->encoding, &e) < 0)
        why = "--encoding must be auto, utf-8, gb18030, utf-16le or utf-16be";
    if (!why && s->edition > 0 && s->edition < 1900)
        why = "--edition must be a year, such as 2027";
    if (!why && (!is_title(s->title_zh) || !is_title(s->title_en)))
        why = "a title of an edition has at most 200 characters in UTF-8, without line "
              "ends";
    if (!why && !utf8_is_whole(s->reason))
        why = "the reason is not UTF-8; set the terminal to UTF-8";
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    return why ? -EINVAL : 0;
}

static const struct opts_program program = {
    .name = "showcase-import",
    .summary = "brings a spreadsheet and its pictures into the exhibition site",
    .operands = "FILE.csv PICTURES",
    .min = 2,
    .max = 2,
    .about =
        "Without --apply the program prints what would change and changes nothing.  With "
        "it the edition has afterwards exactly the exhibits of the spreadsheet, or, "
        "after any fault, what it had before.  A new edition is a draft: larsctl site "
        "publish shows it.\n"
        "The columns of the spreadsheet are: id, category, title_zh, title_en, "
        "summary_zh, summary_en, body_zh, body_en, organisation_zh, organisation_en, "
        "pictures, alt_zh, alt_en; Chinese titles are accepted as well.  Pictures are "
        "names of files in the folder PICTURES, separated by ';', and so are their "
        "descriptions alt_zh and alt_en.",
    .flags = flags,
    .keys = keys,
    .files = files,
    .exits = "0 The spreadsheet has no fault; with --apply it is written.\n"
             "1 The spreadsheet has faults, or the database refused; nothing was "
             "changed.\n"
             "2 An option, an argument or the configuration is wrong.\n"
             "3 The database cannot be reached.\n",
    .check = check_settings};

static int complain(int code, const char *what, const char *why)
{
    fprintf(stderr, "showcase-import: %s: %s\n", what, why);
    return code;
}

/* Read the file; one byte more than is allowed shows that it is too large.  Returns 0 or
 * -errno. */
static int read_file(const char *path, char **out, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    char *bytes = fd == -1 ? NULL : malloc(IMPORT_TEXT_MAX + 1);
    ssize_t n = 1;

    if (fd == -1)
        return -errno;
    for (*len = 0; bytes && n > 0 && *len <= IMPORT_TEXT_MAX;
         *len += n > 0 ? (size_t)n : 0) {
        do {
            n = read(fd, bytes + *len, IMPORT_TEXT_MAX + 1 - *len);
        } while (n == -1 && errno == EINTR);
        if (n == -1)
            rc = -errno;
    }
    close(fd);
    if (!bytes)
        return -ENOMEM;
    *out = bytes;
    if (rc < 0)
        free(bytes);
    return rc;
}

static int decode(const char *path, struct import_text *out, struct import_faults *f)
{
    enum import_encoding want = IMPORT_AUTO;
    char *raw = NULL;
    size_t len = 0;
    int rc = read_file(path, &raw, &len);

    if (rc < 0)
        return complain(FAULTS, path, strerror(-rc));
    import_text_encoding(set.encoding, &want);
    rc = import_text_decode(out, raw, len, want, f);
    free(raw);
    if (rc == -E2BIG)
        return complain(FAULTS, path, "it has more than 16 MiB; is it the CSV file?");
    if (rc == -ENOSYS)
        return complain(FAULTS, path,
                        "this system cannot convert from GB18030; save the file as \"CSV "
                        "UTF-8\"");
    return rc < 0 ? complain(FAULTS, path, strerror(-rc)) : DONE;
}

static void print_text(const char *path, const struct import_text *t,
                       const struct import_sheet *s)
{
    uint32_t i, pictures = 0;

    for (i = 0; i < s->n; i++)
        pictures += s->item[i].n_picture;
    printf("%s: %s, fields separated by %s, %u exhibits, %u pictures\n", path,
           import_text_name(t),
           s->separator == '\t'  ? "tabulators"
           : s->separator == ';' ? "semicolons"
                                 : "commas",
           s->n, pictures);
}

static void print_diff(const struct import_sheet *s, const struct import_diff *d)
{
    static const char *const words[] = {"new", "changed", "moved"};
    uint32_t i, lines = 0, all = d->n_removed + s->n - d->n_state[IMPORT_SAME];

    printf("edition %u (%s%s): %u new, %u changed, %u removed, %u only moved, %u the "
           "same\n",
           set.edition, d->edition, d->retitled ? ", with another title" : "",
           d->n_state[IMPORT_NEW], d->n_state[IMPORT_CHANGED], d->n_removed,
           d->n_state[IMPORT_MOVED], d->n_state[IMPORT_SAME]);
    for (i = 0; i < d->n_removed && lines < LINES_MAX; i++, lines++)
        printf("  removed  %-20s  %s\n", d->removed[i].id, d->removed[i].title);
    for (i = 0; i < s->n && lines < LINES_MAX; i++) {
        if (d->state[i] == IMPORT_SAME)
            continue;
        lines++;
        printf("  %-7s  %-20s  %s / %s\n", words[d->state[i]], s->item[i].text[IMPORT_ID],
               s->item[i].text[IMPORT_TITLE_ZH], s->item[i].text[IMPORT_TITLE_EN]);
    }
    if (all > lines)
        printf("  and %u more\n", all - lines);
}

static int db_failed(const struct sqldb *db, int rc, const char *why)
{
    if (rc == -EPERM || rc == -EINVAL || rc == -EBUSY)
        return complain(FAULTS, "nothing was changed", why);
    if (rc == -ENOMEM)
        return complain(FAULTS, "nothing was changed", "out of memory");
    return complain(rc == -ENOTCONN ? NO_DB : FAULTS,
                    why[0] ? why
                           : "the database failed; give the command again without "
                             "--apply to see what it has",
                    sqldb_error(db));
}

static int write_sheet(const char *path, const struct import_sheet *s, int pictures)
{
    struct import_target to = {
        .year = set.edition,
        .title_zh = set.title_zh,
        .title_en = set.title_en,
        .sample = sample,
        .pictures = pictures,
        .file = path,
        .who = {audit_login_name(), "showcase-import", "", set.reason}};
    struct myconn_config mc = dbconf_myconn(&set.db);
    char why[IMPORT_DB_WHY] = "";
    struct import_diff d = {0};
    struct sqldb *db;
    int code = DONE, rc;

    if (sqldb_open(&db, &mc) < 0)
        return complain(FAULTS, "nothing was changed", "out of memory");
    rc = (apply ? import_db_apply : import_db_preview)(db, &to, s, &d, why);
    if (rc < 0) {
        code = db_failed(db, rc, why);
    } else {
        print_diff(s, &d);
        puts(import_db_is_empty(&d) ? "nothing is to be changed"
             : apply                  ? "written"
                                      : "nothing was written; give --apply to write it");
    }
    import_db_diff_free(&d);
    sqldb_close(db);
    return code;
}

static int import(const char *path, int pictures)
{
    static struct import_faults faults;
    struct import_sheet sheet = {0};
    struct import_text text = {0};
    int code = decode(path, &text, &faults), rc;

    if (code != DONE)
        return code;
    rc = import_sheet_read(&sheet, text.text, text.len, pictures, &faults);
    if (rc < 0)
        code = complain(FAULTS, path, strerror(-rc));
    else
        print_text(path, &text, &sheet);
    fflush(stdout);
    if (code == DONE && faults.n > 0) {
        import_fault_print(&faults, path, stderr);
        fprintf(stderr, "showcase-import: %u faults; nothing was changed\n", faults.n);
        code = FAULTS;
    }
    if (code == DONE)
        code = write_sheet(path, &sheet, pictures);
    import_sheet_free(&sheet);
    import_text_free(&text);
    return code;
}

int main(int argc, char **argv)
{
    int code = opts_main(&program, argc, argv, &set), dir;

    if (code != OPTS_RUN)
        return code;
    argv += optind;
    if (set.edition == 0)
        return complain(USAGE, "the year of the edition is missing",
                        "give --edition, such as --edition 2027");
    dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir == -1)
        return complain(USAGE, argv[1], strerror(errno));
    if (sig_ignore_pipe_and_hup() < 0 || myconn_init() < 0)
        return complain(FAULTS, "the client library of the database", "cannot start");
    code = import(argv[0], dir);
    close(dir);
    myconn_fini();
    return code;
}
