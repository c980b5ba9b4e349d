/* All checks are made, also when one has failed, so that an operator learns everything at
 * once.  The pid files of the events are among them: a drill that finds at second 40 that
 * a process is not there has troubled the system for nothing. */
#include "drill/preflight.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "drill/faults.h"
#include "load/http_link.h"

#define ANSWER_MS 5000
#define LOOK_MS 2000

struct checks {
    const struct preflight *p;
    unsigned n_failed;
};

__attribute__((format(printf, 3, 4))) static void say(struct checks *c, bool ok,
                                                      const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs(ok ? "ok        " : "NOT READY ", c->p->to);
    vfprintf(c->p->to, fmt, ap);
    putc('\n', c->p->to);
    va_end(ap);
    c->n_failed += !ok;
}

/* --- the server that is loaded ------------------------------------------------------ */

struct answer {
    struct evloop *loop;
    unsigned status; /* 0 = none */
};

static void on_head(struct http_link *l, const struct http_head *h, void *arg)
{
    struct answer *a = arg;

    (void)l;
    a->status = h->status;
}

static void on_done(struct http_link *l, enum http_link_result r, bool open, void *arg)
{
    struct answer *a = arg;

    if (r != HTTP_LINK_DONE)
        a->status = 0;
    if (open)
        http_link_close(l);
    evloop_stop(a->loop);
}

static int ask(const struct preflight *p, struct answer *a)
{
    const struct script *s = p->script;
    static const struct http_link_owner owner = {on_head, on_done};
    char head[PATH_LIST_PATH + 600];
    struct http_link *link;
    int n, rc = http_link_open(&link, a->loop, &s->to.to, ANSWER_MS, &owner, a);

    if (rc < 0)
        return rc;
    n = snprintf(head, sizeof(head),
                 "GET %s HTTP/1.1\r\nHost: %.255s\r\nUser-Agent: larsctl-drill\r\n"
                 "%s\r\n",
                 s->to.path, s->load.host[0] ? s->load.host : s->to.host, p->fields);
    rc = http_link_send(link, head, (size_t)n);
    return rc < 0 ? rc : evloop_run(a->loop);
}

static void check_answer(struct checks *c)
{
    const struct script *s = c->p->script;
    struct answer a = {0};
    int rc = evloop_create(&a.loop);

    if (rc == 0)
        rc = ask(c->p, &a);
    evloop_destroy(a.loop);
    if (rc == 0 && a.status >= 200 && a.status < 400)
        say(c, true, "%s answers with %u", s->load.url, a.status);
    else if (a.status)
        say(c, false,
            "%s answers with %u and not with 200 to 399; mend it, or correct "
            "[load] url",
            s->load.url, a.status);
    else
        say(c, false,
            "%s does not answer within %d s%s%s; start it, or correct [load] "
            "url",
            s->load.url, ANSWER_MS / 1000, rc < 0 ? ": " : "",
            rc < 0 ? err_text(rc) : "");
}

static void check_mark(struct checks *c)
{
    say(c, true,
        c->p->fields[0] ? "the load is signed: it counts as demand, not as visits"
                        : "[gateways] key_file is empty: the load counts as visits");
}

/* --- gateways and their visitors ---------------------------------------------------- */

static void check_gateways(struct checks *c)
{
    const unsigned most = c->p->script->abort.max_visitors;
    unsigned n = watch_n_gateways(c->p->watch);
    struct watch_sample first, second;
    double per_s;

    if (n == 0) {
        say(c, true, "[gateways] admin is empty: no visitors are watched");
        return;
    }
    watch_once(c->p->watch, &first);
    poll(NULL, 0, LOOK_MS);
    watch_once(c->p->watch, &second);
    if ((unsigned)second.gateways < n) {
        say(c, false, "%d of %u gateways answer: %s", second.gateways, n,
            watch_why(c->p->watch));
        return;
    }
    say(c, true, "%u gateways answer", n);
    per_s = (double)(second.answered - first.answered) * 1000 /
            (double)(second.at_ms - first.at_ms);
    if (per_s <= most)
        say(c, true, "visitors make %.1f requests a second", per_s);
    else
        say(c, false,
            "visitors make %.0f requests a second, and at most %u may be; wait "
            "for a quiet time, or raise [abort] max_visitors",
            per_s, most);
}

/* --- the database ------------------------------------------------------------------- */

static void check_database(struct checks *c)
{
    const struct script *s = c->p->script;
    uint64_t capacity = 0, alarms = 0;
    int rc;

    if (!c->p->db) {
        say(c, true, "no module is named: capacity and alarms are not checked");
        return;
    }
    rc = sqldb_number(c->p->db, &capacity,
                      "SELECT COUNT(*) FROM Capacity WHERE modid = %u AND cmdid = %u",
                      s->modid, s->cmdid);
    if (rc == 0)
        rc = sqldb_number(c->p->db, &alarms,
                          "SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL");
    if (rc < 0) {
        say(c, false, "the database cannot be asked: %s; correct [db] of larsctl.ini",
            sqldb_error(c->p->db));
        return;
    }
    say(c, capacity > 0,
        capacity > 0 ? "the capacity of %u/%u is measured"
                     : "the capacity of %u/%u is not measured; use larsctl capacity",
        s->modid, s->cmdid);
    if (alarms == 0)
        say(c, true, "no alarm is open");
    else
        say(c, false, "%llu alarms are open; see larsctl alarm list, and mend them first",
            (unsigned long long)alarms);
}

/* --- events ------------------------------------------------------------------------- */

static void check_events(struct checks *c)
{
    const struct script *s = c->p->script;
    char why[FAULTS_WHY];
    json_t *undo;
    unsigned i, n = 0;

    for (i = 0; i < s->n_events; i++) {
        undo = faults_prepare(&s->event[i], c->p->db_config, why);
        if (!undo)
            say(c, false, "event %u: %s", s->event[i].number, why);
        n += undo != NULL;
        json_decref(undo);
    }
    if (n == s->n_events)
        say(c, true, "%u events can be undone", n);
}

unsigned preflight_check(const struct preflight *p)
{
    struct checks c = {p, 0};

    say(&c, p->who[0] != '\0', "the operator is %s", p->who[0] ? p->who : "not known");
    check_answer(&c);
    check_mark(&c);
    check_gateways(&c);
    check_database(&c);
    check_events(&c);
    fflush(p->to);
    return c.n_failed;
}
