/* ledger_check -- compares the logs of ledger_writer with what database servers store: is
 * each acknowledged row there, with its value, and do all servers have the same rows?
 * `ledger_check --help` explains the options.
 *
 * Log and table are both sorted by key, so one pass over the rows, which are read in
 * order and not kept, finds what is missing and what is more. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/opts.h"
#include "ledger.h"

#define SHOWN_MAX 5 /* lost keys that are printed for a server and a log */

static struct settings {
    char servers[400], user[33], password_file[200];
} set;
static struct endpoints to;
static char password[128];

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"", "servers", CONF_TEXT, AT(servers), 0, sizeof(set.servers), "127.0.0.1:3310",
     "the servers"},
    {"", "user", CONF_TEXT, AT(user), 0, sizeof(set.user), "ledger",
     "the user of the database"},
    {"", "password_file", CONF_TEXT, AT(password_file), 0, sizeof(set.password_file), "",
     "the file with the password"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'d', "servers", "LIST", "", "servers", NULL, LEDGER_SERVERS_HELP},
    {'u', "user", "USER", "", "user", NULL, "Connect as this user of the database."},
    {'P', "password-file", "FILE", "", "password_file", NULL,
     "The first line of this file is the password. Without it there is none."},
    {0}};

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    return ledger_set_servers(&to, ((const struct settings *)values)->servers, err);
}

static const struct opts_program program = {
    .name = "ledger_check",
    .summary = "compares the logs of ledger_writer with what database servers store",
    .operands = "LOG...",
    .min = 1,
    .max = -1,
    .about =
        "It prints a line for each server and log: acknowledged rows, stored rows, "
        "those that are lost, those that are stored without an acknowledgement, those "
        "with a wrong value, and whether the first server has the same rows.",
    .flags = flags,
    .keys = keys,
    .exits = "0 Each acknowledged row is stored by each server, and all have the same.\n"
             "1 A row is lost or wrong, the servers differ, or one does not answer.\n"
             "2 An option or an argument is wrong, or a log cannot be read.\n",
    .check = check_settings};

/* What one log says: the writer, and the keys in ascending order. */
struct ledger {
    char writer[41];
    uint64_t *n;
    size_t count, room;
    uint64_t stored, sum; /* of the first server: the others must equal them */
};

static int add_key(struct ledger *l, uint64_t n)
{
    if (l->count > 0 && n <= l->n[l->count - 1])
        return -EINVAL;
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 1024;
        uint64_t *more = realloc(l->n, room * sizeof(*more));

        if (!more)
            return -ENOMEM;
        l->n = more;
        l->room = room;
    }
    l->n[l->count++] = n;
    return 0;
}

/* A last line without its end is that of a writer that was killed, and counts as written:
 * the row was acknowledged before. */
static int read_log(struct ledger *l, const char *path)
{
    FILE *f = fopen(path, "re");
    char line[400];
    uint64_t n;
    int rc =
        f && fgets(line, sizeof(line), f) && sscanf(line, "writer %40s", l->writer) == 1
            ? 0
            : -EINVAL;

    while (rc == 0 && fgets(line, sizeof(line), f))
        if (sscanf(line, "ack %" SCNu64 " ", &n) == 1)
            rc = add_key(l, n);
    if (f)
        fclose(f);
    if (rc < 0)
        fprintf(stderr, "ledger_check: %s is not a log of ledger_check: %s\n", path,
                err_text(rc));
    return rc;
}

struct found {
    uint64_t stored, lost, more, wrong, sum;
    size_t at; /* the first key of the log that was not seen yet */
};

static void lose_until(struct found *f, const struct ledger *l, uint64_t n)
{
    for (; f->at < l->count && l->n[f->at] < n; f->at++)
        if (f->lost++ < SHOWN_MAX)
            printf("  lost: writer %s row %" PRIu64 "\n", l->writer, l->n[f->at]);
}

static void found_row(struct found *f, const struct ledger *l, MYSQL_ROW row)
{
    uint64_t n = strtoull(row[0], NULL, 10), value = strtoull(row[1], NULL, 10);

    lose_until(f, l, n);
    f->stored++;
    f->wrong += value != ledger_value(n);
    f->sum = (f->sum ^ n ^ value) * UINT64_C(0x100000001b3);
    if (f->at < l->count && l->n[f->at] == n)
        f->at++;
    else
        f->more++;
}

/* Returns 0: nothing is lost; 1: something is, or the server does not answer. */
static int compare(MYSQL *con, size_t at, struct ledger *l)
{
    struct found f = {0};
    char sql[200], name[ENDPOINTS_TEXT];
    MYSQL_RES *res;
    MYSQL_ROW row;
    bool same;

    endpoints_text(&to.at[at], name);
    snprintf(sql, sizeof(sql),
             "SELECT n, value FROM Entry WHERE writer = '%s' ORDER BY n", l->writer);
    res = mysql_query(con, sql) == 0 ? mysql_use_result(con) : NULL;
    while (res && (row = mysql_fetch_row(res)))
        found_row(&f, l, row);
    mysql_free_result(res);
    if (mysql_errno(con)) {
        fprintf(stderr, "ledger_check: %s: %s (%u)\n", name, mysql_error(con),
                mysql_errno(con));
        return 1;
    }
    lose_until(&f, l, UINT64_MAX);
    if (at == 0) {
        l->stored = f.stored;
        l->sum = f.sum;
    }
    same = l->stored == f.stored && l->sum == f.sum;
    printf("server=%s writer=%s acknowledged=%zu stored=%" PRIu64 " lost=%" PRIu64
           " unacknowledged=%" PRIu64 " wrong=%" PRIu64 " same=%s\n",
           name, l->writer, l->count, f.stored, f.lost, f.more, f.wrong,
           same ? "yes" : "no");
    return f.lost > 0 || f.wrong > 0 || !same;
}

/* Compare all logs with one server.  Returns as compare(). */
static int check_server(size_t at, struct ledger *l, int n)
{
    char name[ENDPOINTS_TEXT];
    MYSQL con;
    int i, rc = 0;

    if (ledger_connect(&con, &to.at[at], set.user, password) != 0) {
        fprintf(stderr, "ledger_check: connect to %s: %s (%u)\n",
                endpoints_text(&to.at[at], name), mysql_error(&con), mysql_errno(&con));
        rc = 1;
    } else {
        /* Read what the other nodes committed before.  MySQL has no such variable. */
        mysql_query(&con, "SET SESSION wsrep_sync_wait = 1");
        for (i = 0; i < n; i++)
            rc |= compare(&con, at, &l[i]);
    }
    mysql_close(&con);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = opts_main(&program, argc, argv, &set), n = argc - optind, i;
    struct ledger *l;
    size_t k;

    if (rc != OPTS_RUN)
        return rc;
    rc = ledger_read_password("ledger_check", set.password_file, password);
    l = rc == 0 ? calloc((size_t)n, sizeof(*l)) : NULL;
    if (rc == 0 && !l)
        rc = 1;
    for (i = 0; rc == 0 && i < n; i++)
        rc = read_log(&l[i], argv[optind + i]) < 0 ? 2 : 0;
    if (rc == 0 && mysql_library_init(0, NULL, NULL) == 0) {
        for (k = 0; k < to.n; k++)
            rc |= check_server(k, l, n);
        mysql_library_end();
    }
    for (i = 0; l && i < n; i++)
        free(l[i].n);
    free(l);
    return rc;
}
