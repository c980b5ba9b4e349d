#include "ctl/cmd_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/net_addr.h"
#include "net/sock.h"

#define LINE_MAX_LEN 1000
#define CONNECT_MS 1000
#define TRIGGERS 7

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
        "'CallHour.succ', 'Alarm.cleared_at', 'Lease.until_at')");

    if (rc == 0)
        rc = ctldb_number(c->db, &triggers,
                          "SELECT COUNT(*) FROM information_schema.triggers WHERE "
                          "trigger_schema = DATABASE()");
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (columns < 10)
        return ctl_say(CTL_FAILED,
                       "the schema is old (%llu of 10 columns looked for); "
                       "mend: larsctl db migrate, as an administrator",
                       (unsigned long long)columns);
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

/* A line of the file into the table Import.  0, -EINVAL after it said why, -errno. */
static int import_line(struct ctl *c, const char *path, unsigned n, char *line)
{
    char *word[6], *save = NULL, *w;
    uint32_t modid, cmdid, ip, port, weight;
    size_t i = 0;

    line[strcspn(line, "\r\n")] = '\0';
    for (w = line; w && i < 6; w = save) {
        save = strchr(w, ',');
        if (save)
            *save++ = '\0';
        word[i++] = w;
    }
    if (i != 6 || save)
        return ctl_say(-EINVAL, "%s:%u: wants modid,cmdid,node,zone,weight,state", path,
                       n);
    if (ctl_module(word, &modid, &cmdid) != 0 || ctl_node(word[2], &ip, &port) != 0 ||
        ctl_u32(word[4], "weight", 10000, &weight) != 0 ||
        (strcmp(word[5], "up") != 0 && strcmp(word[5], "drained") != 0))
        return ctl_say(-EINVAL, "%s:%u: not a route, see above", path, n);
    return ctldb_run(c->db, "INSERT INTO Import VALUES (%u, %u, %u, %u, %s, %u, %s)",
                     modid, cmdid, ip, port, word[3], weight, word[5]);
}

static int read_import(struct ctl *c, const char *path)
{
    char line[LINE_MAX_LEN];
    unsigned n = 0;
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    int rc;

    if (!f)
        return ctl_say(-EINVAL, "%s: %s", path, strerror(errno));
    rc = ctldb_run(c->db,
                   "CREATE TEMPORARY TABLE Import (modid INT UNSIGNED, cmdid INT "
                   "UNSIGNED, ip INT UNSIGNED, port INT UNSIGNED, zone VARCHAR(32), "
                   "weight INT UNSIGNED, state VARCHAR(16), "
                   "PRIMARY KEY (modid, cmdid, ip, port))");
    while (rc == 0 && fgets(line, sizeof(line), f))
        if (++n > 1 || strncmp(line, "modid", 5) != 0) /* the names of the columns */
            rc = import_line(c, path, n, line);
    if (f != stdin)
        fclose(f);
    return rc;
}

#define SAME                                                                             \
    "i.modid = r.modid AND i.cmdid = r.cmdid AND i.ip = r.serverip AND i.port = "        \
    "r.serverport"

/* In one transaction: what is not in the file goes, what is new comes, the rest is
 * changed. */
static int apply_import(struct ctl *c)
{
    static const char *const step[] = {
        "DELETE r FROM RouteData r LEFT JOIN Import i ON " SAME " WHERE i.modid IS NULL",
        "UPDATE RouteData r JOIN Import i ON " SAME
        " SET r.zone = i.zone, r.weight = i.weight, r.state = i.state WHERE r.zone <> "
        "i.zone OR r.weight <> i.weight OR r.state <> i.state",
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone, weight, state) "
        "SELECT i.* FROM Import i LEFT JOIN RouteData r ON " SAME " WHERE r.id IS NULL"};
    size_t i;
    int rc = ctldb_run(c->db, "SET @lars_confirmed = 1");

    if (rc == 0)
        rc = ctldb_run(c->db, "START TRANSACTION");
    for (i = 0; i < 3 && rc == 0; i++)
        rc = ctldb_run_text(c->db, step[i]);
    return rc < 0 ? rc : ctldb_run(c->db, "COMMIT");
}

static int import(struct ctl *c, int argc, char **argv)
{
    uint64_t gone = 0, added = 0, all = 0;
    int rc = read_import(c, argv[0]);

    (void)argc;
    if (rc == -EINVAL)
        return CTL_USAGE;
    if (rc == 0)
        rc = ctldb_number(c->db, &all, "SELECT COUNT(*) FROM RouteData");
    if (rc == 0)
        rc = ctldb_number(c->db, &gone,
                          "SELECT COUNT(*) FROM RouteData r LEFT JOIN Import i ON " SAME
                          " WHERE i.modid IS NULL");
    if (rc == 0)
        rc = ctldb_number(c->db, &added,
                          "SELECT COUNT(*) FROM Import i LEFT JOIN RouteData r ON " SAME
                          " WHERE r.id IS NULL");
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (gone > 0 && !c->yes)
        return ctl_say(
            CTL_NEEDS_YES,
            "this would remove %llu of %llu nodes and add %llu; say -y when you "
            "mean it",
            (unsigned long long)gone, (unsigned long long)all, (unsigned long long)added);
    rc = apply_import(c);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    fprintf(stderr, "removed %llu, added %llu\n", (unsigned long long)gone,
            (unsigned long long)added);
    return CTL_OK;
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
