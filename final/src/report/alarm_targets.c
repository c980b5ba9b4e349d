/* A test is due when its time in the table is later than that of the last message to the
 * target, and this process has not sent it already.  The first makes the next leader send
 * a test that the former one did not; the second covers the time until the result is
 * there.
 *
 * Rejected: rows by every Report Service.  Messages come from the one that has the lease,
 * so a target that only another one has gets none, and its row would deny that. */
#include "report/alarm_targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MS 60000 /* between two times that all rows are written */

struct alarm_targets {
    struct alarm_db *db;
    struct notifier *notifier;
    uint64_t rows_ms; /* monotonic; all rows were written; 0 = never */
    struct {
        uint64_t n_try; /* of the result in the table */
        char test_at[24]; /* of the test sent last, as the server writes it */
    } of[NOTIFY_TARGETS];
};

int alarm_targets_create(struct alarm_targets **out, struct alarm_db *db,
                         struct notifier *notifier)
{
    struct alarm_targets *t = calloc(1, sizeof(*t));

    if (!t)
        return -ENOMEM;
    t->db = db;
    t->notifier = notifier;
    *out = t;
    return 0;
}

void alarm_targets_destroy(struct alarm_targets *t)
{
    free(t);
}

void alarm_targets_begin(struct alarm_targets *t)
{
    t->rows_ms = 0;
}

static int write_rows(struct alarm_targets *t)
{
    const char *name[NOTIFY_TARGETS];
    struct notifier_result r;
    size_t n = 0;
    int i;

    for (i = 0; i < NOTIFY_TARGETS; i++)
        if (notifier_result(t->notifier, (enum notify_target)i, &r))
            name[n++] = notify_send_name((enum notify_target)i);
    return alarm_db_set_targets(t->db, name, n);
}

static int on_test(char **at, void *arg)
{
    struct alarm_targets *t = arg;
    int i;

    for (i = 0; at[0] && at[1] && i < NOTIFY_TARGETS; i++) {
        if (strcmp(at[0], notify_send_name((enum notify_target)i)) != 0 ||
            strcmp(at[1], t->of[i].test_at) == 0)
            continue;
        snprintf(t->of[i].test_at, sizeof(t->of[i].test_at), "%s", at[1]);
        if (at[3] && at[3][0] == '0')
            notifier_test(t->notifier, (enum notify_target)i, at[2] ? at[2] : "");
    }
    return 0;
}

static int write_results(struct alarm_targets *t, uint64_t now_ms)
{
    struct notifier_result r;
    int i, rc = 0;

    for (i = 0; rc == 0 && i < NOTIFY_TARGETS; i++) {
        if (!notifier_result(t->notifier, (enum notify_target)i, &r) ||
            r.n_try == t->of[i].n_try)
            continue;
        rc = alarm_db_set_result(t->db, notify_send_name((enum notify_target)i),
                                 now_ms > r.at_ms ? now_ms - r.at_ms : 0, r.error);
        if (rc == 0)
            t->of[i].n_try = r.n_try;
    }
    return rc;
}

int alarm_targets_update(struct alarm_targets *t, uint64_t now_ms)
{
    int rc = 0;

    if (t->rows_ms == 0 || now_ms >= t->rows_ms + ROWS_MS) {
        rc = write_rows(t);
        if (rc == 0)
            t->rows_ms = now_ms;
    }
    if (rc == 0)
        rc = alarm_db_each_test(t->db, on_test, t);
    return rc < 0 ? rc : write_results(t, now_ms);
}
