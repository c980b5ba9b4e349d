/* httpd -- /metrics and /healthz of a daemon, served by libmicrohttpd from our own event
 * loop: no thread of its own, at most a few connections, nothing else is there.
 *     GET /metrics     what <collect> writes, and the process's own values
 *     GET /healthz     200 "ok", or 503 and why, as <health> says */
#ifndef LARS_OBS_HTTPD_H
#define LARS_OBS_HTTPD_H

#include <stddef.h>

#include "net/evloop.h"
#include "obs/metrics.h"

#define HTTPD_WHY_MAX 200

struct httpd;

struct httpd_config {
    void (*collect)(struct metrics *m, void *arg);
    /* 0, or -1 after <why> has the reason (HTTPD_WHY_MAX bytes, no line end). */
    int (*health)(char *why, void *arg);
    void *arg;                        /* borrowed */
};

/* Listen at <where>, "ADDRESS:PORT"; "" = nowhere: *out is NULL, and that is fine.
 * Copies <cfg>.  Returns 0; -EINVAL when <where> is no address; -EADDRINUSE ...;
 * -ENOMEM, -EIO. Thread: loop, or init before it runs. */
int httpd_create(struct httpd **out, struct evloop *l, const char *where,
                 const struct httpd_config *cfg);
uint16_t httpd_port(const struct httpd *h);
void httpd_destroy(struct httpd *h);  /* NULL is fine */

#endif
