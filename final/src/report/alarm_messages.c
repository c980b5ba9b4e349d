/* One query finds the alarms whose message is due; Alarm.told_at, the server's time of
 * the last message, is the only state.  So a silence that ends, a repetition and an alarm
 * that is new are the same case, and a new leader repeats nothing too early.
 *
 * Invariant: told_at is written before the message is queued.  When it cannot be written,
 * the message waits for the next round; the other order would send it in every round.
 *
 * Rejected: no message that an alarm is cleared while it is silenced.  The incident that
 * a target opened would stay open for ever. */
#include "report/alarm_messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct alarm_messages {
    struct alarm_db *db;
    struct notifier *notifier;
    uint32_t repeat_s;
    bool raised; /* an alarm whose message is not sent yet */
    size_t n_due, n_silenced; /* of the last query */
    uint64_t id[ALARM_DB_DUE_MAX];
    struct alarm due[ALARM_DB_DUE_MAX];
};

int alarm_messages_create(struct alarm_messages **out, struct alarm_db *db,
                          struct notifier *notifier, uint32_t repeat_s)
{
    struct alarm_messages *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->db = db;
    m->notifier = notifier;
    m->repeat_s = repeat_s;
    *out = m;
    return 0;
}

void alarm_messages_destroy(struct alarm_messages *m)
{
    free(m);
}

static const char *text_of(const char *column)
{
    return column ? column : "";
}

static int on_due(char **at, void *arg)
{
    struct alarm_messages *m = arg;
    struct alarm *al = &m->due[m->n_due];

    if (text_of(at[4])[0] == '1') {
        m->n_silenced++;
        return 0;
    }
    if (m->n_due == ALARM_DB_DUE_MAX)
        return 0;
    m->id[m->n_due++] = strtoull(text_of(at[0]), NULL, 10);
    snprintf(al->kind, sizeof(al->kind), "%s", text_of(at[1]));
    snprintf(al->subject, sizeof(al->subject), "%s", text_of(at[2]));
    snprintf(al->detail, sizeof(al->detail), "%s", text_of(at[3]));
    return 0;
}

int alarm_messages_send(struct alarm_messages *m)
{
    size_t i;
    int rc;

    m->n_due = m->n_silenced = 0;
    rc = alarm_db_each_due(m->db, m->repeat_s, on_due, m);
    if (rc == 0 && m->n_due > 0)
        rc = alarm_db_set_told(m->db, m->id, m->n_due);
    if (rc < 0)
        return rc;
    m->raised = false;
    for (i = 0; i < m->n_due; i++)
        notifier_put(m->notifier, &m->due[i], true);
    return 0;
}

int alarm_messages_raise(struct alarm_messages *m, const struct alarm *al)
{
    int rc = alarm_db_raise_alarm(m->db, al->kind, al->subject, al->detail);

    m->raised = true;
    return rc;
}

int alarm_messages_clear(struct alarm_messages *m, const struct alarm *al)
{
    bool told = false;
    int rc = m->raised ? alarm_messages_send(m) : 0; /* messages keep their order */

    if (rc == 0)
        rc = alarm_db_clear_alarm(m->db, al->kind, al->subject, &told);
    if (rc == 0 && told)
        notifier_put(m->notifier, al, false);
    return rc;
}

size_t alarm_messages_n_silenced(const struct alarm_messages *m)
{
    return m->n_silenced;
}
