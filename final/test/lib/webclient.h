/* webclient.h -- a browser for tests of lars-console: requests written byte by byte, so
 * that each header can be wrong or missing.  Thread: that of the test. */
#ifndef LARS_TEST_LIB_WEBCLIENT_H
#define LARS_TEST_LIB_WEBCLIENT_H

#include <jansson.h>

#include "httppeer.h"

struct webclient {
    int port;
    char token[100];                  /* of the cookie; "" = none */
    char csrf[100];
};

/* The last reply, and its body when that is JSON; NULL = none. */
extern struct httpreply web_reply;
extern json_t *web_json;

/* Sends <n> bytes and reads what comes until the other side closes the connection.
 * Returns the status; 0: closed without an answer. */
int web_raw(int port, const char *bytes, size_t n);

/* The reply is the first <n> bytes of web_reply.text, which another client has written.
 * Returns the status. */
int web_take(size_t n);

/* As the pages do it: with our Origin, token and type.  <body> may be NULL. */
int web(const struct webclient *c, const char *method, const char *path,
        const char *body);

/* The same with these lines of headers, each ended by "\r\n", in place of them. */
int web_with(const struct webclient *c, const char *method, const char *path,
             const char *headers, const char *body);

/* Only the status: for answers that have no end. */
int web_status(const struct webclient *c, const char *method, const char *path,
               const char *body);

/* A stream of events that is open; its headers are read.  The caller closes it. */
int web_stream(const struct webclient *c, const char *path);

/* Log in.  Returns the status; <c> has the session when it is 200. */
int web_login(struct webclient *c, const char *user, const char *password);

/* The value of a header of the last reply; "" = none.  Static. */
const char *web_header(const char *name);

/* Text and number at a member of the last body. */
const char *web_text(const char *member);
long long web_number(const char *member);

void web_forget(void);                /* frees web_json */

#endif
