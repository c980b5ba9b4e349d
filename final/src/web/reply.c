/* A problem has a code and no sentence for people: the page has the sentences, in the
 * language of its user.  <why> is for those who call the API with curl.
 *
 * Rejected: texts of the database in answers.  They name tables and hosts. */
#include "web/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void reply_free(struct reply *r)
{
    free(r->text);
    *r = (struct reply){.status = 0};
}

void reply_json(struct reply *r, unsigned status, json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

    json_decref(j);
    reply_free(r);
    r->status = text ? status : 500;
    r->type = "application/json";
    r->text = text;
    r->len = text ? strlen(text) : 0;
}

void reply_empty(struct reply *r, unsigned status)
{
    reply_free(r);
    r->status = status;
}

void reply_problem(struct reply *r, unsigned status, const char *code, const char *field,
                   const char *why)
{
    char text[512];
    json_t *j;

    snprintf(text, sizeof(text), "%s", why ? why : "");
    utf8_replace_broken(text);
    j = json_pack("{s:s,s:i,s:s,s:s*,s:s*}", "type", "about:blank", "status", (int)status,
                  "code", code, "field", field, "detail", why ? text : NULL);
    reply_json(r, status, j);
    r->type = "application/problem+json";
}

void reply_header(struct reply *r, const char *name, const char *value)
{
    if (r->n_header == REPLY_HEADERS)
        return;
    r->header[r->n_header].name = name;
    snprintf(r->header[r->n_header].value, sizeof(r->header[0].value), "%s", value);
    r->n_header++;
}
