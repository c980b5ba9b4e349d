/* Rows and the calls of the interface.  A row of the database may be absurd (port 70000,
 * module 0/0), because people edit the table by hand.  Such a row is counted and left
 * out, so that it does not keep all other routes from being served.
 *
 * Invariant: each row in a db_rows has a module and a port of 1 to 65535.
 * Rejected: failing the load at the first bad row; checking the rows in each
 * implementation, where the checks would differ sooner or later. */
#include "db/db.h"

#include <errno.h>
#include <stdlib.h>

int db_rows_add(struct db_rows *r, uint32_t modid, uint32_t cmdid, uint32_t ip,
                uint32_t port)
{
    struct route_node node = {.ip = ip, .port = port > UINT16_MAX ? 0 : (uint16_t)port};

    return db_rows_add_node(r, modid, cmdid, &node);
}

int db_rows_add_node(struct db_rows *r, uint32_t modid, uint32_t cmdid,
                     const struct route_node *node)
{
    size_t cap = r->cap ? r->cap * 2 : 256;
    struct route_row *at;

    if (node->port == 0 || (modid == 0 && cmdid == 0)) {
        r->n_bad++;
        return 0;
    }
    if (r->n == r->cap) {
        at = realloc(r->at, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        r->at = at;
        r->cap = cap;
    }
    r->at[r->n++] = (struct route_row){modid, cmdid, *node};
    return 0;
}

void db_rows_free(struct db_rows *r)
{
    free(r->at);
    *r = (struct db_rows){0};
}

int db_version(struct db *db, uint64_t *version)
{
    return db->ops->version(db, version);
}

int db_load_all(struct db *db, struct db_rows *out, uint64_t *version)
{
    out->n = out->n_bad = 0;
    return db->ops->load_all(db, out, version);
}

int db_load_changes(struct db *db, uint64_t since, struct db_rows *changed,
                    struct db_rows *out, uint64_t *version)
{
    changed->n = changed->n_bad = 0;
    out->n = out->n_bad = 0;
    return db->ops->load_changes(db, since, changed, out, version);
}

const char *db_error(const struct db *db)
{
    return db->error;
}

void db_close(struct db *db)
{
    if (db)
        db->ops->close(db);
}
