/* ledger_writer -- writes rows with unique keys through a list of database servers and
 * logs each row that was acknowledged; ledger_check compares the log with what is stored.
 * `ledger_writer --help` explains the options.
 *
 * A key is written until it is acknowledged, through whatever server answers, so a fault
 * makes the writer late but never skips a key.  A row whose answer was lost may be stored
 * or not.  The same statement is sent again: the error "duplicate key" then means that an
 * earlier attempt was committed.
 *
 * Invariant: a key is in the log only when a server has acknowledged its commit, and the
 * line was written before the next key is begun.
 * Rejected: one transaction for many rows, because the gap that a fault makes is then
 * visible only at its end. */
#include <errno.h>
#include <inttypes.h>
#include <mysql.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mono.h"
#include "base/opts.h"
#include "base/rnd.h"
#include "base/sig.h"
#include "db/db_error.h"
#include "ledger.h"

#define CONFLICTS_MAX 5 /* repetitions on the same connection */
#define GRACE_MS 10000 /* for the last row */

static struct settings {
    char servers[400], user[33], password_file[200], writer[41], log[200];
    uint32_t rate, seconds;
} set;
static bool schema;
static struct endpoints to;
static char password[128];

#define AT(field) offsetof(struct settings, field)
#define TEXT(field, preset, help)                                                        \
    {                                                                                    \
        "", #field, CONF_TEXT, AT(field), 0, sizeof(set.field), preset, help             \
    }
static const struct conf_key keys[] = {
    TEXT(servers, "127.0.0.1:3310", "the servers, the own zone's first"),
    TEXT(user, "ledger", "the user of the database"),
    TEXT(password_file, "", "the file with the password"),
    TEXT(writer, "writer", "the first part of each key"),
    TEXT(log, "", "the file that gets a line for each row"),
    {"", "rate", CONF_U32, AT(rate), 1, 10000, "100", "rows a second"},
    {"", "seconds", CONF_U32, AT(seconds), 1, 86400, "3600", "how long to write"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'d', "servers", "LIST", "", "servers", NULL, LEDGER_SERVERS_HELP},
    {'u', "user", "USER", "", "user", NULL, "Connect as this user of the database."},
    {'P', "password-file", "FILE", "", "password_file", NULL,
     "The first line of this file is the password. Without it there is none."},
    {'w', "writer", "NAME", "", "writer", NULL,
     "The first part of each key, 1 to 40 of A-Z, a-z, 0-9, _ and -. Two runs must not "
     "have the same."},
    {'l', "log", "FILE", "", "log", NULL, "Write the log to this file."},
    {'r', "rate", "ROWS", "", "rate", NULL, "Write this many rows a second, 1 to 10000."},
    {'s', "seconds", "SECONDS", "", "seconds", NULL,
     "End after this many seconds, 1 to 86400."},
    {'S', "schema", NULL, NULL, NULL, NULL,
     "Print the statements that create the database and its table, and end.", &schema},
    {0}};

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    int rc = ledger_set_servers(&to, s->servers, err);

    if (rc < 0)
        return rc;
    if (s->writer[0] && strspn(s->writer, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                                          "uvwxyz0123456789_-") == strlen(s->writer))
        return 0;
    snprintf(err, CONF_ERR_MAX, "option -w: \"%s\" is not a name of A-Z, a-z, 0-9, _, -",
             s->writer);
    return -EINVAL;
}

static const struct opts_program program = {
    .name = "ledger_writer",
    .summary = "writes rows with unique keys through a list of database servers and logs "
               "those that were acknowledged",
    .operands = "",
    .about = "At the end it prints one line: rows that were acknowledged, rows without "
             "an answer, repetitions, conflicts, changes of the server, and the longest "
             "time between two acknowledgements with the moment at which it began. The "
             "log has a line \"ack N AT_MS TOOK_MS SERVER\" for each row and a line "
             "\"left AT_MS ERROR SERVER TEXT\" for each change of the server; AT_MS is "
             "milliseconds since the start of the machine.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS,
    .check = check_settings};

static volatile sig_atomic_t stop;

static void on_signal(int signo)
{
    (void)signo;
    stop = 1;
}

static void wait_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL); /* a signal cuts it short */
}

enum action {
    SETTLED,
    AGAIN, /* on the same connection */
    LEAVE, /* for the next server */
    GIVE_UP, /* a fault of the program or of its data */
};

/* What an error means; <sent>: an earlier attempt may have been committed. */
static enum action action_for(unsigned error, bool sent)
{
    enum db_error_kind kind = db_error_kind_of(error);

    if (kind == DB_ERROR_NONE || (kind == DB_ERROR_DUPLICATE && sent))
        return SETTLED;
    if (kind == DB_ERROR_CONFLICT)
        return AGAIN;
    return db_error_is_of_server(kind) ? LEAVE : GIVE_UP;
}

static struct {
    MYSQL con;
    bool is_connected;
    size_t at; /* of the last attempt to connect */
    struct rnd rnd;
    FILE *log;
    uint64_t began_ms, end_ms; /* of writing; rows begin before the end */
    uint64_t acked, unsettled, repeated, conflicts, moves;
    uint64_t last_ack_ms, gap_ms, gap_at_ms;
} me;

static void note_gap(uint64_t now_ms)
{
    if (now_ms - me.last_ack_ms > me.gap_ms) {
        me.gap_ms = now_ms - me.last_ack_ms;
        me.gap_at_ms = me.last_ack_ms;
    }
    me.last_ack_ms = now_ms;
}

/* Close the connection; the server is not the first choice for a moment. */
static void leave(unsigned error)
{
    uint64_t now = mono_ms();
    char name[ENDPOINTS_TEXT];

    endpoints_failed(&to, me.at, now, rnd_u32(&me.rnd));
    fprintf(me.log, "left %" PRIu64 " %u %s %s\n", now, error,
            endpoints_text(&to.at[me.at], name), mysql_error(&me.con));
    mysql_close(&me.con);
    me.is_connected = false;
    me.moves++;
}

static bool expired(void)
{
    return stop || mono_ms() >= me.end_ms + GRACE_MS;
}

/* Try each server once; wait when the last round was a failure.  Returns 0: connected, or
 * try again; 1: an error that another attempt does not mend, which was printed. */
static int connect_round(void)
{
    size_t order[ENDPOINTS_MAX], n = endpoints_order(&to, mono_ms(), order), i;
    char name[ENDPOINTS_TEXT];

    for (i = 0; i < n && !expired(); i++) {
        unsigned error;

        me.at = order[i];
        error = ledger_connect(&me.con, &to.at[me.at], set.user, password);
        if (error == 0) {
            endpoints_connected(&to, me.at, mono_ms(), rnd_u32(&me.rnd));
            me.is_connected = true;
            return 0;
        }
        if (action_for(error, false) == GIVE_UP) {
            fprintf(stderr, "ledger_writer: connect to %s: %s (%u)\n",
                    endpoints_text(&to.at[me.at], name), mysql_error(&me.con), error);
            mysql_close(&me.con);
            return 1;
        }
        leave(error);
    }
    if (n == 0)
        wait_ms(20);
    else
        endpoints_round_failed(&to, mono_ms(), rnd_u32(&me.rnd));
    return 0;
}

static unsigned insert(uint64_t n)
{
    char sql[200];
    int len = snprintf(sql, sizeof(sql),
                       "INSERT INTO Entry (writer, n, value) VALUES ('%s', %" PRIu64
                       ", %" PRIu64 ")",
                       set.writer, n, ledger_value(n));

    return mysql_real_query(&me.con, sql, (size_t)len) == 0 ? 0 : mysql_errno(&me.con);
}

static int log_ack(uint64_t n, uint64_t began_ms)
{
    uint64_t now = mono_ms();
    char name[ENDPOINTS_TEXT];

    note_gap(now);
    me.acked++;
    return fprintf(me.log, "ack %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", n, now,
                   now - began_ms, endpoints_text(&to.at[me.at], name)) < 0;
}

/* Returns 0: acknowledged, or the time was over; 1: an error that was printed. */
static int write_row(uint64_t n)
{
    uint64_t began = mono_ms();
    unsigned tries = 0, conflicts = 0;

    while (!expired()) {
        enum action what;
        unsigned error;

        if (!me.is_connected && connect_round() != 0)
            return 1;
        if (!me.is_connected)
            continue;
        error = insert(n);
        what = action_for(error, tries > 0);
        me.repeated += tries > 0;
        tries++;
        if (what == SETTLED)
            return log_ack(n, began);
        if (what == GIVE_UP) {
            fprintf(stderr, "ledger_writer: row %" PRIu64 ": %s (%u)\n", n,
                    mysql_error(&me.con), error);
            return 1;
        }
        me.conflicts += what == AGAIN;
        if (what == AGAIN && ++conflicts <= CONFLICTS_MAX)
            wait_ms(5 + rnd_u32(&me.rnd) % 46);
        else
            leave(error);
    }
    me.unsettled++;
    return 0;
}

static int write_rows(void)
{
    uint64_t gap_us = 1000000 / set.rate, next = mono_us(), n;
    int rc = 0;

    me.log = fopen(set.log, "we");
    if (!me.log || setvbuf(me.log, NULL, _IOLBF, 0) != 0 ||
        fprintf(me.log, "writer %s\n", set.writer) < 0) {
        fprintf(stderr, "ledger_writer: option -l: %s cannot be written: %s\n", set.log,
                strerror(errno));
        return 1;
    }
    rnd_init_any(&me.rnd);
    me.began_ms = me.last_ack_ms = mono_ms();
    me.end_ms = me.began_ms + (uint64_t)set.seconds * 1000;
    for (n = 1; rc == 0 && !stop && mono_ms() < me.end_ms; n++) {
        uint64_t now;

        rc = write_row(n);
        next += gap_us;
        now = mono_us();
        if (next < now) /* late: do not catch up in a burst */
            next = now;
        wait_ms((next - now) / 1000);
    }
    note_gap(mono_ms());
    if (me.is_connected)
        mysql_close(&me.con);
    printf("writer=%s acknowledged=%" PRIu64 " unsettled=%" PRIu64 " repeated=%" PRIu64
           " conflicts=%" PRIu64 " moves=%" PRIu64 " longest_gap_ms=%" PRIu64
           " gap_at_ms=%" PRIu64 "\n",
           set.writer, me.acked, me.unsettled, me.repeated, me.conflicts, me.moves,
           me.gap_ms, me.gap_at_ms);
    if (fclose(me.log) != 0 || rc != 0)
        return 1;
    return 0;
}

static int print_schema(void)
{
    puts("CREATE DATABASE IF NOT EXISTS " LEDGER_DATABASE ";\n"
         "CREATE TABLE IF NOT EXISTS " LEDGER_DATABASE ".Entry (\n"
         "    writer VARCHAR(40) CHARACTER SET ascii NOT NULL,\n"
         "    n BIGINT UNSIGNED NOT NULL, value BIGINT UNSIGNED NOT NULL,\n"
         "    PRIMARY KEY (writer, n)) ENGINE = InnoDB;");
    return 0;
}

int main(int argc, char **argv)
{
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    if (schema)
        return print_schema();
    if (!set.log[0]) {
        fprintf(stderr, "ledger_writer: option -l is missing: the file of the log\n");
        return 2;
    }
    rc = ledger_read_password("ledger_writer", set.password_file, password);
    if (rc != 0)
        return rc;
    sig_ignore_pipe_and_hup();
    sig_set(SIGTERM, on_signal);
    sig_set(SIGINT, on_signal);
    if (mysql_library_init(0, NULL, NULL) != 0)
        return 1;
    rc = write_rows();
    mysql_library_end();
    return rc;
}
