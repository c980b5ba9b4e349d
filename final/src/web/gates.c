/* A request passes five gates in this order, and each has one place: the name of the host
 * (DNS rebinding), the table of routes (router.c), the form of the request (origin, type,
 * token against cross-site requests), the session, the role.
 *
 * Rejected: gates inside of handlers.  One that is forgotten is an open door. */
#include "web/gates.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ops/secret.h"
#include "web/router.h"

const char *gates_header(struct request *q, const char *name)
{
    const char *v = MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);

    return v ? v : "";
}

/* The host of the header Host, without its port, is one of the configured names. */
bool gates_host(const char *hosts, const char *host)
{
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":"), k;
    const char *p = hosts;

    for (; *p; p += k + strspn(p + k, " ,")) {
        k = strcspn(p, " ,");
        if (k == n && strncasecmp(p, host, n) == 0)
            return true;
    }
    return false;
}

/* A page of another site can send a request, and cannot give it our origin, our token or
 * the type of JSON. */
bool gates_page(struct request *q)
{
    char origin[320], csrf[SECRET_TOKEN];

    snprintf(origin, sizeof(origin), "%s://%.300s", q->is_tls ? "https" : "http",
             gates_header(q, "Host"));
    if (strcmp(gates_header(q, "Origin"), origin) != 0) {
        reply_problem(&q->reply, 403, "wrong_origin", NULL, NULL);
        return false;
    }
    if (strncmp(gates_header(q, "Content-Type"), "application/json", 16) != 0) {
        reply_problem(&q->reply, 415, "not_json", NULL, NULL);
        return false;
    }
    if (q->route->role == SESSION_NONE)
        return true;
    secret_derive(q->token, "csrf", csrf);
    if (secret_equal(gates_header(q, "X-Lars-CSRF"), csrf))
        return true;
    reply_problem(&q->reply, 403, "wrong_csrf", NULL, NULL);
    return false;
}

/* The value of our cookie in the header. */
void gates_token(struct request *q)
{
    const char *v = MHD_lookup_connection_value(q->connection, MHD_COOKIE_KIND,
                                                q->is_tls ? "__Host-lars" : "lars");

    if (v && strlen(v) == SECRET_TOKEN - 1)
        snprintf(q->token, sizeof(q->token), "%s", v);
}

bool gates_role(struct request *q)
{
    if (q->who.role == SESSION_NONE && q->route->role != SESSION_NONE)
        reply_problem(&q->reply, 401, "no_session", NULL, NULL);
    else if (q->who.role < q->route->role)
        reply_problem(&q->reply, 403, "wrong_role", NULL, NULL);
    else if (q->who.must_change && strcmp(q->path, "/api/v1/session") != 0 &&
             strcmp(q->path, "/api/v1/session/password") != 0)
        reply_problem(&q->reply, 403, "must_change", NULL, NULL);
    return q->reply.status == 0;
}
