/* The catalogue is read in one transaction, so a page never mixes two imports.  Pictures
 * are read one by one, and only those that are new: all of them in one result could be
 * larger than a statement may take time for.
 *
 * A row that the catalogue refuses is left out and counted: one wrong exhibit does not
 * keep the others from visitors.
 *
 * Visits are added by a statement that names itself in each row that it changes, and adds
 * nothing where it is named already.  So it can be repeated when its answer was lost, at
 * another node of a cluster as well, and also when its first try is executed after it.
 *
 * Rejected: reading only what has changed.  An edition is small, and changes are rare.
 * Rejected: writing totals.  A process that starts would have to read the total of the
 * one before it, whose last statement may still be on its way. */
#include "site/site_db.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rnd.h"

#define SHOWN "(SELECT year FROM Edition WHERE state IN ('published', 'frozen'))"

struct site_db {
    struct myconn *con;
    char node[SITE_DB_NODE_MAX + 1];
    uint64_t stream, seq; /* of the last statement that has added visits */
    char error[MYCONN_ERROR_MAX];
};

int site_db_create(struct site_db **out, const struct myconn_config *cfg,
                   const char *node)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.:_-";
    struct site_db *d;
    struct rnd any;
    int rc;

    if (!node[0] || strlen(node) > SITE_DB_NODE_MAX || node[strspn(node, allowed)])
        return -EINVAL;
    d = calloc(1, sizeof(*d));
    rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;
    if (rc < 0) {
        free(d);
        return rc;
    }
    snprintf(d->node, sizeof(d->node), "%s", node);
    rnd_init_any(&any);
    d->stream = (uint64_t)rnd_u32(&any) << 32 | rnd_u32(&any);
    *out = d;
    return 0;
}

void site_db_close(struct site_db *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    free(d);
}

const char *site_db_error(const struct site_db *d)
{
    return d->error;
}

/* myconn_query() names the schema of the routes, which the site does not use. */
static int failed(struct site_db *d, int rc)
{
    if (rc == -ENOENT)
        snprintf(d->error, sizeof(d->error),
                 "a table or column of the site is missing; mend: load "
                 "common/sql/site.sql, and "
                 "set [db] name to lars_site");
    return rc;
}

/* --- revision ----------------------------------------------------------------------- */

static int take_number(char **at, void *arg)
{
    uint64_t *n = arg;

    *n = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

static int read_revision(struct site_db *d, uint64_t *revision)
{
    return myconn_select(d->con, "SELECT revision FROM SiteRevision WHERE id = 1",
                         take_number, revision);
}

int site_db_revision(struct site_db *d, uint64_t *revision)
{
    int rc = myconn_begin_work(d->con);

    *revision = 0;
    if (rc == 0)
        rc = read_revision(d, revision);
    return failed(d, rc);
}

/* --- the catalogue ------------------------------------------------------------------ */

struct loading {
    struct catalogue *to, *before;
    char (*missing)[CATALOGUE_HASH + 1]; /* pictures to be read */
    size_t n_missing, room;
};

/* A bad row is counted by the catalogue. */
static int past_bad(int rc)
{
    return rc == -EINVAL ? 0 : rc;
}

static int take_edition(char **at, void *arg)
{
    struct loading *l = arg;

    return past_bad(catalogue_add_edition(l->to, at));
}

static int take_exhibit(char **at, void *arg)
{
    struct loading *l = arg;

    return past_bad(catalogue_add_exhibit(l->to, at));
}

static int take_view(char **at, void *arg)
{
    struct loading *l = arg;

    return past_bad(catalogue_add_view(l->to, at));
}

static int take_hash(char **at, void *arg)
{
    struct loading *l = arg;
    int rc = at[0] && strlen(at[0]) == CATALOGUE_HASH
                 ? catalogue_share_picture(l->to, l->before, at[0])
                 : 0;

    if (rc != -ENOENT)
        return past_bad(rc);
    if (l->n_missing == l->room) {
        size_t room = 2 * l->room + 64;
        void *more = realloc(l->missing, room * sizeof(*l->missing));

        if (!more)
            return -ENOMEM;
        l->missing = more;
        l->room = room;
    }
    memcpy(l->missing[l->n_missing++], at[0], CATALOGUE_HASH + 1);
    return 0;
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Columns: hash, mime, the bytes in hexadecimal digits. */
static int take_picture(char **at, void *arg)
{
    struct loading *l = arg;
    size_t n = at[2] ? strlen(at[2]) / 2 : 0, i;

    for (i = 0; i < n; i++)
        at[2][i] = (char)(digit(at[2][2 * i]) << 4 | digit(at[2][2 * i + 1]));
    return n == 0 ? 0
                  : past_bad(catalogue_add_picture(l->to, at[0], at[1] ? at[1] : "",
                                                   at[2], n));
}

static int load_pictures(struct site_db *d, struct loading *l)
{
    char sql[300];
    size_t i;
    int rc = myconn_select(d->con,
                           "SELECT DISTINCT hash FROM ExhibitPicture WHERE edition "
                           "IN " SHOWN,
                           take_hash, l);

    for (i = 0; rc == 0 && i < l->n_missing; i++) {
        if (strspn(l->missing[i], "0123456789abcdef") != CATALOGUE_HASH)
            continue;
        snprintf(sql, sizeof(sql),
                 "SELECT hash, mime, HEX(bytes) FROM Picture WHERE hash = '%s' AND "
                 "LENGTH(bytes) <= %u",
                 l->missing[i], CATALOGUE_PICTURE_MAX);
        rc = myconn_select(d->con, sql, take_picture, l);
    }
    return rc;
}

static int load_rows(struct site_db *d, struct loading *l)
{
    int rc = myconn_select(
        d->con,
        "SELECT year, title_zh, title_en, state, DATE(published_at) FROM Edition WHERE "
        "state IN ('published', 'frozen') ORDER BY year DESC",
        take_edition, l);

    if (rc == 0)
        rc = load_pictures(d, l);
    if (rc == 0)
        rc = myconn_select(d->con,
                           "SELECT edition, id, category, title_zh, title_en, "
                           "summary_zh, summary_en, body_zh, body_en, organisation_zh, "
                           "organisation_en, sample FROM Exhibit WHERE edition IN " SHOWN
                           " ORDER BY edition DESC, position, id",
                           take_exhibit, l);
    if (rc == 0)
        rc = myconn_select(d->con,
                           "SELECT edition, id, hash, alt_zh, alt_en FROM "
                           "ExhibitPicture WHERE edition IN " SHOWN
                           " ORDER BY edition, id, n",
                           take_view, l);
    return rc;
}

static int run(struct site_db *d, const char *sql)
{
    return myconn_query(d->con, sql, strlen(sql));
}

int site_db_load(struct site_db *d, struct catalogue *before, struct catalogue **out,
                 uint64_t *revision)
{
    struct loading l = {.before = before};
    int rc = catalogue_create(&l.to);

    d->error[0] = '\0';
    if (rc == 0)
        rc = myconn_begin_work(d->con);
    if (rc == 0)
        rc = run(d, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    if (rc == 0)
        rc = read_revision(d, revision);
    if (rc == 0)
        rc = load_rows(d, &l);
    if (rc == 0)
        rc = run(d, "COMMIT");
    else if (rc == -E2BIG || rc == -ENOMEM)
        run(d, "ROLLBACK");
    free(l.missing);
    if (rc < 0)
        catalogue_destroy(l.to);
    else
        *out = l.to;
    return failed(d, rc);
}

/* --- visits ------------------------------------------------------------------------- */

int site_db_add_visits(struct site_db *d, const struct site_visit *visit, size_t n)
{
    static const char head[] =
        "INSERT INTO ExhibitVisit (edition, id, node, visits, stream, seq) VALUES ";
    static const char tail[] = /* in this order: each uses what the row had before */
        " ON DUPLICATE KEY UPDATE visits = IF(stream = VALUES(stream) AND seq >= "
        "VALUES(seq), visits, visits + VALUES(visits)), seq = IF(stream = VALUES(stream) "
        "AND seq > VALUES(seq), seq, VALUES(seq)), stream = VALUES(stream)";
    struct buf sql = {0};
    int rc = myconn_begin_work(d->con);
    size_t i;

    if (rc < 0 || n == 0)
        return rc;
    rc = buf_append(&sql, head, sizeof(head) - 1);
    for (i = 0; rc == 0 && i < n; i++) {
        char row[240];
        int len =
            snprintf(row, sizeof(row),
                     "%s(%" PRIu32 ", '%s', '%s', %" PRIu64 ", %" PRIu64 ", %" PRIu64 ")",
                     i ? ", " : "", visit[i].year, visit[i].id, d->node, visit[i].n,
                     d->stream, d->seq + 1);

        rc = buf_append(&sql, row, (size_t)len);
    }
    if (rc == 0)
        rc = buf_append(&sql, tail, sizeof(tail) - 1);
    if (rc == 0)
        rc = myconn_query(d->con, buf_bytes(&sql), sql.len);
    if (rc == 0)
        d->seq++;
    buf_free(&sql);
    return failed(d, rc);
}
