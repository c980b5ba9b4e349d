/* The settings of the database, its certificates and its users are made by one script for
 * a fleet and for `make two-zones` alike (deploy/two-zones/render).  Programs need the
 * passwords of its users, so they are written before the script runs: it keeps those that
 * it finds.
 *
 * Rejected: to make the files here.  There would be two recipes, and only one of them
 * would be tried by the drills. */
#include "roster/db_files.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "drill/process.h"
#include "roster/db_text.h"
#include "roster/roster_ports.h"
#include "roster/text_file.h"

#define RANDOM_BYTES 16
#define CONF_DIR "/etc/lars/db"
#define UNIT "lars-db.service"

static int say(char why[DB_FILES_WHY], int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int say(char why[DB_FILES_WHY], int rc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, DB_FILES_WHY, fmt, ap);
    va_end(ap);
    return rc;
}

/* --- passwords ---------------------------------------------------------------------- */

static int make_password(char out[HOST_CONF_PASSWORD])
{
    unsigned char bytes[RANDOM_BYTES];
    size_t i;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return -EIO;
    for (i = 0; i < sizeof(bytes); i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

/* The value of the line "NAME = VALUE".  Letters and digits only: it becomes a part of
 * SQL and of configurations. */
static bool find_password(const char *text, const char *name,
                          char out[HOST_CONF_PASSWORD])
{
    char has[64], value[HOST_CONF_PASSWORD];
    const char *line;

    for (line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "%63[a-z_] = %64[a-zA-Z0-9]", has, value) != 2 ||
            strcmp(has, name) != 0)
            continue;
        memcpy(out, value, sizeof(value));
        return true;
    }
    return false;
}

int db_files_passwords(const char *dir,
                       char password[HOST_CONF_N_USERS][HOST_CONF_PASSWORD],
                       char why[DB_FILES_WHY])
{
    char path[PATH_MAX], *text = NULL, *made = NULL;
    size_t len;
    FILE *to;
    int i, rc;

    if (snprintf(path, sizeof(path), "%s/passwords", dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    rc = text_file_read(path, &text);
    if (rc < 0 && rc != -ENOENT)
        return say(why, rc, "%.200s cannot be read: %s", path, err_text(rc));
    to = open_memstream(&made, &len);
    if (!to) {
        free(text);
        return -ENOMEM;
    }
    fputs(text ? text : "", to);
    for (i = 0, rc = 0; i < HOST_CONF_N_USERS && rc == 0; i++) {
        if (text && find_password(text, host_conf_user[i], password[i]))
            continue;
        rc = make_password(password[i]);
        fprintf(to, "%s = %s\n", host_conf_user[i], password[i]);
    }
    if (fclose(to) != 0 && rc == 0)
        rc = -ENOMEM;
    if (rc == 0 && (rc = text_file_write(path, made)) < 0)
        say(why, rc, "%.200s cannot be written: %s", path, err_text(rc));
    free(text);
    free(made);
    return rc < 0 ? rc : 0;
}

/* --- the script --------------------------------------------------------------------- */

int db_files_forget(const char *dir, const char *zone)
{
    static const char *const names[] = {"node.key", "node.crt"};
    char path[PATH_MAX];
    size_t i;

    for (i = 0; i < 2; i++) {
        if (snprintf(path, sizeof(path), "%s/%s/tls/%s", dir, zone, names[i]) >=
            (int)sizeof(path))
            return -ENAMETOOLONG;
        if (unlink(path) < 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

static void print_clients(FILE *to, const struct roster *r)
{
    const struct roster_ports_row *row;
    unsigned i, k;

    fputs("clients = localhost", to);
    for (k = 0; (row = roster_ports_at(k)) != NULL; k++)
        if (row->port == ROSTER_PORT_DB)
            break;
    for (i = 0; i < r->n && row; i++)
        if (roster_ports_reach(&r->host[i], row))
            fprintf(to, " %s", r->host[i].ip);
    for (i = 0; i < r->n_operators; i++)
        fprintf(to, " %s", r->operator[i]);
    fputs("\n", to);
}

/* The settings that the roster decides, behind those of the template: the last line of a
 * setting counts. */
static void print_values(FILE *to, const struct roster *r)
{
    const struct roster_host *arbiter = NULL;
    uint32_t port = 0;
    unsigned i;

    fprintf(to, "; rendered by larsctl fleet render\ncluster = %s\nzones =", r->name);
    for (i = 0; i < r->n; i++) {
        const struct roster_host *h = &r->host[i];

        if (roster_has(h, ROSTER_ARBITER))
            arbiter = h;
        if (!roster_has(h, ROSTER_DB))
            continue;
        fprintf(to, " %s", h->zone);
        port = h->port[ROSTER_PORT_DB];
    }
    fprintf(to, "\narbiter = %s\n", arbiter ? arbiter->zone : "");
    if (r->quorum == ROSTER_QUORUM_WEIGHT)
        fprintf(to, "heavy_zone = %s\n", r->heavy_zone);
    for (i = 0; i < r->n; i++) {
        const struct roster_host *h = &r->host[i];

        if (roster_has(h, ROSTER_DB) || roster_has(h, ROSTER_ARBITER))
            fprintf(to, "address_%s = %s\nsegment_%s = %u\n", h->zone, h->ip, h->zone,
                    roster_zone_number(r, h->zone));
    }
    fprintf(to,
            "folder = /var/lib/lars-db\nconf = " CONF_DIR "\nunit = " UNIT
            "\nuser = mysql\nport = %u\ntls = on\n",
            port);
    print_clients(to, r);
}

static int write_values(const struct roster *r, const char *templates,
                        const char values[PATH_MAX], char why[DB_FILES_WHY])
{
    char path[PATH_MAX], *text = NULL, *made = NULL;
    size_t len;
    FILE *to;
    int rc = -ENAMETOOLONG;

    if (snprintf(path, sizeof(path), "%s/database.ini", templates) < (int)sizeof(path))
        rc = text_file_read(path, &text);
    if (rc < 0)
        return say(why, rc,
                   "the template %.200s cannot be read: %s; mend: install the package "
                   "lars-ctl, or correct [larsctl] fleet",
                   path, err_text(rc));
    to = open_memstream(&made, &len);
    if (to) {
        fputs(text, to);
        print_values(to, r);
    }
    free(text);
    if (!to || fclose(to) != 0) {
        free(made);
        return -ENOMEM;
    }
    rc = text_file_write(values, made);
    free(made);
    return rc < 0 ? say(why, rc, "%.200s cannot be written: %s", values, err_text(rc))
                  : 0;
}

/* The last line that the script has printed says what failed. */
static int explain(const char *script, const char *log, int code, char why[DB_FILES_WHY])
{
    char *text = NULL, *last;

    if (text_file_read(log, &text) < 0)
        text = NULL;
    last = text ? text : "";
    if (text && *text) {
        char *end = text + strlen(text);

        while (end > text && end[-1] == '\n')
            *--end = '\0';
        last = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
    }
    say(why, -EINVAL, "%.150s %s: %.250s", script,
        code == -ETIMEDOUT ? "did not end" : "failed", last);
    free(text);
    return -EINVAL;
}

static int run_script(const char *templates, const char *dir, char *values,
                      char why[DB_FILES_WHY])
{
    char sh[] = "/bin/sh", script[PATH_MAX], out[PATH_MAX], log[PATH_MAX];
    char *argv[] = {sh, script, values, out, NULL};
    pid_t pid;
    int code;

    if (snprintf(script, sizeof(script), "%s/../two-zones/render", templates) >=
            (int)sizeof(script) ||
        snprintf(out, sizeof(out), "%s", dir) >= (int)sizeof(out) ||
        snprintf(log, sizeof(log), "%s/log", dir) >= (int)sizeof(log))
        return -ENAMETOOLONG;
    if (access(script, R_OK) < 0)
        return say(why, -errno,
                   "%.200s cannot be read: %s; mend: install the package lars-ctl, or "
                   "correct [larsctl] fleet",
                   script, err_text(-errno));
    unlink(log);
    pid = process_start(argv, "/", log);
    if (pid < 0)
        return say(why, (int)pid, "%.200s cannot be started: %s", script,
                   err_text((int)pid));
    code = process_wait(pid, DB_FILES_MS);
    if (code != 0)
        return explain(script, log, code, why);
    unlink(log);
    return 0;
}

/* The script lets the group of the database read its files, where there is such a group;
 * this folder is not where the database reads them. */
static int close_to_others(const char *path, const struct stat *st, int type,
                           struct FTW *at)
{
    (void)at;
    if ((type != FTW_F && type != FTW_D) || (st->st_mode & 077) == 0)
        return 0;
    return chmod(path, st->st_mode & 0700) < 0 ? -errno : 0;
}

int db_files_make(const struct roster *r, const char *templates, const char *dir,
                  char why[DB_FILES_WHY])
{
    char values[PATH_MAX];
    int rc;

    if (snprintf(values, sizeof(values), "%s/values.ini", dir) >= (int)sizeof(values))
        return -ENAMETOOLONG;
    rc = write_values(r, templates, values, why);
    if (rc == 0)
        rc = run_script(templates, dir, values, why);
    return rc < 0 ? rc : nftw(dir, close_to_others, 8, FTW_PHYS);
}

/* --- the files of a host ------------------------------------------------------------ */

static int is_file(const struct dirent *d)
{
    return d->d_name[0] != '.' && strlen(d->d_name) < 60 && !strchr(d->d_name, ' ');
}

/* The server reads its files as the user mysql; setup.sql has passwords of all users, and
 * only root loads it. */
static int add_file(struct host_files *f, const struct host_conf_source *of,
                    const char *path, const char *name, char why[DB_FILES_WHY])
{
    bool secret = strcmp(name, "setup.sql") == 0;
    char from[HOST_FILES_PATH], to[HOST_FILES_PATH], *text = NULL;
    int rc = text_file_read(path, &text);

    if (rc < 0)
        return say(why, rc, "%.200s cannot be read: %s", path, err_text(rc));
    rc = db_text_change(of, name, &text);
    if (rc < 0) {
        free(text);
        return rc;
    }
    snprintf(from, sizeof(from), "db/%.140s", name);
    snprintf(to, sizeof(to), CONF_DIR "/%.140s", name);
    return host_files_add(f, from, to, secret ? 0600 : 0640, "root",
                          secret ? "root" : "mysql", text);
}

/* The files of <dir>/<below>, and of folders in it when <below> is empty. */
static int add_folder(struct host_files *f, const struct host_conf_source *of,
                      const char *dir, const char *below, char why[DB_FILES_WHY])
{
    char folder[PATH_MAX], path[PATH_MAX], name[HOST_FILES_PATH - 20];
    struct dirent **d;
    struct stat st;
    int i, n, rc = 0;

    snprintf(folder, sizeof(folder), "%.3000s/%s", dir, below);
    n = scandir(folder, &d, is_file, alphasort);
    if (n < 0)
        return say(why, -errno, "%.200s cannot be read: %s", folder, err_text(-errno));
    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "%.60s%s%.60s", below, below[0] ? "/" : "",
                 d[i]->d_name);
        snprintf(path, sizeof(path), "%.3000s/%s", dir, name);
        if (rc == 0 && stat(path, &st) == 0)
            rc = S_ISREG(st.st_mode) ? add_file(f, of, path, name, why)
                 : S_ISDIR(st.st_mode) && !below[0]
                     ? add_folder(f, of, dir, d[i]->d_name, why)
                     : 0;
        free(d[i]);
    }
    free(d);
    return rc;
}

/* The unit of a database is that of the scripts, under the name that the fleet's tools
 * have for it.  print_values() gives it to the scripts, so that they start and stop the
 * database by its unit: a recovery would otherwise leave it without a supervisor, and a
 * unit that waits to start it again would do so in the middle. */
static int add_unit(struct host_files *f, const char *templates, char why[DB_FILES_WHY])
{
    char path[PATH_MAX], *text = NULL;
    int rc = -ENAMETOOLONG;

    if (snprintf(path, sizeof(path), "%s/../two-zones/lars-zone-db.service", templates) <
        (int)sizeof(path))
        rc = text_file_read(path, &text);
    if (rc < 0)
        return say(why, rc,
                   "%.200s cannot be read: %s; mend: install the package lars-ctl, or "
                   "correct [larsctl] fleet",
                   path, err_text(rc));
    return host_files_add(f, "systemd/" UNIT, "/etc/systemd/system/" UNIT, 0644, "root",
                          "root", text);
}

int db_files_add(struct host_files *f, const struct host_conf_source *from,
                 const struct roster_host *h, const char *dir, char why[DB_FILES_WHY])
{
    char folder[PATH_MAX];
    int rc = add_unit(f, from->templates, why);

    if (rc < 0)
        return rc;
    if (snprintf(folder, sizeof(folder), "%s/%s", dir, h->zone) >= (int)sizeof(folder))
        return -ENAMETOOLONG;
    return add_folder(f, from, folder, "", why);
}
