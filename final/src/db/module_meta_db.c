/* Policies change rarely and are kept; they are read again when their number or the time
 * of the newest change differs.  Zone loads and suspects are read each time.
 *
 * Rates are rounded to two digits: agents decide nothing by a smaller difference, and an
 * unrounded rate would make every table differ from the one before. */
#include "db/module_meta_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAMP_MAX 64

struct module_meta_db {
    struct myconn *con;
    struct module_meta_table *policies; /* NULL = not read yet */
    struct module_meta_table *now;    /* while it is being built */
    char stamp[STAMP_MAX];            /* number and newest change of the policies */
    char error[MYCONN_ERROR_MAX];
};

int module_meta_db_create(struct module_meta_db **out, const struct myconn_config *cfg)
{
    struct module_meta_db *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void module_meta_db_close(struct module_meta_db *d)
{
    if (!d)
        return;
    module_meta_table_unref(d->policies);
    myconn_destroy(d->con);
    free(d);
}

const char *module_meta_db_error(const struct module_meta_db *d)
{
    return d->error;
}

static uint32_t u32_of(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/* The meta of the module that a row begins with.  NULL: no memory, or it is 0/0. */
static struct msg_module_meta *meta_of(struct module_meta_table *t, char **at)
{
    uint32_t modid = u32_of(at[0]), cmdid = u32_of(at[1]);

    return modid == 0 && cmdid == 0 ? NULL : module_meta_table_at(t, modid, cmdid);
}

static void copy_text(char *to, size_t size, const char *from)
{
    if (from && strlen(from) < size)
        memcpy(to, from, strlen(from));
}

/* --- policies ----------------------------------------------------------------------- */

static int take_stamp(char **at, void *arg)
{
    char *stamp = arg;

    snprintf(stamp, STAMP_MAX, "%s %s", at[0] ? at[0] : "", at[1] ? at[1] : "");
    return 0;
}

static int take_policy(char **at, void *arg)
{
    struct msg_module_meta *m = meta_of(arg, at);

    if (!m)
        return 0;
    copy_text(m->rule, sizeof(m->rule), at[2]);
    if (at[3] && msg_module_meta_is_probe(at[3]))
        copy_text(m->probe, sizeof(m->probe), at[3]);
    m->timeout_ms = u32_of(at[4]);
    m->slow_ms = u32_of(at[5]);
    m->node_rps = u32_of(at[6]);
    m->node_inflight = u32_of(at[7]);
    m->target_ms = u32_of(at[8]);
    return 0;
}

static int load_policies(struct module_meta_db *d)
{
    struct module_meta_table *t = NULL;
    char stamp[STAMP_MAX] = "";
    int rc =
        myconn_select(d->con,
                      "SELECT COUNT(*), COALESCE(MAX(changed_at), 0) FROM ModulePolicy",
                      take_stamp, stamp);

    if (rc < 0 || (d->policies && strcmp(stamp, d->stamp) == 0))
        return rc;
    rc = module_meta_table_create(&t);
    if (rc == 0)
        rc = myconn_select(d->con,
                           "SELECT modid, cmdid, rule, probe, timeout_ms, slow_ms, "
                           "node_rps, node_inflight, target_ms FROM ModulePolicy",
                           take_policy, t);
    if (rc < 0) {
        module_meta_table_unref(t);
        return rc;
    }
    module_meta_table_unref(d->policies);
    d->policies = t;
    memcpy(d->stamp, stamp, sizeof(stamp));
    return 0;
}

static void copy_policy(const struct msg_module_meta *m, void *arg)
{
    struct module_meta_db *d = arg;
    struct msg_module_meta *to = module_meta_table_at(d->now, m->mod.modid, m->mod.cmdid);

    if (to)
        *to = *m;
}

/* --- what agents reported ----------------------------------------------------------- */

static uint32_t rate_of(const char *sum)
{
    uint64_t n = sum ? strtoull(sum, NULL, 10) : 0;

    return msg_module_meta_rate(n / MODULE_META_DB_WINDOW_S);
}

static int take_zone(char **at, void *arg)
{
    struct msg_module_meta *m = meta_of(arg, at);

    if (m && m->n_zone < MSG_MODULE_META_ZONES)
        m->zone[m->n_zone++] =
            (struct msg_zone_calls){u32_of(at[2]), rate_of(at[3]), rate_of(at[4])};
    return 0;
}

static int take_suspect(char **at, void *arg)
{
    struct msg_module_meta *m = meta_of(arg, at);
    uint32_t port = u32_of(at[3]);

    if (m && m->n_suspect < MSG_MODULE_META_SUSPECTS && port > 0 && port <= UINT16_MAX)
        m->suspect[m->n_suspect++] = (struct msg_host){u32_of(at[2]), port, 0, 0};
    return 0;
}

/* The window of calls ends two seconds ago: the current second is not over, and batches
 * of the one before are still on their way.  Rows of the future were written before the
 * clock of the server was set back. */
static int load_reported(struct module_meta_db *d)
{
    char sql[300];
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT modid, cmdid, zone, SUM(ok + err), SUM(err) FROM ZoneLoad "
             "WHERE at BETWEEN UNIX_TIMESTAMP() - %d AND UNIX_TIMESTAMP() - 2 "
             "GROUP BY modid, cmdid, zone ORDER BY modid, cmdid, zone",
             MODULE_META_DB_WINDOW_S + 1);
    rc = myconn_select(d->con, sql, take_zone, d->now);
    if (rc < 0)
        return rc;
    snprintf(sql, sizeof(sql),
             "SELECT modid, cmdid, ip, port FROM NodeOut WHERE at BETWEEN "
             "UNIX_TIMESTAMP() - 15 AND UNIX_TIMESTAMP() + 15 "
             "GROUP BY modid, cmdid, ip, port HAVING COUNT(*) >= %d "
             "ORDER BY modid, cmdid, ip, port",
             MODULE_META_DB_HOSTS);
    return myconn_select(d->con, sql, take_suspect, d->now);
}

int module_meta_db_load(struct module_meta_db *d, struct module_meta_table **out)
{
    int rc = myconn_begin_work(d->con);

    if (rc == 0)
        rc = load_policies(d);
    if (rc == 0)
        rc = module_meta_table_create(&d->now);
    if (rc < 0)
        return rc;
    module_meta_table_each(d->policies, copy_policy, d);
    rc = load_reported(d);
    if (rc < 0)
        module_meta_table_unref(d->now);
    else
        *out = d->now;
    d->now = NULL;
    return rc;
}
