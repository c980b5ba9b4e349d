/* httppeer.h -- plays an HTTP client or server for a test, and checks Prometheus text.  A
 * failure fails the test.  Thread: any, one for each struct httpreply. */
#ifndef LARS_TEST_LIB_HTTPPEER_H
#define LARS_TEST_LIB_HTTPPEER_H

#include <sys/socket.h>
#include <sys/types.h>

#include "../peer.h"

struct httpreply {
    int status;
    size_t len;                       /* bytes in body */
    char text[65536];                 /* the whole reply, ended by '\0' */
    const char *body;                 /* in text */
};

/* Sends one request without a body on <fd>. */
void httppeer_ask(int fd, const char *method, const char *path);

/* Reads a reply until the other side closes the connection. */
void httppeer_read(int fd, struct httpreply *r);

/* GET <path> from 127.0.0.1:<port>. */
void httppeer_get(int port, const char *path, struct httpreply *r);

/* Starts a child process that answers every request with the body "hello\n" and status
 * <*status> (NULL: 200), on a port of 127.0.0.1 that is stored in <*port>.  It ends with
 * the test program; the caller may kill it before.  Returns its pid. */
pid_t httppeer_serve(int *port, const _Atomic int *status);

/* The value of metric <name> in a reply; fails when the reply does not have it. */
double httppeer_value(const struct httpreply *r, const char *name);

/* Fails unless <text> consists of HELP, TYPE and samples for each metric, has each name
 * once, and exactly the counters have names that end in _total.  Returns the number of
 * metrics. */
int httppeer_check_text(const char *text);

#endif
