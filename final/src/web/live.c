/* A stream has two buffers: what is being sent, and the newest event that waits.  A slow
 * reader gets fewer events and always the newest, and the memory of a stream is bounded.
 * While there is nothing to send, the connection is suspended.
 *
 * Rejected: one stream for all topics of all viewers.  A viewer of one module would get
 * the lists of all. */
#include "web/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "web/api_json.h"
#include "web/api_module.h"
#include "web/api_read.h"

#define HEARTBEAT_MS 5000
#define STUCK_MS 30000                /* a reader that takes nothing for so long */

enum topic { TOPIC_OVERVIEW, TOPIC_WALL, TOPIC_MODULE };

struct stream {
    struct stream *next;
    struct live *live;
    struct MHD_Connection *connection;
    struct job job;                   /* asks whether the session still is one */
    char token[SECRET_TOKEN];
    enum topic topic;
    uint32_t modid, cmdid;            /* of TOPIC_MODULE */
    char *sending, *waiting;          /* owned */
    size_t n_sending, sent;
    uint64_t moved_ms, sent_ms;       /* when it took bytes; when an event was made */
    bool is_suspended, is_closing, is_gone, is_asking;
    bool is_ended;                    /* the session; the job's until it is done */
};

struct live {
    struct stream *streams;
    unsigned n;
    struct web *web;
    struct jobs *jobs;
    struct mhdloop *mhd;
};

int live_create(struct live **out, struct web *web, struct jobs *jobs)
{
    struct live *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->web = web;
    l->jobs = jobs;
    *out = l;
    return 0;
}

void live_set_loop(struct live *l, struct mhdloop *m)
{
    l->mhd = m;
}

unsigned live_n(const struct live *l)
{
    return l->n;
}

static void free_stream(struct stream *s)
{
    free(s->sending);
    free(s->waiting);
    free(s);
}

/* The library has closed the connection. */
static void on_gone(void *arg)
{
    struct stream *s = arg, **at = &s->live->streams;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->live->n--;
    s->is_gone = true;
    if (!s->is_asking)
        free_stream(s);
}

static void resume(struct stream *s)
{
    if (!s->is_suspended)
        return;
    s->is_suspended = false;
    MHD_resume_connection(s->connection);
    if (s->live->mhd)
        mhdloop_wake(s->live->mhd);
}

static void close_stream(struct stream *s)
{
    s->is_closing = true;
    resume(s);
}

/* The library asks for bytes. */
static ssize_t give(void *arg, uint64_t pos, char *buf, size_t max)
{
    struct stream *s = arg;
    size_t n;

    (void)pos;
    if (s->sent == s->n_sending && s->waiting) {
        free(s->sending);
        s->sending = s->waiting;
        s->waiting = NULL;
        s->n_sending = strlen(s->sending);
        s->sent = 0;
    }
    n = s->n_sending - s->sent;
    if (n == 0 && s->is_closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        s->is_suspended = true;
        MHD_suspend_connection(s->connection);
        return 0;
    }
    if (n > max)
        n = max;
    memcpy(buf, s->sending + s->sent, n);
    s->sent += n;
    s->moved_ms = mono_ms();
    return (ssize_t)n;
}

/* Takes <text>; NULL is no memory: the stream gets the next event. */
static void offer(struct stream *s, char *text)
{
    if (!text)
        return;
    free(s->waiting);
    s->waiting = text;
    s->sent_ms = mono_ms();
    resume(s);
}

static char *event_text(const char *name, json_t *j, uint64_t id)
{
    char *data = j ? json_dumps(j, JSON_COMPACT) : NULL, *text = NULL;

    json_decref(j);
    if (data && asprintf(&text, "event: %s\nid: %llu\ndata: %s\n\n", name,
                         (unsigned long long)id, data) < 0)
        text = NULL;
    free(data);
    return text;
}

static json_t *topic_json(const struct stream *s, const struct snap *snap)
{
    struct web *web = s->live->web;

    if (s->topic == TOPIC_MODULE)
        return api_module_json(snap, web, s->modid, s->cmdid);
    return s->topic == TOPIC_WALL ? api_read_wall_json(snap, web)
                                  : api_read_overview_json(snap, web);
}

static void send_snap(struct stream *s, const struct snap *snap)
{
    static const char *const names[] = {"overview", "wall", "module"};

    if (snap)
        offer(s, event_text(names[s->topic], topic_json(s, snap), snap->at_ms));
    else if (mono_ms() - s->sent_ms > HEARTBEAT_MS)
        offer(s, strdup(": hb\n\n"));
}

/* --- sessions ---------------------------------------------------------------------- */

static struct stream *stream_of(struct job *j)
{
    return (struct stream *)(void *)((char *)j - offsetof(struct stream, job));
}

static void ask(struct job *j, struct sqldb *db)
{
    struct stream *s = stream_of(j);
    struct session who;

    if (session_load(s->live->web->sessions, db, s->token, &who) == -ENOENT)
        s->is_ended = true;
}

static void asked(struct job *j, bool cancelled)
{
    struct stream *s = stream_of(j);

    (void)cancelled;
    s->is_asking = false;
    if (s->is_gone) {
        free_stream(s);
    } else if (s->is_ended) {
        offer(s, strdup("event: end\ndata: {}\n\n"));
        close_stream(s);
    }
}

static void check_session(struct stream *s)
{
    struct session who;

    if (s->is_asking || s->is_closing ||
        session_recall(s->live->web->sessions, s->token, &who))
        return;
    s->job = (struct job){.work = ask, .done = asked};
    s->is_asking = jobs_add(s->live->jobs, &s->job) == 0;
}

void live_tick(struct live *l)
{
    struct snap *snap = reader_snap(l->web->reader);
    struct stream *s;

    for (s = l->streams; s; s = s->next) {
        check_session(s);
        if (mono_ms() - s->moved_ms > STUCK_MS)
            close_stream(s);
        else if (!s->is_closing)
            send_snap(s, snap);
    }
    snap_unref(snap);
}

/* --- opening ----------------------------------------------------------------------- */

static bool may_open(struct live *l, struct request *q)
{
    unsigned n = 0;
    struct stream *s;

    for (s = l->streams; s; s = s->next)
        n += strcmp(s->token, q->token) == 0;
    if (l->n < LIVE_STREAMS && n < LIVE_OF_SESSION)
        return true;
    reply_problem(&q->reply, 503, "busy", NULL, "too many streams of events");
    return false;
}

/* "wall", "overview" or "module:1/1".  Returns false after a 422 in the reply. */
static bool read_topic(struct request *q, struct stream *s)
{
    const char *text = request_query(q, "topics", "wall");
    bool is_viewer = q->who.role >= SESSION_VIEWER;

    if (strcmp(text, "wall") == 0) {
        s->topic = TOPIC_WALL;
        return true;
    }
    if (strcmp(text, "overview") == 0 && is_viewer) {
        s->topic = TOPIC_OVERVIEW;
        return true;
    }
    s->topic = TOPIC_MODULE;
    if (strncmp(text, "module:", 7) == 0 && is_viewer &&
        api_json_read_module(text + 7, &s->modid, &s->cmdid))
        return true;
    reply_problem(&q->reply, 422, "wrong_value", "topics",
                  "the topics are overview, wall and module:MODID/CMDID");
    return false;
}

struct MHD_Response *live_open(struct live *l, struct request *q)
{
    struct MHD_Response *r;
    struct snap *snap;
    struct stream *s = may_open(l, q) ? calloc(1, sizeof(*s)) : NULL;

    if (!s)
        return NULL;
    if (!read_topic(q, s)) {
        free(s);
        return NULL;
    }
    s->live = l;
    s->connection = q->connection;
    s->moved_ms = mono_ms();
    snprintf(s->token, sizeof(s->token), "%s", q->token);
    r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, give, s, on_gone);
    if (!r) {
        free(s);
        return NULL;
    }
    s->next = l->streams;
    l->streams = s;
    l->n++;
    snap = reader_snap(l->web->reader);
    send_snap(s, snap);
    snap_unref(snap);
    return r;
}

void live_close(struct live *l)
{
    struct stream *s;

    for (s = l->streams; s; s = s->next)
        close_stream(s);
}

void live_destroy(struct live *l)
{
    free(l);
}
