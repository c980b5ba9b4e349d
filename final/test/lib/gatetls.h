/* gatetls.h -- lars-gateway of gatefix.h with a TLS port, and visitors who use it.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_GATETLS_H
#define LARS_TEST_LIB_GATETLS_H

#include "gatefix.h"
#include "tlspeer.h"

/* Format of the lines of [gateway]: folders of cert.pem and of key.pem, more lines. */
#define GATETLS_CONF                                                                     \
    "tls_listen = 127.0.0.1:0\ncert = %s/cert.pem\nkey = %s/key.pem\n"                   \
    "idle_ms = 20000\n%s"

/* Format of a request, after which the gateway closes: its target. */
#define GATETLS_GET "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

struct gatetls {
    int port;
    struct httpreply reply; /* the last one: its text */
};

extern struct gatetls gatetls;

const char *gatetls_file(const char *name); /* its path; valid for three more calls */
void gatetls_start(const char *more); /* with these lines of [gateway] */

/* Read until the gateway ends the connection; it has to say close_notify.  Returns the
 * status. */
int gatetls_read_all(struct tlspeer *p);

/* Request <target> on <p>, or on a connection of its own.  Returns the status. */
int gatetls_get_by(struct tlspeer *p, const char *target);
int gatetls_get(const char *target);

#endif
