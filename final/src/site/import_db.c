/* Each exhibit, with its pictures and their descriptions, has a digest, which the
 * database computes from its rows and this file from the spreadsheet.  So nothing but
 * ids, titles and digests is read, and what is the same is not written.
 *
 * Invariant: the comparison that apply prints is made in the transaction that writes, and
 * no other change of the exhibition comes between both: the revision that the triggers
 * raise must be one more at the end than at the beginning.  So two imports are kept apart
 * at two nodes of a cluster, too; one of them is refused and changes nothing.
 * Rejected: deleting the edition and inserting it again, which is shorter; the preview
 * could not say what changes.  GET_LOCK(), which another node of a cluster does not
 * know. */
#include "site/import_db.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/import_audit.h"
#include "site/import_edition.inc"

#define DIGEST 65
#define REMOVED_MAX IMPORT_SITE_EXHIBITS

struct import {
    struct sqldb *db;
    const struct import_target *to;
    const struct import_sheet *s;
    struct import_diff *diff;
    char (*fresh)[DIGEST];            /* of each exhibit of the spreadsheet */
    char (*old)[DIGEST]; /* of the same exhibit in the database; "" = none */
    uint32_t *position;               /* of the same in the database */
    char title_zh[201 * 4], title_en[201 * 4]; /* of the edition in the database */
    uint64_t revision;                /* of the exhibition at the beginning */
    char *why;
};

#define READ_REVISION "SELECT revision FROM SiteRevision WHERE id = 1"

static int another_runs(const struct import *m)
{
    snprintf(m->why, IMPORT_DB_WHY,
             "another import is running, or has changed the exhibition since this one "
             "began; give the command again");
    return -EBUSY;
}

/* <digest> of itself, and of <n> texts with a NUL behind each but the last. */
static void add_digest(char digest[DIGEST], const char *const *text, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0, i;
    size_t k;

    if (!ctx)
        return;
    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    if (digest[0])
        EVP_DigestUpdate(ctx, digest, strlen(digest) + 1);
    for (k = 0; k < n; k++)
        EVP_DigestUpdate(ctx, text[k], strlen(text[k]) + (k + 1 < n));
    EVP_DigestFinal_ex(ctx, sum, &len);
    EVP_MD_CTX_free(ctx);
    for (i = 0; i < 32 && i < len; i++)
        snprintf(digest + 2 * i, 3, "%02x", sum[i]);
}

/* In the order of the SELECT in load_old(). */
static void digest_item(const struct import *m, uint32_t i)
{
    const struct import_item *item = &m->s->item[i];
    const char *text[10] = {item->category};
    uint32_t k;

    for (k = 0; k < 8; k++)
        text[k + 1] = item->text[IMPORT_TITLE_ZH + k];
    text[9] = m->to->sample ? "1" : "0";
    m->fresh[i][0] = '\0';
    add_digest(m->fresh[i], text, 10);
    for (k = 0; k < item->n_picture; k++) {
        const struct import_item_picture *p = &item->picture[k];

        add_digest(m->fresh[i], (const char *const[]){p->hash, p->alt_zh, p->alt_en}, 3);
    }
}

static uint32_t find_item(const struct import_sheet *s, const char *id)
{
    uint32_t i = 0;

    while (i < s->n && strcmp(s->item[i].text[IMPORT_ID], id) != 0)
        i++;
    return i;
}

static int take_edition(char **at, void *arg)
{
    struct import *m = arg;

    snprintf(m->diff->edition, sizeof(m->diff->edition), "%s", at[0]);
    snprintf(m->title_zh, sizeof(m->title_zh), "%s", at[1]);
    snprintf(m->title_en, sizeof(m->title_en), "%s", at[2]);
    return 0;
}

static int take_exhibit(char **at, void *arg)
{
    struct import *m = arg;
    uint32_t i = find_item(m->s, at[0]);
    struct import_removed *r = &m->diff->removed[m->diff->n_removed];

    if (i < m->s->n) {
        snprintf(m->old[i], DIGEST, "%s", at[1]);
        m->position[i] = (uint32_t)strtoul(at[2], NULL, 10);
    } else if (m->diff->n_removed < REMOVED_MAX) {
        snprintf(r->id, sizeof(r->id), "%s", at[0]);
        snprintf(r->title, sizeof(r->title), "%s", at[3]);
        m->diff->n_removed++;
    }
    return 0;
}

static int take_picture(char **at, void *arg)
{
    struct import *m = arg;
    uint32_t i = find_item(m->s, at[0]);

    if (i < m->s->n)
        add_digest(m->old[i], (const char *const[]){at[1], at[2], at[3]}, 3);
    return 0;
}

static int load_old(struct import *m)
{
    int rc = sqldb_each(
        m->db, take_exhibit, m,
        "SELECT id, SHA2(CONCAT_WS(CHAR(0), category, title_zh, title_en, summary_zh, "
        "summary_en, body_zh, body_en, organisation_zh, organisation_en, sample), 256), "
        "position, title_zh FROM Exhibit WHERE edition = %u ORDER BY position, id",
        m->to->year);

    return rc < 0 ? rc
                  : sqldb_each(m->db, take_picture, m,
                               "SELECT id, hash, alt_zh, alt_en FROM ExhibitPicture "
                               "WHERE edition = %u ORDER BY id, n",
                               m->to->year);
}

static void compare(struct import *m)
{
    struct import_diff *d = m->diff;
    uint32_t i;

    for (i = 0; i < m->s->n; i++) {
        digest_item(m, i);
        d->state[i] = !m->old[i][0]                         ? IMPORT_NEW
                      : strcmp(m->old[i], m->fresh[i]) != 0 ? IMPORT_CHANGED
                      : m->position[i] != i + 1             ? IMPORT_MOVED
                                                            : IMPORT_SAME;
        d->n_state[d->state[i]]++;
    }
    d->retitled = (m->to->title_zh[0] && strcmp(m->to->title_zh, m->title_zh) != 0) ||
                  (m->to->title_en[0] && strcmp(m->to->title_en, m->title_en) != 0);
}

/* Begin a transaction and find what changes in it; <lock>: with the edition locked. */
static int begin(struct import *m, bool lock)
{
    int rc = sqldb_run(m->db, "START TRANSACTION");

    if (rc == 0)
        rc = sqldb_number(m->db, &m->revision, READ_REVISION);
    snprintf(m->diff->edition, sizeof(m->diff->edition), "new");
    if (rc == 0)
        rc = lock ? sqldb_each(m->db, take_edition, m,
                               "SELECT state, title_zh, title_en FROM Edition "
                               "WHERE year = %u FOR UPDATE NOWAIT",
                               m->to->year)
                  : sqldb_each(m->db, take_edition, m,
                               "SELECT state, title_zh, title_en FROM Edition "
                               "WHERE year = %u",
                               m->to->year);
    if (rc == 0 && strcmp(m->diff->edition, "frozen") == 0) {
        snprintf(m->why, IMPORT_DB_WHY,
                 "the edition %u is frozen, so it is not changed any more; give the year "
                 "of another one",
                 m->to->year);
        rc = -EPERM;
    }
    if (rc == 0)
        rc = load_old(m);
    if (rc == 0)
        compare(m);
    return rc;
}

static int remove_items(const struct import *m)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < m->diff->n_removed && rc == 0; i++) {
        const char *id = m->diff->removed[i].id;

        rc = sqldb_run(m->db, "DELETE FROM Exhibit WHERE edition = %u AND id = %s",
                       m->to->year, id);
        if (rc == 0)
            rc = sqldb_run(m->db,
                           "DELETE FROM ExhibitPicture WHERE edition = %u AND id = %s",
                           m->to->year, id);
    }
    return rc;
}

static int write_exhibit(const struct import *m, uint32_t i)
{
    const struct import_item *item = &m->s->item[i];
    const char *const *t = item->text + IMPORT_TITLE_ZH;
    int rc = sqldb_run(m->db, "DELETE FROM Exhibit WHERE edition = %u AND id = %s",
                       m->to->year, item->text[IMPORT_ID]);

    if (rc == 0)
        rc = sqldb_run(m->db, "DELETE FROM ExhibitPicture WHERE edition = %u AND id = %s",
                       m->to->year, item->text[IMPORT_ID]);
    return rc < 0
               ? rc
               : sqldb_run(m->db,
                           "INSERT INTO Exhibit (edition, id, category, title_zh, "
                           "title_en, summary_zh, summary_en, body_zh, body_en, "
                           "organisation_zh, organisation_en, position, sample) VALUES "
                           "(%u, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %u, %u)",
                           m->to->year, item->text[IMPORT_ID], item->category, t[0], t[1],
                           t[2], t[3], t[4], t[5], t[6], t[7], i + 1,
                           (uint32_t)m->to->sample);
}

static int insert_picture(const struct import *m, const struct import_picture *p)
{
    static const char digit[] = "0123456789abcdef";
    struct buf sql = {0};
    size_t i;
    int rc = sqldb_append(&sql,
                          "INSERT INTO Picture (hash, mime, bytes) VALUES "
                          "(%s, %s, 0x",
                          p->hash, p->mime);

    if (rc == 0)
        rc = buf_reserve(&sql, 2 * p->len);
    for (i = 0; i < p->len && rc == 0; i++)
        rc = buf_append(&sql,
                        (const char[]){digit[p->bytes[i] >> 4], digit[p->bytes[i] & 15]},
                        2);
    if (rc == 0)
        rc = buf_append(&sql, ")", 1);
    if (rc == 0)
        rc = sqldb_each_text(m->db, NULL, NULL, &sql);
    buf_free(&sql);
    return rc;
}

/* The file may have been changed since it was checked. */
static int write_bytes(const struct import *m, const struct import_item_picture *want)
{
    char why[IMPORT_PICTURE_WHY] = "has changed since it was checked; give the command "
                                   "again";
    struct import_picture p;
    uint64_t n = 0;
    int rc = sqldb_number(m->db, &n, "SELECT COUNT(*) FROM Picture WHERE hash = %s",
                          want->hash);

    if (rc < 0 || n > 0)
        return rc;
    rc = import_picture_read(&p, m->to->pictures, want->name, why);
    if (rc == 0) {
        rc = strcmp(p.hash, want->hash) == 0 ? insert_picture(m, &p) : -EINVAL;
        import_picture_free(&p);
    }
    if (rc == -EINVAL)
        snprintf(m->why, IMPORT_DB_WHY, "the picture \"%.100s\" %s", want->name, why);
    return rc;
}

static int write_pictures(const struct import *m, uint32_t i)
{
    const struct import_item *item = &m->s->item[i];
    uint32_t k;
    int rc = 0;

    for (k = 0; k < item->n_picture && rc == 0; k++) {
        const struct import_item_picture *p = &item->picture[k];

        rc =
            sqldb_run(m->db,
                      "INSERT INTO ExhibitPicture (edition, id, n, hash, alt_zh, alt_en) "
                      "VALUES (%u, %s, %u, %s, %s, %s)",
                      m->to->year, item->text[IMPORT_ID], k, p->hash, p->alt_zh,
                      p->alt_en);
        if (rc == 0)
            rc = write_bytes(m, p);
    }
    return rc;
}

static int write_items(const struct import *m)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < m->s->n && rc == 0; i++) {
        if (m->diff->state[i] == IMPORT_SAME)
            continue;
        if (m->diff->state[i] == IMPORT_MOVED) {
            rc = sqldb_run(m->db,
                           "UPDATE Exhibit SET position = %u WHERE edition = %u AND "
                           "id = %s",
                           i + 1, m->to->year, m->s->item[i].text[IMPORT_ID]);
            continue;
        }
        rc = write_exhibit(m, i);
        if (rc == 0)
            rc = write_pictures(m, i);
    }
    return rc;
}

/* A node refuses a site above these limits, so such a one is not written. */
static int check_size(const struct import *m)
{
    uint64_t exhibits = 0, bytes = 0;
    int rc = sqldb_number(m->db, &exhibits, "SELECT COUNT(*) FROM Exhibit");

    if (rc == 0)
        rc = sqldb_number(m->db, &bytes, "SELECT SUM(LENGTH(bytes)) FROM Picture");
    if (rc < 0 || (exhibits <= IMPORT_SITE_EXHIBITS && bytes <= IMPORT_SITE_BYTES))
        return rc;
    snprintf(m->why, IMPORT_DB_WHY,
             "all editions would have %llu exhibits and pictures of %llu MiB; a node "
             "loads at most %d and %u MiB: make the pictures smaller",
             (unsigned long long)exhibits, (unsigned long long)(bytes >> 20),
             IMPORT_SITE_EXHIBITS, IMPORT_SITE_BYTES >> 20);
    return -EINVAL;
}

static int write_audit(const struct import *m)
{
    int rc = import_audit_add(m->db, m->to, m->diff);

    if (rc == -ENOENT || rc == -EIO)
        snprintf(m->why, IMPORT_DB_WHY,
                 "the audit lars_dns.Audit cannot be written; run larsctl db migrate and "
                 "load site.sql again");
    return rc;
}

/* Last, because triggers of Edition tell the nodes to load the site again. */
static int write_edition(const struct import *m)
{
    char zh[sizeof(m->title_zh)], en[sizeof(m->title_en)];
    bool is_new = strcmp(m->diff->edition, "new") == 0;

    snprintf(zh, sizeof(zh), EDITION_TITLE_ZH, m->to->year);
    snprintf(en, sizeof(en), EDITION_TITLE_EN, m->to->year);
    if (!is_new) {
        memcpy(zh, m->title_zh, sizeof(zh));
        memcpy(en, m->title_en, sizeof(en));
    }
    if (m->to->title_zh[0])
        snprintf(zh, sizeof(zh), "%s", m->to->title_zh);
    if (m->to->title_en[0])
        snprintf(en, sizeof(en), "%s", m->to->title_en);
    return is_new ? sqldb_run(m->db,
                              "INSERT INTO Edition (year, title_zh, title_en) VALUES "
                              "(%u, %s, %s)",
                              m->to->year, zh, en)
                  : sqldb_run(m->db,
                              "UPDATE Edition SET title_zh = %s, title_en = %s WHERE "
                              "year = %u",
                              zh, en, m->to->year);
}

/* The row that this transaction has raised is the newest one, not its snapshot's. */
static int check_revision(const struct import *m)
{
    uint64_t now = 0;
    int rc = sqldb_number(m->db, &now, READ_REVISION);

    return rc < 0 || now == m->revision + 1 ? rc : another_runs(m);
}

static int write_all(const struct import *m)
{
    int rc = remove_items(m);

    if (rc == 0)
        rc = write_items(m);
    if (rc == 0)
        rc = sqldb_run(m->db, "DELETE FROM Picture WHERE hash NOT IN "
                              "(SELECT hash FROM ExhibitPicture)");
    if (rc == 0)
        rc = check_size(m);
    if (rc == 0)
        rc = write_audit(m);
    if (rc == 0)
        rc = write_edition(m);
    return rc < 0 ? rc : check_revision(m);
}

static int import_with(struct import *m, bool apply)
{
    size_t n = m->s->n;
    int rc;

    m->fresh = calloc(n, sizeof(*m->fresh));
    m->old = calloc(n, sizeof(*m->old));
    m->position = calloc(n, sizeof(*m->position));
    m->diff->state = calloc(n, sizeof(*m->diff->state));
    m->diff->removed = calloc(REMOVED_MAX, sizeof(*m->diff->removed));
    if (!m->fresh || !m->old || !m->position || !m->diff->state || !m->diff->removed)
        return -ENOMEM;
    rc = begin(m, apply);
    if (rc == 0 && apply && !import_db_is_empty(m->diff))
        rc = write_all(m);
    if (rc == 0)
        rc = sqldb_run(m->db, apply ? "COMMIT" : "ROLLBACK");
    else if (rc == -EPERM || rc == -EINVAL || rc == -EBUSY)
        sqldb_run(m->db, "ROLLBACK"); /* any other failure has ended the transaction */
    return rc == -EDEADLK ? another_runs(m) : rc;
}

static int import_all(struct sqldb *db, const struct import_target *to,
                      const struct import_sheet *s, struct import_diff *out, char *why,
                      bool apply)
{
    struct import *m = calloc(1, sizeof(*m));
    int rc = -ENOMEM;

    *out = (struct import_diff){0};
    if (!m)
        return rc;
    *m = (struct import){.db = db, .to = to, .s = s, .diff = out, .why = why};
    rc = import_with(m, apply);
    free(m->fresh);
    free(m->old);
    free(m->position);
    free(m);
    return rc;
}

int import_db_preview(struct sqldb *db, const struct import_target *to,
                      const struct import_sheet *s, struct import_diff *out,
                      char why[IMPORT_DB_WHY])
{
    return import_all(db, to, s, out, why, false);
}

int import_db_apply(struct sqldb *db, const struct import_target *to,
                    const struct import_sheet *s, struct import_diff *out,
                    char why[IMPORT_DB_WHY])
{
    return import_all(db, to, s, out, why, true);
}

bool import_db_is_empty(const struct import_diff *d)
{
    return strcmp(d->edition, "new") != 0 && d->n_state[IMPORT_NEW] == 0 &&
           d->n_state[IMPORT_CHANGED] == 0 && d->n_state[IMPORT_MOVED] == 0 &&
           d->n_removed == 0 && !d->retitled;
}

void import_db_diff_free(struct import_diff *d)
{
    free(d->state);
    free(d->removed);
    *d = (struct import_diff){0};
}
