/* console -- the HTTP server of the console: takes requests, checks who asks and whether
 * the request may be answered, and gives it to its handler.  Thread: loop, or init before
 * it runs. */
#ifndef LARS_WEB_CONSOLE_H
#define LARS_WEB_CONSOLE_H

#include "db/myconn.h"
#include "net/evloop.h"
#include "obs/metrics.h"
#include "web/gateways.h"

struct console;

struct console_config {
    struct myconn_config db;          /* of a user that may write */
    struct myconn_config db_read;     /* of a user that may only read: for GET */
    const char *hosts;                /* names that a browser may use, with blanks */
    const char *trusted;              /* addresses of proxies, as proxy_list_parse() */
    const char *pages;                /* the folder of the front end */
    const char *cert, *key;           /* files in PEM; "" = no TLS */
    struct gateway_list gateways;
    const char *gateway_key_file;     /* signs commands to them; "" = none */
    unsigned workers;                 /* threads for requests that need the database */
};

/* Serve on the listening socket <lfd>, which it takes.  Without pages it answers the API
 * only, and logs why.  Returns 0; -EINVAL: cert, key or key_file cannot be used;
 * -ENOMEM, -EIO, -EAGAIN, -EMFILE. */
int console_create(struct console **out, struct evloop *l, int lfd,
                   const struct console_config *cfg);

/* Ends every request and stream.  NULL is fine. */
void console_destroy(struct console *c);

void console_collect(const struct console *c, struct metrics *m);
/* NULL, or a static sentence: the database has not been read for some time. */
const char *console_health(const struct console *c);

#endif
