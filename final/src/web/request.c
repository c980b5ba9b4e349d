/* A request is read completely before it is looked at, and answered completely: no state
 * of it is left anywhere else, so a thread may work on it while the loop serves others.
 *
 * Rejected: parsing JSON as it comes.  A body is at most 256 KiB, and a half of one is of
 * no use. */
#include "web/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static enum MHD_Result take_pair(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct request *q = arg;
    struct request_pair *p = &q->query[q->n_query];

    (void)kind;
    if (!value)
        value = "";
    if (q->n_query == REQUEST_QUERY || strlen(name) >= sizeof(p->name) ||
        strlen(value) >= sizeof(p->value) || !utf8_is_whole(value)) {
        q->is_query_wrong = true;
        return MHD_NO;
    }
    snprintf(p->name, sizeof(p->name), "%s", name);
    snprintf(p->value, sizeof(p->value), "%s", value);
    q->n_query++;
    return MHD_YES;
}

static void read_peer(struct request *q)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *sa = info ? info->client_addr : NULL;

    if (sa && sa->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
                  q->peer, sizeof(q->peer));
    else if (sa && sa->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
                  q->peer, sizeof(q->peer));
}

void request_read(struct request *q)
{
    read_peer(q);
    MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, take_pair, q);
}

const char *request_query(const struct request *q, const char *name, const char *preset)
{
    unsigned i;

    for (i = 0; i < q->n_query; i++)
        if (strcmp(q->query[i].name, name) == 0)
            return q->query[i].value;
    return preset;
}

bool request_number(struct request *q, const char *name, uint32_t max, uint32_t preset,
                    uint32_t *out)
{
    const char *text = request_query(q, name, NULL);
    unsigned long v;
    char *end;

    *out = preset;
    if (!text)
        return true;
    errno = 0;
    v = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && v <= max) {
        *out = (uint32_t)v;
        return true;
    }
    reply_problem(&q->reply, 422, "wrong_value", name, "it is not a number in its range");
    return false;
}

bool request_page(struct request *q, uint32_t max, uint32_t *out)
{
    if (!request_number(q, "page", max, 1, out))
        return false;
    if (*out > 0)
        return true;
    reply_problem(&q->reply, 422, "wrong_value", "page", "the first page is 1");
    return false;
}

const char *request_text(struct request *q, const char *name, size_t max)
{
    json_t *j = json_object_get(q->json, name);

    if (!j || json_is_null(j))
        return "";
    if (json_is_string(j) && json_string_length(j) <= max &&
        strlen(json_string_value(j)) == json_string_length(j))
        return json_string_value(j);
    reply_problem(&q->reply, 422, "wrong_value", name,
                  "it is not a text, or it is too long");
    return NULL;
}

/* The depth of brackets outside of strings; the parser itself would recurse. */
static bool is_deep(const char *text, size_t n)
{
    unsigned depth = 0;
    bool quoted = false;
    size_t i;

    for (i = 0; i < n; i++) {
        char c = text[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > REQUEST_DEPTH)
            return true;
    }
    return false;
}

bool request_parse(struct request *q)
{
    json_error_t e;

    if (q->body.len > 0 && !is_deep(buf_bytes(&q->body), q->body.len))
        q->json =
            json_loadb(buf_bytes(&q->body), q->body.len, JSON_REJECT_DUPLICATES, &e);
    if (json_is_object(q->json))
        return true;
    reply_problem(&q->reply, 400, "not_json", NULL,
                  "the body is not one object of JSON, at most 8 deep");
    return false;
}

struct audit_actor request_actor(const struct request *q, const char *reason)
{
    return (struct audit_actor){q->who.user, "console", q->peer, reason};
}

void request_db_failed(struct request *q, int rc, const struct sqldb *db)
{
    const char *text = sqldb_error(db);
    bool read_only = strstr(text, "(1290)") || strstr(text, "(1792)") ||
                     strstr(text, "(1836)") || strstr(text, "(1047)");

    if (rc == -EDEADLK)               /* five repetitions have met another change, too */
        rc = -EIO;
    if (rc == -ENOMEM)
        reply_problem(&q->reply, 500, "no_memory", NULL, NULL);
    else if (rc == -EINPROGRESS)
        reply_problem(&q->reply, 503, "unknown_result", NULL,
                      "the connection was lost at COMMIT: see the changes");
    else if (read_only)
        reply_problem(&q->reply, 503, "db_read_only", NULL, NULL);
    else
        reply_problem(&q->reply, 503, rc == -EIO ? "db_error" : "db_down", NULL, NULL);
}

void request_answer_list(struct request *q, const struct request_env *env, int rc,
                         json_t *list)
{
    if (rc == 0) {
        reply_json(&q->reply, 200, json_pack("{s:o}", "items", list));
        return;
    }
    json_decref(list);
    request_db_failed(q, rc, env->db);
}

void request_answer_change(struct request *q, const struct request_env *env, int rc,
                           unsigned status, const char *why)
{
    if (rc == -EINVAL)
        reply_problem(&q->reply, 422, "refused", NULL, why);
    else if (rc < 0)
        request_db_failed(q, rc, env->db);
    else
        reply_empty(&q->reply, status);
}

void request_free(struct request *q)
{
    if (!q)
        return;
    buf_free(&q->body);
    json_decref(q->json);
    reply_free(&q->reply);
    free(q->made);
    free(q);
}
