/* Everything is made in memory first, then written: a render that fails has changed no
 * file of a host.  Three things are written earlier, because nothing may be handed out
 * that is not kept: the keys of the CA and of the gateways, the passwords, and the index
 * of certificates. */
#include "roster/render.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/folder.h"
#include "roster/db_files.h"
#include "roster/fleet_ca.h"
#include "roster/host_conf.h"
#include "roster/host_files.h"
#include "roster/host_units.h"
#include "roster/text_file.h"

#define OPERATOR "_operator" /* in the index; no host is called so */
#define KEY_BYTES 32
#define DIR_MAX 160 /* paths of files in it have 200 bytes in larsctl.ini */

_Static_assert(RENDER_WHY >= FLEET_CA_WHY && RENDER_WHY >= HOST_CONF_WHY &&
                   RENDER_WHY >= DB_FILES_WHY,
               "sentences of the parts fit");

struct work {
    const struct roster *r;
    const struct render_source *from;
    char dir[PATH_MAX], fleet[PATH_MAX], db[PATH_MAX], operator[PATH_MAX];
    char templates[PATH_MAX];
    char *gateway_key; /* owned */
    struct fleet_ca *ca;
    struct host_conf_source conf;
    struct host_files *host; /* owned; of each host, then of the operator */
    struct render_result *result;
    char *why;
    int lock;
};

static int say(struct work *w, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int say(struct work *w, int rc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(w->why, RENDER_WHY, fmt, ap);
    va_end(ap);
    return rc;
}

static int join(char out[PATH_MAX], const char *dir, const char *name)
{
    return snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* --- folders ------------------------------------------------------------------------ */

/* A folder that has files and is no render's would be filled with ours. */
static int check_is_ours(struct work *w)
{
    struct dirent *e;
    DIR *d = access(w->fleet, F_OK) == 0 ? NULL : opendir(w->dir);
    int rc = 0;

    while (d && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = -EEXIST;
    if (d)
        closedir(d);
    return rc == 0 ? 0
                   : say(w, rc,
                         "%.200s has files and was not rendered; mend: name a new folder",
                         w->dir);
}

static int open_folders(struct work *w, const char *dir)
{
    int rc = text_file_folder(dir);

    if (rc < 0)
        return say(w, rc, "the folder %.200s cannot be made: %s", dir, err_text(rc));
    if (!realpath(dir, w->dir))
        return -errno;
    if (!realpath(w->from->templates, w->templates)) {
        rc = -errno;
        return say(w, rc,
                   "the templates %.200s cannot be read: %s; mend: install the package "
                   "lars-ctl, or correct [larsctl] fleet",
                   w->from->templates, err_text(rc));
    }
    if (strpbrk(w->dir, " \t\n;") || strlen(w->dir) > DIR_MAX)
        return say(w, -EINVAL,
                   "%.200s is longer than %d bytes, or has a blank or a semicolon in its "
                   "name, which larsctl.ini cannot have; mend: name another folder",
                   w->dir, DIR_MAX);
    rc = join(w->fleet, w->dir, "_fleet");
    if (rc == 0)
        rc = join(w->db, w->fleet, "db");
    if (rc == 0)
        rc = join(w->operator, w->fleet, "operator");
    if (rc == 0)
        rc = check_is_ours(w);
    if (rc == 0 && chmod(w->dir, 0700) < 0)
        rc = -errno;
    if (rc == 0)
        rc = text_file_folder(w->db);
    return rc == 0 ? text_file_folder(w->operator) : rc;
}

static int lock_folder(struct work *w)
{
    w->lock = folder_lock(w->fleet);
    if (w->lock == -EBUSY)
        return say(w, -EBUSY, "another larsctl renders into %.200s; mend: wait for it",
                   w->dir);
    return w->lock < 0 ? say(w, w->lock, "%.200s cannot be locked: %s", w->fleet,
                             err_text(w->lock))
                       : 0;
}

/* --- what is kept ------------------------------------------------------------------- */

static int make_gateway_key(struct work *w, const char *path)
{
    unsigned char bytes[KEY_BYTES];
    char text[2 * KEY_BYTES + 2];
    size_t i;
    int rc;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return -EIO;
    for (i = 0; i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    text[sizeof(text) - 2] = '\n';
    text[sizeof(text) - 1] = '\0';
    rc = text_file_write(path, text);
    if (rc < 0)
        return say(w, rc, "%.200s cannot be written: %s", path, err_text(rc));
    w->gateway_key = strdup(text);
    return w->gateway_key ? 0 : -ENOMEM;
}

static int open_gateway_key(struct work *w)
{
    char path[PATH_MAX];
    int rc = join(path, w->fleet, "gateway.key");

    if (rc == 0)
        rc = text_file_read(path, &w->gateway_key);
    if (rc == -ENOENT)
        return make_gateway_key(w, path);
    return rc < 0 ? say(w, rc, "%.200s cannot be read: %s", path, err_text(rc)) : 0;
}

/* "NAME MACHINE ADDRESS" of each host at the last render; NULL = there was none. */
static int machine_of(const char *hosts, const char *name, uint32_t *machine)
{
    char has[ROSTER_NAME_LEN];
    const char *line;

    for (line = hosts; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "%32s %9u", has, machine) == 2 && strcmp(has, name) == 0)
            return 0;
    }
    return -ENOENT;
}

/* A database whose machine was exchanged gets a new key. */
static int forget_old_machines(struct work *w)
{
    char path[PATH_MAX], *hosts = NULL;
    uint32_t machine;
    unsigned i;
    int rc = join(path, w->fleet, "hosts");

    if (rc == 0)
        rc = text_file_read(path, &hosts);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    for (i = 0; i < w->r->n && rc == 0; i++) {
        const struct roster_host *h = &w->r->host[i];

        if ((roster_has(h, ROSTER_DB) || roster_has(h, ROSTER_ARBITER)) &&
            machine_of(hosts, h->name, &machine) == 0 && machine != h->machine)
            rc = db_files_forget(w->db, h->zone);
    }
    free(hosts);
    return rc;
}

static int open_all(struct work *w)
{
    int rc = fleet_ca_open(&w->ca, w->fleet, w->r->name, w->from->now_s, w->why);

    if (rc == 0)
        rc = open_gateway_key(w);
    if (rc == 0)
        rc = db_files_passwords(w->db, w->conf.password, w->why);
    if (rc == 0)
        rc = forget_old_machines(w);
    return rc < 0 ? rc : db_files_make(w->r, w->templates, w->db, w->why);
}

/* --- files of a host ---------------------------------------------------------------- */

static int read_old(const char *dir, const char *name, char **out)
{
    char path[PATH_MAX];

    *out = NULL;
    return join(path, dir, name) == 0 ? text_file_read(path, out) : -ENAMETOOLONG;
}

/* tls/ROLE.crt and tls/ROLE.key below <dir>.  <target>: the folder on the host; "" = they
 * are not copied. */
static int add_pair(struct work *w, struct host_files *f, const char *dir,
                    const struct fleet_ca_subject *s, const char *target)
{
    char from[2][HOST_FILES_PATH], to[2][HOST_FILES_PATH] = {"", ""};
    char *old[2], *text[2] = {NULL, NULL};
    int i, rc;

    for (i = 0; i < 2; i++) {
        const char *end = i == 0 ? "crt" : "key";

        snprintf(from[i], sizeof(from[i]), "tls/%s.%s", s->role, end);
        if (target[0])
            snprintf(to[i], sizeof(to[i]), "%s/%s.%s", target, s->role, end);
        if (read_old(dir, from[i], &old[i]) < 0)
            old[i] = NULL;
    }
    rc = fleet_ca_certificate(w->ca, s, old[0], old[1], &text[0], &text[1], w->why);
    for (i = 0; i < 2; i++) {
        if (old[i])
            explicit_bzero(old[i], strlen(old[i]));
        free(old[i]);
    }
    if (rc < 0)
        return rc;
    rc = host_files_add(f, from[0], to[0], 0600, "root", "root", text[0]);
    if (rc < 0) {
        free(text[1]);
        return rc;
    }
    return host_files_add(f, from[1], to[1], 0600, "root", "root", text[1]);
}

static int add_secrets(struct work *w, struct host_files *f, const struct roster_host *h)
{
    const struct host_conf_program *p;
    char dir[PATH_MAX];
    bool signs = false;
    unsigned i;
    int rc = join(dir, w->dir, h->name);

    for (i = 0; (p = host_conf_program_at(i)) != NULL && rc == 0; i++) {
        struct fleet_ca_subject s = {h->name, p->tls, h->ip, h->machine};

        if (!roster_has(h, p->role))
            continue;
        signs = signs || p->signs;
        if (p->tls)
            rc = add_pair(w, f, dir, &s, "/etc/lars/tls");
    }
    if (rc == 0 && signs)
        rc = host_files_add(f, "gateway.key", "/etc/lars/gateway.key", 0600, "root",
                            "root", strdup(w->gateway_key));
    return rc;
}

static int add_host(struct work *w, struct host_files *f, const struct roster_host *h)
{
    int rc = host_conf_add(f, &w->conf, h, w->why);

    if (rc == 0)
        rc = host_units_add(f, w->r, h);
    if (rc == 0)
        rc = add_secrets(w, f, h);
    if (rc == 0 && (roster_has(h, ROSTER_DB) || roster_has(h, ROSTER_ARBITER)))
        rc = db_files_add(f, &w->conf, h, w->db, w->why);
    return rc;
}

static int add_operator(struct work *w, struct host_files *f)
{
    struct fleet_ca_subject s = {OPERATOR, "larsctl", NULL, 1};
    int rc = host_conf_add_operator(f, &w->conf, w->why);

    if (rc == 0)
        rc = add_pair(w, f, w->operator, & s, "");
    return rc < 0 ? rc
                  : host_files_add(f, "gateway.key", "", 0600, "-", "-",
                                   strdup(w->gateway_key));
}

/* The CA and the list of revoked certificates, for hosts that have a certificate. */
static int add_authority(struct work *w, struct host_files *f, bool copied)
{
    bool any = false;
    size_t i;
    int rc;

    for (i = 0; i < f->n; i++)
        any = any || strncmp(f->at[i].from, "tls/", 4) == 0;
    if (!any)
        return 0;
    rc = host_files_add(f, "tls/ca.crt", copied ? "/etc/lars/tls/ca.crt" : "", 0644,
                        "root", "root", strdup(fleet_ca_cert(w->ca)));
    return rc < 0
               ? rc
               : host_files_add(f, "tls/crl.pem", copied ? "/etc/lars/tls/crl.pem" : "",
                                0644, "root", "root", strdup(fleet_ca_crl(w->ca)));
}

static int make_all(struct work *w)
{
    unsigned i;
    int rc = 0;

    for (i = 0; i < w->r->n && rc == 0; i++)
        rc = add_host(w, &w->host[i], &w->r->host[i]);
    if (rc == 0)
        rc = add_operator(w, &w->host[w->r->n]);
    if (rc == 0)
        rc = fleet_ca_save(w->ca, w->why);
    for (i = 0; i <= w->r->n && rc == 0; i++) {
        rc = add_authority(w, &w->host[i], i < w->r->n);
        if (rc == 0)
            rc = host_files_add_list(&w->host[i]);
    }
    return rc;
}

/* --- writing ------------------------------------------------------------------------ */

static int write_folder(struct work *w, const struct host_files *f, const char *dir)
{
    char path[PATH_MAX] = "";
    int rc = host_files_write(f, dir, &w->result->n_files, path);

    return rc < 0 ? say(w, rc, "%.300s cannot be written: %s", path, err_text(rc)) : 0;
}

static int write_hosts(struct work *w)
{
    char dir[PATH_MAX];
    unsigned i;
    int rc = 0;

    for (i = 0; i < w->r->n && rc == 0; i++) {
        rc = join(dir, w->dir, w->r->host[i].name);
        if (rc == 0)
            rc = write_folder(w, &w->host[i], dir);
    }
    return rc < 0 ? rc : write_folder(w, &w->host[w->r->n], w->operator);
}

/* Folders of hosts that are no more in the roster: they have a list of files. */
static int remove_hosts(struct work *w)
{
    char dir[PATH_MAX], list[PATH_MAX], path[PATH_MAX] = "";
    DIR *d = opendir(w->dir);
    struct dirent *e;
    int rc = d ? 0 : -errno;

    while (d && rc == 0 && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.' || e->d_name[0] == '_' || roster_find(w->r, e->d_name) ||
            join(dir, w->dir, e->d_name) < 0 || join(list, dir, "files") < 0 ||
            access(list, F_OK) < 0)
            continue;
        rc = host_files_remove(dir, &w->result->n_files, path);
        w->result->n_hosts_removed++;
        if (rc == -ENOTEMPTY || rc == -EEXIST)
            rc = 0; /* what else is in it is the operator's */
    }
    if (d)
        closedir(d);
    return rc < 0 ? say(w, rc, "%.300s cannot be removed: %s", path, err_text(rc)) : 0;
}

static int write_text(struct work *w, const char *name, const char *text)
{
    char path[PATH_MAX];
    int rc = join(path, w->fleet, name);

    if (rc == 0)
        rc = text_file_write(path, text);
    if (rc < 0)
        return say(w, rc, "%.200s cannot be written: %s", path, err_text(rc));
    w->result->n_files += rc == 1;
    return 0;
}

/* The last step: what stands there has been rendered. */
static int write_records(struct work *w)
{
    char *text = NULL;
    size_t len;
    unsigned i;
    FILE *to = open_memstream(&text, &len);
    int rc;

    if (!to)
        return -ENOMEM;
    for (i = 0; i < w->r->n; i++)
        fprintf(to, "%s %u %s\n", w->r->host[i].name, w->r->host[i].machine,
                w->r->host[i].ip);
    rc = fclose(to) == 0 ? write_text(w, "hosts", text) : -ENOMEM;
    free(text);
    if (rc < 0)
        return rc;
    return write_text(w, "roster.ini", w->from->roster);
}

static int work(struct work *w, const char *dir)
{
    int rc = open_folders(w, dir);

    if (rc == 0)
        rc = lock_folder(w);
    if (rc < 0)
        return rc;
    w->conf.r = w->r;
    w->conf.templates = w->templates;
    w->conf.operator_dir = w->operator;
    rc = open_all(w);
    if (rc == 0)
        rc = make_all(w);
    if (rc == 0)
        rc = write_hosts(w);
    if (rc == 0)
        rc = remove_hosts(w);
    if (rc == 0)
        rc = write_records(w);
    if (w->ca) {
        w->result->n_issued = fleet_ca_n_issued(w->ca);
        w->result->n_revoked = fleet_ca_n_revoked(w->ca);
    }
    return rc;
}

int render_fleet(const struct roster *r, const struct render_source *from,
                 const char *dir, struct render_result *out, char why[RENDER_WHY])
{
    struct work *w = calloc(1, sizeof(*w));
    unsigned i;
    int rc = -ENOMEM;

    why[0] = '\0';
    *out = (struct render_result){0};
    if (w) {
        w->r = r;
        w->from = from;
        w->result = out;
        w->why = why;
        w->lock = -1;
        w->host = calloc(r->n + 1, sizeof(*w->host));
        if (w->host)
            rc = work(w, dir);
        for (i = 0; w->host && i <= r->n; i++)
            host_files_free(&w->host[i]);
        free(w->host);
        fleet_ca_close(w->ca);
        free(w->gateway_key);
        if (w->lock >= 0)
            close(w->lock);
        explicit_bzero(w, sizeof(*w));
        free(w);
    }
    if (rc < 0 && !why[0])
        snprintf(why, RENDER_WHY, "%s", err_text(rc));
    return rc;
}
