/* Each table is one SELECT that fills one array; then one pass over the nodes adds up
 * their modules and zones.
 *
 * Rejected: sums by the database.  They would have to join the calls with the routes for
 * every viewer's order of rows; in memory it is one pass over sorted arrays. */
#include "web/read_snap.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ops/route_rows.h"
#include "web/read_figures.h"
#include "web/read_scaling.h"

#define ALIVE "INTERVAL 6 SECOND"

static uint32_t number_of(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static uint64_t long_of(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

static void copy(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
    utf8_replace_broken(to);          /* the end, where it was cut */
}

#define COPY(to, text) copy(to, sizeof(to), text)

/* A place for one more item, zeroed; the capacity is the next power of two. */
static void *push(void **at, size_t *n, size_t size)
{
    char *more;

    if ((*n & (*n - 1)) == 0) {
        more = realloc(*at, (*n ? *n * 2 : 1) * size);
        if (!more)
            return NULL;
        *at = more;
    }
    more = (char *)*at + *n * size;
    memset(more, 0, size);
    ++*n;
    return more;
}

#define PUSH(array, n) push((void **)&(array), &(n), sizeof(*(array)))

/* --- routes ------------------------------------------------------------------------ */

static int take_mod(char **at, void *arg)
{
    struct snap_routes *r = arg;
    struct snap_name *v = PUSH(r->mod, r->n_mod);

    if (!v)
        return -ENOMEM;
    v->id = number_of(at[0]);
    COPY(v->text, at[1]);
    return 0;
}

static int take_cmd(char **at, void *arg)
{
    struct snap_routes *r = arg;
    struct snap_name *v = PUSH(r->cmd, r->n_cmd);

    if (!v)
        return -ENOMEM;
    v->id = number_of(at[0]);
    COPY(v->text, at[1]);
    return 0;
}

static int read_routes(struct sqldb *db, uint64_t revision, struct snap_routes **out)
{
    struct snap_routes *r = calloc(1, sizeof(*r));
    int rc = r ? 0 : -ENOMEM;

    if (rc < 0)
        return rc;
    r->refs = 1;
    r->revision = revision;
    rc = route_rows_read(db, NULL, 0, false, &r->rows);
    if (rc == 0)
        rc = sqldb_each(db, take_mod, r,
                        "SELECT modid, content FROM ModIDConfig ORDER BY modid");
    if (rc == 0)
        rc = sqldb_each(db, take_cmd, r,
                        "SELECT cmdid, content FROM CmdIDConfig ORDER BY cmdid");
    if (rc < 0)
        snap_routes_unref(r);
    else
        *out = r;
    return rc;
}

/* Names have no version, so their checksums are part of the number that tells whether
 * the routes are to be read again. */
#define REVISION                                                                         \
    "SELECT version * 5 + (SELECT COALESCE(SUM(CRC32(content)), 0) FROM ModIDConfig) + " \
    "(SELECT COALESCE(SUM(CRC32(content)), 0) FROM CmdIDConfig) * 3, version FROM "      \
    "RouteVersion WHERE id = 1"

struct revision {
    uint64_t mixed, version;
};

static int take_revision(char **at, void *arg)
{
    *(struct revision *)arg = (struct revision){long_of(at[0]), long_of(at[1])};
    return 0;
}

/* --- the small tables -------------------------------------------------------------- */

static int take_out(char **at, void *arg)
{
    struct snap *s = arg;
    struct node_row key = {.modid = number_of(at[0]),
                           .cmdid = number_of(at[1]),
                           .ip = number_of(at[2]),
                           .port = number_of(at[3])};
    size_t i = node_row_find(&s->routes->rows, &key);
    uint16_t n = (uint16_t)number_of(at[5]);

    if (i == s->routes->rows.n || node_row_cmp(&s->routes->rows.at[i], &key) != 0)
        return 0;                     /* an agent still has a node that was removed */
    if (number_of(at[4]) == 1)
        s->node[i].n_down = n;
    else if (number_of(at[4]) == 2)
        s->node[i].n_ejected = n;
    else
        s->node[i].n_trial = n;
    return 0;
}

static int take_service(char **at, void *arg)
{
    struct snap *s = arg;
    struct snap_service *v = PUSH(s->service, s->n_service);

    if (!v)
        return -ENOMEM;
    COPY(v->kind, at[0]);
    COPY(v->name, at[1]);
    COPY(v->zone, at[2]);
    COPY(v->address, at[3]);
    COPY(v->version, at[4]);
    COPY(v->state, at[5]);
    v->revision = long_of(at[6]);
    v->silent_ms = at[7] && at[7][0] != '-' ? long_of(at[7]) : 0;
    return 0;
}

static int take_alarm(char **at, void *arg)
{
    struct snap *s = arg;
    struct snap_alarm *v = PUSH(s->alarm, s->n_alarm);

    if (!v)
        return -ENOMEM;
    v->id = long_of(at[0]);
    COPY(v->kind, at[1]);
    COPY(v->subject, at[2]);
    COPY(v->detail, at[3]);
    v->raised_s = long_of(at[4]);
    v->is_acked = number_of(at[5]) > 0;
    v->is_silenced = number_of(at[6]) > 0;
    return 0;
}

static int take_hold(char **at, void *arg)
{
    struct snap *s = arg;
    struct snap_hold *v = PUSH(s->hold, s->n_hold);

    if (!v)
        return -ENOMEM;
    v->modid = number_of(at[0]);
    v->cmdid = number_of(at[1]);
    v->had = number_of(at[2]);
    v->gone = number_of(at[3]);
    COPY(v->dnsd, at[4]);
    return 0;
}

static int take_change(char **at, void *arg)
{
    struct snap *s = arg;
    struct snap_change *v = PUSH(s->change, s->n_change);

    if (!v)
        return -ENOMEM;
    v->id = long_of(at[0]);
    v->at_ms = long_of(at[1]);
    COPY(v->actor, at[2]);
    COPY(v->via, at[3]);
    COPY(v->action, at[4]);
    COPY(v->subject, at[5]);
    COPY(v->result, at[6]);
    return 0;
}

static int read_small(struct sqldb *db, struct snap *s)
{
    int rc = sqldb_each(db, take_out, s,
                        "SELECT n.modid, n.cmdid, n.ip, n.port, n.state, COUNT(*) FROM "
                        "AgentNode n JOIN Service v ON v.name = n.agent AND v.seen_at > "
                        "NOW(3) - " ALIVE " GROUP BY n.modid, n.cmdid, n.ip, n.port, "
                        "n.state");

    if (rc == 0)
        rc = sqldb_each(
            db, take_service, s,
            "SELECT kind, name, zone, address, version, state, revision, "
            "TIMESTAMPDIFF(MICROSECOND, seen_at, NOW(3)) DIV 1000 FROM Service "
            "WHERE seen_at > NOW(3) - INTERVAL 1 DAY ORDER BY kind, name");
    if (rc == 0)
        rc = sqldb_each(
            db, take_alarm, s,
            "SELECT a.id, a.kind, a.subject, a.detail, UNIX_TIMESTAMP(a.raised_at), "
            "(SELECT COUNT(*) FROM Audit u WHERE u.subject = CONCAT('alarm:', a.id) AND "
            "u.action = 'alarm ack' AND u.result = 'done'), (SELECT COUNT(*) FROM "
            "AlarmSilence q WHERE q.until_at > NOW(3) AND q.kind = a.kind AND (q.subject "
            "= '' OR q.subject = a.subject)) FROM Alarm a WHERE a.cleared_at IS NULL "
            "ORDER BY a.id LIMIT 1000");
    if (rc == 0)
        rc = sqldb_each(db, take_change, s,
                        "SELECT id, CAST(UNIX_TIMESTAMP(at) * 1000 AS UNSIGNED), actor, "
                        "via, action, subject, result FROM Audit WHERE action NOT IN "
                        "('login', 'password', 'in force') ORDER BY id DESC LIMIT 5");
    return rc < 0
               ? rc
               : sqldb_each(db, take_hold, s,
                            "SELECT modid, cmdid, had, gone, dnsd FROM RouteHold WHERE "
                            "seen_at > NOW(3) - INTERVAL 30 SECOND ORDER BY modid, "
                            "cmdid, dnsd");
}

/* --- sums -------------------------------------------------------------------------- */

static struct snap_zone *zone_of(struct snap *s, const char *name)
{
    struct snap_zone *z;
    size_t i;

    for (i = 0; i < s->n_zone; i++)
        if (strcmp(s->zone[i].name, name) == 0)
            return &s->zone[i];
    z = PUSH(s->zone, s->n_zone);
    if (z)
        COPY(z->name, name);
    return z;
}

static void count_node(const struct node_row *r, const struct snap_node *v, uint32_t *up,
                       uint32_t *drained, uint32_t *out)
{
    if (!node_row_in_service(r))
        ++*drained;
    else if (v->n_down + v->n_ejected > 0)
        ++*out;
    else
        ++*up;
}

/* The module of row <i>; the rows are sorted, so it is the last one or a new one. */
static struct snap_module *module_of(struct snap *s, size_t i)
{
    const struct node_row *r = &s->routes->rows.at[i];
    struct snap_module *m = s->n_module ? &s->module[s->n_module - 1] : NULL;

    if (m && m->modid == r->modid && m->cmdid == r->cmdid)
        return m;
    m = PUSH(s->module, s->n_module);
    if (m) {
        m->modid = r->modid;
        m->cmdid = r->cmdid;
        m->first = i;
    }
    return m;
}

static int cmp_zone(const void *a, const void *b)
{
    return strcmp(((const struct snap_zone *)a)->name,
                  ((const struct snap_zone *)b)->name);
}

/* A zone that is drained and has no nodes any more is shown, too. */
static int take_zone_state(char **at, void *arg)
{
    struct snap_zone *z = zone_of(arg, at[0] ? at[0] : "");

    if (!z)
        return -ENOMEM;
    COPY(z->decided, at[1]);
    return 0;
}

static int add_up(struct snap *s, const struct rates *rates)
{
    size_t i;

    for (i = 0; i < s->routes->rows.n; i++) {
        const struct node_row *r = &s->routes->rows.at[i];
        struct snap_node *v = &s->node[i];
        struct snap_module *m = module_of(s, i);
        struct snap_zone *z = zone_of(s, r->zone);

        if (!m || !z)
            return -ENOMEM;
        rates_of(rates, r->modid, r->cmdid, r->ip, r->port, &v->calls, &v->failed);
        m->n++;
        count_node(r, v, &m->n_up, &m->n_drained, &m->n_out);
        count_node(r, v, &z->n_up, &z->n_drained, &z->n_out);
        m->calls += (double)v->calls;
        m->failed += (double)v->failed;
        z->calls += (double)v->calls;
        z->failed += (double)v->failed;
    }
    if (s->n_zone > 1)
        qsort(s->zone, s->n_zone, sizeof(*s->zone), cmp_zone);
    return 0;
}

/* What agents report is not known, which is not the same as no calls and no node out. */
static void forget_reports(struct snap *s)
{
    size_t i;

    for (i = 0; i < s->routes->rows.n; i++)
        s->node[i].calls = s->node[i].failed = NAN;
    for (i = 0; i < s->n_module; i++)
        s->module[i].calls = s->module[i].failed = NAN;
    for (i = 0; i < s->n_zone; i++)
        s->zone[i].calls = s->zone[i].failed = NAN;
}

/* --- held removals ----------------------------------------------------------------- */

static struct snap_module *find(struct snap *s, uint32_t modid, uint32_t cmdid)
{
    return (struct snap_module *)(uintptr_t)snap_find(s, modid, cmdid);
}

/* A module without rows, at its place in the order. */
static struct snap_module *insert(struct snap *s, uint32_t modid, uint32_t cmdid)
{
    struct snap_module *m = PUSH(s->module, s->n_module);

    if (!m)
        return NULL;
    for (; m > s->module; m--) {
        if (m[-1].modid < modid || (m[-1].modid == modid && m[-1].cmdid < cmdid))
            break;
        *m = m[-1];
    }
    *m = (struct snap_module){.modid = modid, .cmdid = cmdid};
    return m;
}

/* Callers have the nodes of a held removal, also when all rows of the module are gone. */
static int mark_held(struct snap *s)
{
    size_t i;

    for (i = 0; i < s->n_hold; i++) {
        const struct snap_hold *h = &s->hold[i];
        struct snap_module *m = find(s, h->modid, h->cmdid);

        if (!m)
            m = insert(s, h->modid, h->cmdid);
        if (!m)
            return -ENOMEM;
        m->is_held = true;
    }
    return 0;
}

static void add_removed(uint32_t modid, uint32_t cmdid, uint32_t ip, uint32_t port,
                        float calls, float failed, void *arg)
{
    struct snap *s = arg;
    struct snap_module *m = find(s, modid, cmdid);
    struct node_row key = {.modid = modid, .cmdid = cmdid, .ip = ip, .port = port};
    size_t i = node_row_find(&s->routes->rows, &key);

    if (!m || !m->is_held ||
        (i < s->routes->rows.n && node_row_cmp(&s->routes->rows.at[i], &key) == 0))
        return;
    m->calls += (double)calls;
    m->failed += (double)failed;
}

/* --- all --------------------------------------------------------------------------- */

static int fill(struct sqldb *db, struct rates *rates, struct minutes *minutes,
                const struct snap *before, struct snap *s)
{
    struct revision rev = {0, 0};
    int rc = sqldb_number(db, &s->at_ms,
                          "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)");

    if (rc == 0)
        rc = sqldb_each(db, take_revision, &rev, REVISION);
    if (rc == 0 && before && before->mixed == rev.mixed)
        s->routes = snap_routes_ref(before->routes);
    else if (rc == 0)
        rc = read_routes(db, rev.version, &s->routes);
    if (rc < 0)
        return rc;
    s->mixed = rev.mixed;
    s->node = calloc(s->routes->rows.n + 1, sizeof(*s->node));
    if (!s->node)
        return -ENOMEM;
    rc = rates_read(rates, db, s->at_ms / 1000);
    s->calls_s = rates_until_s(rates);
    if (rc == 0)
        rc = read_small(db, s);
    if (rc == 0)
        rc = sqldb_each(db, take_zone_state, s, "SELECT zone, state FROM ZoneState");
    if (rc == 0)
        rc = add_up(s, rates);
    if (rc == 0)
        rc = mark_held(s);
    if (rc == 0 && s->n_hold > 0)
        rates_each(rates, add_removed, s);
    if (rc == 0)
        rc = read_figures_add(db, minutes, s);
    if (rc == 0)
        rc = read_scaling_add(db, s);
    if (rc == 0 && !snap_has_alive(s, "reportd"))
        forget_reports(s);
    return rc;
}

int read_snap_make(struct sqldb *db, struct rates *rates, struct minutes *minutes,
                   const struct snap *before, struct snap **out)
{
    struct snap *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    s->refs = 1;
    rc = fill(db, rates, minutes, before, s);
    if (rc < 0)
        snap_unref(s);
    else
        *out = s;
    return rc;
}
