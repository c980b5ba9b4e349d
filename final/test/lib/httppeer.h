/* httppeer -- an HTTP client that writes and reads plain bytes, and a check of Prometheus
 * text.  Every failure fails the running test.  Thread: the test's. */
#ifndef LARS_TEST_HTTPPEER_H
#define LARS_TEST_HTTPPEER_H

#include <ctype.h>

#include <sys/prctl.h>
#include <sys/socket.h>

#include "net/sock.h"
#include "../peer.h"

struct httpreply {
    int status;
    size_t len;                       /* of body */
    char text[65536];                 /* all of it */
    const char *body;
};

/* Send a request without a body on the connected socket <fd>. */
void httppeer_ask(int fd, const char *method, const char *path);

/* Start a child process that answers every request with "hello" and the status <*status>
 * (NULL: 200), on 127.0.0.1 and the port that <*port> receives.  The child ends with the
 * test, or when it is killed. */
pid_t httppeer_serve(int *port, const _Atomic int *status);

/* Read the reply until the server closes.  The caller closes <fd>.  Fails the test when
 * there is no HTTP reply. */
void httppeer_read(int fd, struct httpreply *r);

/* GET <path> from 127.0.0.1:<port>. */
void httppeer_get(int port, const char *path, struct httpreply *r);

/* The value of the metric <name>; the test fails when it is not there. */
double httppeer_value(const struct httpreply *r, const char *name);

/* Check Prometheus text: HELP, TYPE and the samples of each name, each name once; names
 * that end in _total, and only those, are counters.  Returns the number of names. */
int httppeer_check_text(const char *text);

#endif
