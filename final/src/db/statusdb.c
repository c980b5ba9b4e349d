#include "db/statusdb.h"

int statusdb_check(struct statusdb *db)
{
    return db->ops->check(db);
}

int statusdb_write(struct statusdb *db, const struct status_row *row, size_t n)
{
    return n > 0 ? db->ops->write(db, row, n) : 0;
}

const char *statusdb_error(const struct statusdb *db)
{
    return db->error;
}

void statusdb_close(struct statusdb *db)
{
    if (db)
        db->ops->close(db);
}
