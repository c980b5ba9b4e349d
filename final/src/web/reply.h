/* reply -- the answer to a request: JSON, a problem (RFC 9457), or nothing.  Thread: the
 * one that has the request. */
#ifndef LARS_WEB_REPLY_H
#define LARS_WEB_REPLY_H

#include <jansson.h>
#include <stddef.h>

#define REPLY_HEADERS 4

struct reply {                        /* zeroed = none yet */
    unsigned status;
    const char *type;                 /* static */
    char *text;                       /* owned: malloc(); NULL = no body */
    size_t len;
    struct {
        const char *name;             /* static */
        char value[256];
    } header[REPLY_HEADERS];
    unsigned n_header;
};

/* Takes <j>; NULL is "out of memory": 500. */
void reply_json(struct reply *r, unsigned status, json_t *j);
/* 204, or 201 and so on without a body. */
void reply_empty(struct reply *r, unsigned status);
/* A problem that the page words: <code> such as "db_down"; <field> is the member of the
 * body that is wrong, or NULL; <why> is a sentence for programs, or NULL. */
void reply_problem(struct reply *r, unsigned status, const char *code, const char *field,
                   const char *why);
void reply_header(struct reply *r, const char *name, const char *value);
void reply_free(struct reply *r);

#endif
