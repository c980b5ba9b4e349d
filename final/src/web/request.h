/* request -- one request to the console: what was asked, by whom, and the answer.  It is
 * used by one thread at a time: the loop, or the job that works on it. */
#ifndef LARS_WEB_REQUEST_H
#define LARS_WEB_REQUEST_H

#include <microhttpd.h>
#include <stdbool.h>

#include "base/buf.h"
#include "ops/audit.h"
#include "web/jobs.h"
#include "web/reply.h"
#include "web/session.h"

#define REQUEST_QUERY 16              /* parameters behind the '?' */
#define REQUEST_BODY ((size_t)256 << 10)
#define REQUEST_DEPTH 8               /* of JSON */

struct console;
struct follow_change;
struct route;
struct snap;
struct web;

struct request_pair {
    char name[24], value[128];
};

struct request {
    struct job job;
    struct console *owner;            /* borrowed */
    struct MHD_Connection *connection; /* of the library; the loop's */
    const struct route *route;
    char method[8], path[256], peer[64]; /* peer: the address that asks */
    bool is_tls;                      /* the browser uses https */
    struct request_pair query[REQUEST_QUERY];
    unsigned n_query;
    uint32_t m, c;                    /* of {m}, {c} in the path */
    uint64_t id;                      /* of {id} */
    char name[256];                   /* of {name*} */
    char if_match[40];                /* "" = none */
    struct buf body;
    bool is_begun, is_long, is_suspended;
    bool is_query_wrong;              /* too many parameters, too long, or not UTF-8 */
    json_t *json;                     /* the body; NULL = none */
    char token[SECRET_TOKEN];         /* of the cookie; "" = none */
    struct session who;               /* role 0 = no session */
    struct reply reply;
    struct follow_change *made;       /* owned; NULL = no change to follow */
};

/* What a handler may use. */
struct request_env {
    const struct snap *snap;          /* NULL: there is none yet */
    struct sqldb *db;                 /* NULL in the loop */
    struct web *web;                  /* settings, throttle, sessions */
};

/* Read the address of the peer and the query from the library.  Thread: loop. */
void request_read(struct request *q);

/* The value of a parameter; <preset> when it is not given. */
const char *request_query(const struct request *q, const char *name, const char *preset);
/* The same as a number of at most <max>; <preset> when it is not given.  Returns false
 * after a 422 in the reply. */
bool request_number(struct request *q, const char *name, uint32_t max, uint32_t preset,
                    uint32_t *out);

/* Parameter "page": 1 to <max>; 1 when it is not given.  As request_number(). */
bool request_page(struct request *q, uint32_t max, uint32_t *out);

/* A text member of the body, at most <max> bytes; "" when it is not given.  NULL after a
 * 422 in the reply. */
const char *request_text(struct request *q, const char *name, size_t max);

/* Parse the body into <json>.  Returns false after a 400 in the reply. */
bool request_parse(struct request *q);

/* Who asks, for the audit; <reason> is borrowed. */
struct audit_actor request_actor(const struct request *q, const char *reason);

/* Answer with what a failed call of the database means: 503 db_down or db_read_only. */
void request_db_failed(struct request *q, int rc, const struct sqldb *db);

/* Answer with {"items": <list>}, or with what <rc> of the database means.  Takes
 * <list>. */
void request_answer_list(struct request *q, const struct request_env *env, int rc,
                         json_t *list);

/* Answer what a change of ops/ has returned: <status>, or 422 with <why> for -EINVAL, or
 * what <rc> of the database means. */
void request_answer_change(struct request *q, const struct request_env *env, int rc,
                           unsigned status, const char *why);

void request_free(struct request *q);

#endif
