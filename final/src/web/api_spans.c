/* "Now" is the time of the database, because its rows have that time: a browser whose
 * clock is wrong would ask for an hour that has not come. */
#include "web/api_spans.h"

#include <errno.h>

#define SPAN_MAX 34560000 /* 400 days */

static bool refuse(struct request *q, int rc)
{
    if (rc == -E2BIG)
        reply_problem(&q->reply, 422, "too_many_points", "step",
                      "more than 2000 points: give a larger step or a shorter time");
    else if (rc == -EDOM)
        reply_problem(&q->reply, 422, "wrong_value", "step",
                      "it is not 1, 10, 60, 300, 3600 or the like, or is below a minute "
                      "where there are minutes only");
    else
        reply_problem(&q->reply, 422, "wrong_value", "from", "it is not before to");
    return false;
}

bool api_spans_take(struct request *q, struct sqldb *db, uint32_t least, struct spans *s)
{
    uint32_t from, to, span, step;
    uint64_t now;
    int rc = sqldb_number(db, &now, "SELECT UNIX_TIMESTAMP()");

    if (rc < 0) {
        request_db_failed(q, rc, db);
        return false;
    }
    if (!request_number(q, "span", SPAN_MAX, 3600, &span) ||
        !request_number(q, "to", UINT32_MAX, (uint32_t)now, &to) ||
        !request_number(q, "from", UINT32_MAX, to > span ? to - span : 0, &from) ||
        !request_number(q, "step", 86400, 0, &step))
        return false;
    if (step == 0 && request_query(q, "step", NULL))
        return refuse(q, -EDOM);
    rc = spans_choose(s, now, from, to, step, least);
    return rc < 0 ? refuse(q, rc) : true;
}

json_t *api_spans_json(const struct spans *s)
{
    return json_pack("{s:I,s:I,s:I}", "from", (json_int_t)s->from, "to",
                     (json_int_t)s->to, "step", (json_int_t)s->step);
}
