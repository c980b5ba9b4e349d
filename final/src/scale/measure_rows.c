/* An order is written from the row of the measurement, in one statement: when larsctl has
 * ended it meanwhile there is no order. */
#include "scale/measure_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/sqldb.h"
#include "scale/composed.h"

#define COPY(to, text) snprintf((to), sizeof(to), "%s", (text) ? (text) : "")

static uint32_t u32(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static int take_measure(char **at, void *arg)
{
    struct snapshot *s = arg;
    const char *state = at[4] ? at[4] : "";
    struct snapshot_measure m = {.id = {u32(at[0]), u32(at[1])},
                                 .any_class = !at[3],
                                 .state = SNAPSHOT_REFUSED,
                                 .host = (uint32_t)snapshot_find_host(s, at[5]),
                                 .slot = u32(at[6]),
                                 .over = u32(at[7]) > 0};

    COPY(m.token, at[2]);
    COPY(m.class, at[3]);
    if (strcmp(state, "asked") == 0)
        m.state = SNAPSHOT_ASKED;
    else if (strcmp(state, "given") == 0)
        m.state = SNAPSHOT_GIVEN;
    return snapshot_add(s, measure, &m);
}

/* Those that have a slot come first: without its row the node would be one of those that
 * serve. */
int measure_rows_read(struct myconn *con, struct snapshot *out)
{
    return myconn_select(con,
                         "SELECT modid, cmdid, token, class, state, host, slot, until_at "
                         "<= NOW(3) FROM ScaleMeasure ORDER BY state <> 'given', at, "
                         "token LIMIT 16",
                         take_measure, out);
}

static int write_given(struct myconn *con, const struct snapshot_measure *m,
                       const char *host, uint32_t slot, uint64_t fence)
{
    struct buf b = {0};
    int rc = sqldb_append(&b,
                          "UPDATE ScaleMeasure SET state = 'given', host = %s, slot = %u "
                          "WHERE token = %s AND state = 'asked' AND until_at > NOW(3)",
                          host, slot, m->token);

    rc = composed_run(con, &b, rc);
    if (rc == 0)
        rc = composed_run(
            con, &b,
            sqldb_append(&b,
                         "INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) "
                         "SELECT host, slot, modid, cmdid, %llu FROM ScaleMeasure WHERE "
                         "token = %s AND state = 'given'",
                         (unsigned long long)fence, m->token));
    return rc;
}

/* The order of the slot that it was given, if it has one. */
static int cancel(struct myconn *con, const struct snapshot_measure *m)
{
    struct buf b = {0};
    int rc = sqldb_append(&b,
                          "DELETE w FROM ScaleWanted w JOIN ScaleMeasure m ON m.host = "
                          "w.host AND m.slot = w.slot AND m.modid = w.modid AND m.cmdid "
                          "= w.cmdid WHERE m.token = %s AND m.state = 'given'",
                          m->token);

    return composed_run(con, &b, rc);
}

static int write_refused(struct myconn *con, const struct snapshot_measure *m,
                         const char *why)
{
    struct buf b = {0};
    int rc = cancel(con, m);

    if (rc == 0)
        rc = sqldb_append(&b,
                          "UPDATE ScaleMeasure SET state = 'refused', host = '', slot = "
                          "0, note = LEFT(%s, 255) WHERE token = %s",
                          why, m->token);
    return composed_run(con, &b, rc);
}

static int write_end(struct myconn *con, const struct snapshot_measure *m)
{
    struct buf b = {0};
    int rc = cancel(con, m);

    if (rc == 0)
        rc = sqldb_append(&b,
                          "DELETE FROM ScaleMeasure WHERE token = %s AND until_at <= "
                          "NOW(3)",
                          m->token);
    return composed_run(con, &b, rc);
}

int measure_rows_write(struct myconn *con, const struct snapshot *s,
                       const struct measures_changes *c, uint64_t fence)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < c->n; i++) {
        const struct measures_change *x = &c->at[i];
        const struct snapshot_measure *m = &s->measure[x->measure];

        if (x->verb == MEASURES_GIVE)
            rc = write_given(con, m, s->host[x->host].name, x->slot, fence);
        else if (x->verb == MEASURES_REFUSE)
            rc = write_refused(con, m, x->note);
        else
            rc = write_end(con, m);
    }
    return rc;
}
