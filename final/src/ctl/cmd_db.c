#include "ctl/cmd_db.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/net_addr.h"
#include "net/sock.h"

#define LINE_MAX_LEN 1000
#define CONNECT_MS 1000
#define TRIGGERS 7
#define COLUMNS 14

/* --- schema ------------------------------------------------------------------------- */

/* A statement of a script, grown line by line. */
struct script {
    char *text;
    size_t len, cap;
    char end[8];                    /* what ends a statement: ";", or as DELIMITER says */
};

static int add_line(struct script *s, const char *line)
{
    size_t n = strlen(line), cap = s->cap + n + 1024;
    char *text;

    if (s->len + n + 1 > s->cap) {
        text = realloc(s->text, cap);
        if (!text)
            return -ENOMEM;
        s->text = text;
        s->cap = cap;
    }
    memcpy(s->text + s->len, line, n + 1);
    s->len += n;
    return 0;
}

/* What follows "-- " is for people. */
static void cut_comment(char *line)
{
    char *at = strstr(line, "-- ");

    if (at && (at == line || at[-1] == ' '))
        at[0] = '\0';
}

/* Run what is whole.  1 = it was run, 0 = not yet whole, -errno. */
static int run_if_whole(struct ctl *c, struct script *s)
{
    size_t n = strlen(s->end);
    int rc;

    while (s->len > 0 && strchr(" \n\r\t", s->text[s->len - 1]))
        s->text[--s->len] = '\0';
    if (s->len < n || strcmp(s->text + s->len - n, s->end) != 0) {
        if (s->len > 0)
            return add_line(s, "\n");
        return 0;
    }
    s->text[s->len - n] = '\0';
    s->len = 0;
    if (strncmp(s->text, "USE ", 4) == 0 || strncmp(s->text, "CREATE DATABASE", 15) == 0)
        return 1;                     /* we are in the database that was configured */
    rc = ctldb_run_text(c->db, s->text);
    return rc < 0 ? rc : 1;
}

static int run_script(struct ctl *c, FILE *f)
{
    struct script s = {.end = ";"};
    char line[LINE_MAX_LEN];
    int rc = 0;

    while (rc >= 0 && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "DELIMITER %7s", s.end) == 1)
            continue;
        cut_comment(line);
        rc = add_line(&s, line);
        if (rc == 0)
            rc = run_if_whole(c, &s);
    }
    free(s.text);
    return rc < 0 ? rc : 0;
}

static int db_migrate(struct ctl *c, int argc, char **argv)
{
    static const char *const file[] = {"schema.sql", "triggers.sql"};
    char path[300];
    size_t i;
    int rc = 0;

    (void)argc;
    (void)argv;
    for (i = 0; i < 2 && rc == 0; i++) {
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", c->sql_dir, file[i]);
        f = fopen(path, "re");
        if (!f)
            return ctl_say(CTL_FAILED, "%s: %s; mend: [larsctl] sql", path,
                           strerror(errno));
        rc = run_script(c, f);
        fclose(f);
    }
    if (rc < 0)
        return ctl_db_failed(c, rc);
    puts("the schema is up to date");
    return CTL_OK;
}

/* Everything that the programs of this version look for.  0, or an exit code. */
static int schema_is_whole(struct ctl *c)
{
    uint64_t columns, triggers;
    int rc = ctldb_number(
        c->db, &columns,
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND CONCAT(table_name, '.', column_name) IN ('RouteData.state', "
        "'RouteChange.confirmed', 'RouteChange.changed_at', 'RouteConfirm.who', "
        "'ServerCallStatus.overload', 'ReportSeen.seq', 'CallSecond.succ', "
        "'CallHour.succ', 'CallLatency.n', 'Alarm.cleared_at', 'Lease.until_at', "
        "'ModulePolicy.rule', 'ZoneLoad.zone', 'NodeOut.caller')");

    if (rc == 0)
        rc = ctldb_number(c->db, &triggers,
                          "SELECT COUNT(*) FROM information_schema.triggers WHERE "
                          "trigger_schema = DATABASE()");
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (columns < COLUMNS)
        return ctl_say(CTL_FAILED,
                       "the schema is old (%llu of %d columns looked for); "
                       "mend: larsctl db migrate, as an administrator",
                       (unsigned long long)columns, COLUMNS);
    if (triggers < TRIGGERS)
        return ctl_say(CTL_FAILED,
                       "triggers are missing (%llu of %d); mend: larsctl db "
                       "migrate, as an administrator",
                       (unsigned long long)triggers, TRIGGERS);
    return 0;
}

static int db_check(struct ctl *c, int argc, char **argv)
{
    int code = schema_is_whole(c);

    (void)argc;
    (void)argv;
    if (code == 0)
        puts("the schema is whole");
    return code;
}

/* --- files of routes ---------------------------------------------------------------- */

static int export(struct ctl *c, int argc, char **argv)
{
    enum table_format f = c->format;
    int code;

    (void)argc;
    (void)argv;
    c->format = f == TABLE_TEXT ? TABLE_CSV : f;
    code = ctl_print(c, "modid# cmdid# node zone weight# state",
                     "SELECT modid, cmdid, CONCAT(INET_NTOA(serverip), ':', serverport), "
                     "zone, weight, state FROM RouteData "
                     "ORDER BY modid, cmdid, serverip, serverport");
    c->format = f;
    return code;
}

/* A line of the file, or a row of the database. */
struct row {
    uint32_t modid, cmdid, ip, port, weight;
    char zone[33], state[9];
};

struct rows {
    struct row *at;
    size_t n, cap;
};

static int add_row(struct rows *rows, const struct row *r)
{
    size_t cap = rows->cap ? rows->cap * 2 : 256;
    struct row *at;

    if (rows->n == rows->cap) {
        at = realloc(rows->at, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        rows->at = at;
        rows->cap = cap;
    }
    rows->at[rows->n++] = *r;
    return 0;
}

/* By module, then by node. */
static int cmp_row(const void *pa, const void *pb)
{
    const struct row *a = pa, *b = pb;

    if (a->modid != b->modid)
        return a->modid < b->modid ? -1 : 1;
    if (a->cmdid != b->cmdid)
        return a->cmdid < b->cmdid ? -1 : 1;
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return a->port < b->port ? -1 : a->port > b->port;
}

/* Cut <line> at its commas.  Returns whether there are exactly six words. */
static bool cut(char *line, char *word[6])
{
    size_t i;

    line[strcspn(line, "\r\n")] = '\0';
    for (i = 0; i < 6; i++) {
        word[i] = strsep(&line, ",");
        if (!word[i])
            return false;
    }
    return line == NULL;
}

/* modid,cmdid,node,zone,weight,state.  0, or CTL_USAGE after it said what is wrong. */
static int parse(char *line, struct row *r)
{
    char *word[6];
    int code;

    if (!cut(line, word))
        return ctl_say(CTL_USAGE, "a line wants modid,cmdid,node,zone,weight,state");
    code = ctl_module(word, &r->modid, &r->cmdid);
    if (code == 0)
        code = ctl_node(word[2], &r->ip, &r->port);
    if (code == 0)
        code = ctl_u32(word[4], "weight", 10000, &r->weight);
    if (code == 0 && strcmp(word[5], "up") != 0 && strcmp(word[5], "drained") != 0)
        code = ctl_say(CTL_USAGE, "state: \"%s\" is not up or drained", word[5]);
    if (code == 0 && strlen(word[3]) >= sizeof(r->zone))
        code = ctl_say(CTL_USAGE, "zone: \"%s\" is longer than 32", word[3]);
    if (code != 0)
        return code;
    snprintf(r->zone, sizeof(r->zone), "%s", word[3]);
    snprintf(r->state, sizeof(r->state), "%s", word[5]);
    return 0;
}

/* Returns an exit code. */
static int read_lines(FILE *f, const char *path, struct rows *rows)
{
    char line[LINE_MAX_LEN];
    unsigned n = 0;
    struct row r;

    while (fgets(line, sizeof(line), f)) {
        n++;
        if (n == 1 && strncmp(line, "modid", 5) == 0)
            continue;                 /* the names of the columns */
        if (parse(line, &r) != 0)
            return ctl_say(CTL_USAGE, "%s:%u: nothing was changed", path, n);
        if (add_row(rows, &r) < 0)
            return ctl_say(CTL_FAILED, "out of memory");
    }
    if (rows->n > 0)
        qsort(rows->at, rows->n, sizeof(*rows->at), cmp_row);
    return CTL_OK;
}

static int read_file(const char *path, struct rows *rows)
{
    bool in = strcmp(path, "-") == 0;
    FILE *f = in ? stdin : fopen(path, "re");
    int code;

    if (!f)
        return ctl_say(CTL_USAGE, "%s: %s", path, strerror(errno));
    code = read_lines(f, path, rows);
    if (!in)
        fclose(f);
    return code;
}

/* What there is, locked until the transaction ends.  0 or -errno. */
static int read_routes(struct ctl *c, struct rows *rows)
{
    struct table *t;
    size_t i;
    int rc = table_create(&t, "modid cmdid ip port weight zone state");

    if (rc < 0)
        return rc;
    rc =
        ctldb_table(c->db, t,
                    "SELECT modid, cmdid, serverip, serverport, weight, zone, state FROM "
                    "RouteData ORDER BY modid, cmdid, serverip, serverport FOR UPDATE");
    for (i = 0; rc == 0 && i < table_n_rows(t); i++) {
        struct row r;

        r.modid = (uint32_t)strtoul(table_cell(t, i, 0), NULL, 10);
        r.cmdid = (uint32_t)strtoul(table_cell(t, i, 1), NULL, 10);
        r.ip = (uint32_t)strtoul(table_cell(t, i, 2), NULL, 10);
        r.port = (uint32_t)strtoul(table_cell(t, i, 3), NULL, 10);
        r.weight = (uint32_t)strtoul(table_cell(t, i, 4), NULL, 10);
        snprintf(r.zone, sizeof(r.zone), "%s", table_cell(t, i, 5));
        snprintf(r.state, sizeof(r.state), "%.8s", table_cell(t, i, 6));
        rc = add_row(rows, &r);
    }
    table_destroy(t);
    return rc;
}

#define WHERE_NODE "WHERE modid = %u AND cmdid = %u AND serverip = %u AND serverport = %u"

static int delete_row(struct ctl *c, const struct row *r)
{
    return ctldb_run(c->db, "DELETE FROM RouteData " WHERE_NODE, r->modid, r->cmdid,
                     r->ip, r->port);
}

static int insert_row(struct ctl *c, const struct row *r)
{
    return ctldb_run(c->db,
                     "INSERT INTO RouteData (modid, cmdid, serverip, serverport, weight, "
                     "zone, state) VALUES (%u, %u, %u, %u, %u, %s, %s)",
                     r->modid, r->cmdid, r->ip, r->port, r->weight, r->zone, r->state);
}

static int update_row(struct ctl *c, const struct row *r)
{
    return ctldb_run(
        c->db, "UPDATE RouteData SET weight = %u, zone = %s, state = %s " WHERE_NODE,
        r->weight, r->zone, r->state, r->modid, r->cmdid, r->ip, r->port);
}

struct diff {
    unsigned gone, added, changed;
};

/* Both sorted: one pass.  Without <apply> it only counts.  0 or -errno. */
static int merge(struct ctl *c, const struct rows *has, const struct rows *want,
                 bool apply, struct diff *d)
{
    size_t i = 0, k = 0;
    int rc = 0;

    *d = (struct diff){0};
    while (rc == 0 && (i < has->n || k < want->n)) {
        const struct row *h = &has->at[i], *w = &want->at[k];
        int order = i == has->n ? 1 : k == want->n ? -1 : cmp_row(h, w);

        i += order <= 0;
        k += order >= 0;
        if (order < 0) {
            d->gone++;
            rc = apply ? delete_row(c, h) : 0;
        } else if (order > 0) {
            d->added++;
            rc = apply ? insert_row(c, w) : 0;
        } else if (h->weight != w->weight || strcmp(h->zone, w->zone) != 0 ||
                   strcmp(h->state, w->state) != 0) {
            d->changed++;
            rc = apply ? update_row(c, w) : 0;
        }
    }
    return rc;
}

/* In one transaction.  An exit code. */
static int apply_import(struct ctl *c, const struct rows *want)
{
    struct rows has = {0};
    struct diff d = {0};
    int rc = ctldb_run(c->db, "SET @lars_confirmed = 1"), code = CTL_OK;

    if (rc == 0)
        rc = ctldb_run(c->db, "START TRANSACTION");
    if (rc == 0)
        rc = read_routes(c, &has);
    if (rc == 0)
        rc = merge(c, &has, want, false, &d);
    if (rc == 0 && d.gone > 0 && !c->yes)
        code = ctl_say(CTL_NEEDS_YES,
                       "this would remove %u of %zu nodes, add %u and change %u; say -y "
                       "when you mean it",
                       d.gone, has.n, d.added, d.changed);
    if (rc == 0 && code == CTL_OK)
        rc = merge(c, &has, want, true, &d);
    if (rc == 0)
        rc = ctldb_run(c->db, code == CTL_OK ? "COMMIT" : "ROLLBACK");
    free(has.at);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (code == CTL_OK)
        fprintf(stderr, "removed %u, added %u, changed %u\n", d.gone, d.added, d.changed);
    return code;
}

static int import(struct ctl *c, int argc, char **argv)
{
    struct rows want = {0};
    int code = read_file(argv[0], &want);

    (void)argc;
    if (code == CTL_OK)
        code = apply_import(c, &want);
    free(want.at);
    return code;
}

/* --- doctor ------------------------------------------------------------------------- */

/* Does somebody listen at <where>?  0 or -errno. */
static int try_connect(const char *where)
{
    struct net_addr at;
    int fd = net_addr_parse(&at, where);

    if (fd == 0)
        fd = sock_connect(&at, CONNECT_MS);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* Each of the addresses in <list>.  Returns how many do not answer. */
static int look_at(const char *what, const char *list)
{
    char copy[300], *word, *save = NULL;
    int rc, bad = 0;

    snprintf(copy, sizeof(copy), "%s", list);
    for (word = strtok_r(copy, " ,", &save); word; word = strtok_r(NULL, " ,", &save)) {
        rc = try_connect(word);
        printf("%s %s: %s%s\n", what, word, rc == 0 ? "ok" : strerror(-rc),
               rc == 0 ? "" : "; mend: start it, or correct larsctl.ini");
        bad += rc != 0;
    }
    return bad;
}

static int doctor(struct ctl *c, int argc, char **argv)
{
    struct lars_client *client;
    struct lars_host h;
    unsigned i;
    int code = schema_is_whole(c), bad = 0, rc;

    (void)argc;
    (void)argv;
    if (code == 0)
        puts("database: ok");
    bad += look_at("dnsd", c->dnsd);
    bad += look_at("reportd", c->reportd);
    for (i = 0; i < c->n_agent; i++) {
        rc = ctl_open_agent(c, i, &client);
        if (rc == 0) {
            rc = lars_get_host(client, 1, 1, &h); /* "no such module" is an answer */
            lars_close(client);
        }
        rc = rc == -ENOENT || rc == -EAGAIN || rc >= 0 ? 0 : rc;
        printf("agent %s: %s\n", c->agent[i],
               rc == 0 ? "ok" : "does not answer; mend: start lars-agentd");
        bad += rc != 0;
    }
    return code != 0 ? code : bad > 0 ? CTL_FAILED : CTL_OK;
}

const struct ctl_cmd cmd_db[] = {
    {"db", "check", "", 0, 0, "is the schema whole?", db_check},
    {"db", "migrate", "", 0, 0, "make it so, as an administrator", db_migrate},
    {"export", "", "", 0, 0, "all routes, as CSV", export},
    {"import", "", "FILE", 1, 1, "make the routes those of a CSV file; - is stdin",
     import},
    {"doctor", "", "", 0, 0, "what is wrong, a line each, and the mend", doctor},
    {NULL, NULL, NULL, 0, 0, NULL, NULL}};
