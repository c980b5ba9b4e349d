/* askclient.h -- a browser with the TLS of libcurl, for tests of lars-console: each part
 * of a request can be another one.  Thread: that of the test. */
#ifndef LARS_TEST_LIB_ASKCLIENT_H
#define LARS_TEST_LIB_ASKCLIENT_H

#include <curl/curl.h>

#include "webclient.h"

struct ask {
    const char *method, *path, *body; /* body NULL = none */
    const char *scheme;               /* NULL = https */
    const char *origin;               /* NULL = that of the address */
    const char *from;                 /* the address of the client; NULL = any */
    const char *headers[6];           /* more of them */
    long version;                     /* CURL_SSLVERSION_...; 0 = any */
    const char *until;                /* end when this has come; NULL = at the end */
};

extern int ask_port;                  /* of 127.0.0.1 */
extern char ask_ca[160];              /* the file of the certificate that is trusted */
extern CURLcode ask_result;           /* of the last request */

/* Sends it, and reads the answer into web_reply.  Returns the status; 0: there is no
 * answer, and <ask_result> has the reason. */
int ask(struct ask a);

#define GET(...) ask((struct ask){.method = "GET", __VA_ARGS__})
#define POST(...) ask((struct ask){.method = "POST", __VA_ARGS__})

/* The header "Cookie: ..." with what the last answer has set.  Static. */
const char *ask_cookie(void);

#endif
