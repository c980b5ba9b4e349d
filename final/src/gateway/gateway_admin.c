/* Any host that reaches the port may read, so nothing secret is shown, and nothing can be
 * changed without a key.  The signature is checked here, once for all commands: a command
 * that is added to the table cannot leave it out. */
#include "gateway/gateway_admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "fleet/signed_command.h"
#include "gateway/gateway_demand.h"
#include "gateway/gateway_nodes.h"
#include "gateway/gateway_private.h"
#include "gateway/gateway_status.h"
#include "gateway/static_copy.h"
#include "obs/httpd.h"

#define SAID_MAX 200 /* bytes of an answer to a command, with the final 0 */

/* Obey a command whose signature is right.  <body>: what came with it, ended by a 0 byte.
 * It must not wait: long work is started, and the answer tells that it was.  Returns the
 * status of HTTP after writing a sentence without a line end into <said>. */
typedef unsigned command_fn(struct gateway *g, const char *body, char said[SAID_MAX]);

/* As command_fn, for a question that programs ask all the time: it is logged only when it
 * is refused.  On 200 the answer, JSON, is in <out> and nothing is in <said>. */
typedef unsigned question_fn(struct gateway *g, const char *body, char said[SAID_MAX],
                             struct buf *out);

static command_fn drain, undrain, switch_static, snapshot;
static question_fn demand, nodes;

struct command { /* one of both functions */
    const char *path;
    command_fn *fn;
    question_fn *ask;
};

static const struct command commands[] = {{"/drain", drain, NULL},
                                          {"/undrain", undrain, NULL},
                                          {"/static", switch_static, NULL},
                                          {"/snapshot", snapshot, NULL},
                                          {"/demand", NULL, demand},
                                          {"/nodes", NULL, nodes}};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))
#define N_PAGES 2

struct gateway_admin {
    struct gateway *gateway;
    struct fleet_keys *keys; /* NULL = commands are refused */
    struct signed_command_gate *gate;
    struct httpd_route routes[N_PAGES + N_COMMANDS + 1];
    struct httpd *http;
};

static struct gateway_admin *admin_of(const void *arg)
{
    struct gateway_admin *const *a = arg;

    return *a;
}

static void say(struct httpd_answer *out, unsigned status, const char *text)
{
    out->status = status;
    buf_append(&out->body, text, strlen(text));
    buf_append(&out->body, "\n", 1);
}

/* --- what is shown ------------------------------------------------------------------ */

static void show_ready(const struct httpd_request *q, struct httpd_answer *out,
                       const void *arg)
{
    const struct gateway *g = admin_of(arg)->gateway;
    const char *why = gateway_not_ready(g);
    unsigned n = gateway_n_fallback(g);
    char text[120] = "ready";

    (void)q;
    if (n > 0)
        snprintf(text, sizeof(text),
                 "ready; the agent has no routes of %u modules, and nodes of the rules "
                 "serve them",
                 n);
    say(out, why ? 503 : 200, why ? why : text);
}

static void show_gateway(const struct httpd_request *q, struct httpd_answer *out,
                         const void *arg)
{
    (void)q;
    out->type = "application/json";
    if (gateway_status_write(admin_of(arg)->gateway, &out->body) == 0)
        return;
    buf_free(&out->body);
    out->type = "text/plain";
    say(out, 503, "no memory is left for the answer; ask again");
}

static void collect(struct metrics *m, const void *arg)
{
    gateway_metrics_collect(admin_of(arg)->gateway, m);
}

static const char *health(const void *arg)
{
    return gateway_health(admin_of(arg)->gateway);
}

/* --- commands ----------------------------------------------------------------------- */

static unsigned drain(struct gateway *g, const char *body, char said[SAID_MAX])
{
    (void)body;
    gateway_drain(g);
    snprintf(said, SAID_MAX,
             "the gateway drains: /ready is 503, each response closes its connection; "
             "larsctl gateway undrain ends it");
    return 200;
}

static unsigned undrain(struct gateway *g, const char *body, char said[SAID_MAX])
{
    bool done = gateway_undrain(g) == 0;

    (void)body;
    snprintf(said, SAID_MAX, "%s",
             done ? "the gateway serves visitors again"
                  : "the gateway is ending after a signal and cannot serve again; start "
                    "it anew");
    return done ? 200 : 409;
}

static unsigned switch_static(struct gateway *g, const char *body, char said[SAID_MAX])
{
    bool on = strcmp(body, "on") == 0;
    char err[CONF_ERR_MAX];

    if (!on && strcmp(body, "off") != 0) {
        snprintf(said, SAID_MAX, "the body of POST /static is on or off");
        return 400;
    }
    if (static_copy_switch(g->statics, on, err) < 0) {
        snprintf(said, SAID_MAX, "%.199s", err);
        return 409;
    }
    snprintf(said, SAID_MAX, "%s",
             on ? "visitors get the copy of the site, also after a restart; larsctl site "
                  "static off ends it"
                : "visitors get the pages of the nodes");
    return 200;
}

static unsigned snapshot(struct gateway *g, const char *body, char said[SAID_MAX])
{
    char err[CONF_ERR_MAX];

    (void)body;
    if (static_copy_snapshot(g->statics, err) < 0) {
        snprintf(said, SAID_MAX, "%.199s", err);
        return 409;
    }
    snprintf(said, SAID_MAX,
             "a copy of the site is being made; larsctl site status shows it");
    return 200;
}

static unsigned demand(struct gateway *g, const char *body, char said[SAID_MAX],
                       struct buf *out)
{
    char err[CONF_ERR_MAX];
    int rc = gateway_demand_answer(g, body, out, err);

    if (rc == 0)
        return 200;
    snprintf(said, SAID_MAX, "%.199s", err);
    return rc == -EINVAL ? 400 : 503;
}

static unsigned nodes(struct gateway *g, const char *body, char said[SAID_MAX],
                      struct buf *out)
{
    int rc = gateway_nodes_answer(g, body, out);

    if (rc == 0)
        return 200;
    snprintf(said, SAID_MAX, "%s",
             rc == -EINVAL ? "the body of POST /nodes must be a JSON object, such as {}"
                           : "no memory is left for the answer; ask again");
    return rc == -EINVAL ? 400 : 503;
}

/* NULL, or why the command is refused. */
static const char *refusal(struct gateway_admin *a, const struct httpd_request *q)
{
    const struct signed_command c = {gateway_demand_epoch(a->gateway->demand), q->method,
                                     q->path, q->body, q->len};
    const struct signed_command_sent sent = {httpd_field(q, SIGNED_COMMAND_TIME),
                                             httpd_field(q, SIGNED_COMMAND_GATEWAY),
                                             httpd_field(q, SIGNED_COMMAND_SIGNATURE)};
    const char *why = NULL;

    if (!a->keys)
        return "this gateway has no key, so it obeys no command; set [admin] key_file or "
               "[gateway] key_file";
    signed_command_accept(a->gate, a->keys, &c, &sent, (uint64_t)time(NULL), &why);
    return why;
}

static void answer_question(const struct gateway_admin *a, const struct command *c,
                            const char *body, struct httpd_answer *out)
{
    char said[SAID_MAX];
    unsigned status = c->ask(a->gateway, body, said, &out->body);

    if (status == 200) {
        out->type = "application/json";
        return;
    }
    LOG_EVERY(1000, LOG_LEVEL_WARN, "gateway.command", "path=%s status=%u: %s", c->path,
              status, said);
    buf_free(&out->body);
    say(out, status, said);
}

static void on_command(const struct httpd_request *q, struct httpd_answer *out,
                       const void *arg)
{
    struct gateway_admin *a = admin_of(arg);
    const struct command *c = commands;
    const char *why = refusal(a, q);
    char said[SAID_MAX];
    unsigned status;

    if (why) {
        LOG_EVERY(1000, LOG_LEVEL_WARN, "gateway.command_refused", "path=%s: %s", q->path,
                  why);
        say(out, 401, why);
        return;
    }
    while (strcmp(c->path, q->path) != 0)
        c++;
    if (c->ask) {
        answer_question(a, c, q->body, out);
        return;
    }
    status = c->fn(a->gateway, q->body, said);
    LOG_INFO("gateway.command", "path=%s status=%u: %s", c->path, status, said);
    say(out, status, said);
}

/* --- start and stop ----------------------------------------------------------------- */

static void make_routes(struct httpd_route *r)
{
    size_t i;

    *r++ = (struct httpd_route){"GET", "/ready", 0, show_ready};
    *r++ = (struct httpd_route){"GET", "/gateway", 0, show_gateway};
    for (i = 0; i < N_COMMANDS; i++)
        *r++ = (struct httpd_route){"POST", commands[i].path, SIGNED_COMMAND_BODY_MAX,
                                    on_command};
}

static int start(struct gateway_admin *a, struct evloop *l, const char *where,
                 const char *key_file, char err[CONF_ERR_MAX])
{
    struct httpd_config c = {.collect = collect,
                             .health = health,
                             .arg = &a,
                             .arg_size = sizeof(struct gateway_admin *),
                             .routes = a->routes,
                             .key = "[admin] listen"};
    int rc =
        key_file[0] ? fleet_keys_create(&a->keys, key_file, "[admin] key_file", err) : 0;

    if (rc < 0)
        return rc;
    make_routes(a->routes);
    rc = signed_command_gate_create(&a->gate);
    if (rc == 0)
        rc = httpd_create(&a->http, l, where, &c);
    if (rc < 0)
        snprintf(err, CONF_ERR_MAX, "cannot listen at %.60s, [admin] listen: %s", where,
                 err_str(rc));
    return rc;
}

int gateway_admin_create(struct gateway_admin **out, struct evloop *l, struct gateway *g,
                         const char *where, const char *key_file, char err[CONF_ERR_MAX])
{
    struct gateway_admin *a;
    int rc;

    *out = NULL;
    if (!where[0])
        return 0;
    a = calloc(1, sizeof(*a));
    if (!a) {
        snprintf(err, CONF_ERR_MAX, "out of memory");
        return -ENOMEM;
    }
    a->gateway = g;
    rc = start(a, l, where, key_file, err);
    if (rc < 0)
        gateway_admin_destroy(a);
    else
        *out = a;
    return rc;
}

void gateway_admin_destroy(struct gateway_admin *a)
{
    if (!a)
        return;
    httpd_destroy(a->http);
    signed_command_gate_destroy(a->gate);
    fleet_keys_destroy(a->keys);
    free(a);
}
