/* dbconf -- the [db] section that every program with a database has. */
#ifndef LARS_DB_DBCONF_H
#define LARS_DB_DBCONF_H

#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "db/myconn.h"

struct dbconf {
    char socket[108], host[64], user[33], password[65], name[65];
    uint32_t port, timeout_s;
    char endpoints[512];
};

/* The rows of a conf_key table for a struct dbconf that lies at offset <at>. */
#define DBCONF_TEXT(at, field, preset, help)                                             \
    {                                                                                    \
        "db", #field, CONF_TEXT, (at) + offsetof(struct dbconf, field), 0,               \
            sizeof(((struct dbconf *)0)->field), preset, help                            \
    }
#define DBCONF_U32(at, field, min, max, preset, help)                                    \
    {                                                                                    \
        "db", #field, CONF_U32, (at) + offsetof(struct dbconf, field), min, max, preset, \
            help                                                                         \
    }
#define DBCONF_KEYS(at)                                                                  \
    DBCONF_TEXT(at, socket, "",                                                          \
                "the Unix socket of the database server; empty: endpoints"),             \
        DBCONF_TEXT(at, endpoints, "",                                                   \
                    "the servers of the same database, the one of this zone first, as "  \
                    "ADDRESS:PORT or the path of a socket, with spaces between them; "   \
                    "empty: host and port"),                                             \
        DBCONF_TEXT(at, host, "127.0.0.1", "the host of the database server"),           \
        DBCONF_U32(at, port, 1, 65535, "3306", "the TCP port of the database server"),   \
        DBCONF_TEXT(at, user, "lars", "the user that connects"),                         \
        DBCONF_TEXT(at, password, "lars", "the password of the user"),                   \
        DBCONF_TEXT(at, name, "lars_dns", "the name of the database"),                   \
        DBCONF_U32(at, timeout_s, 1, 60, "3",                                            \
                   "seconds that a connect, a statement or a write may take; a "         \
                   "lock wait ends earlier")

/* Returns NULL, or a static sentence that names the key that is wrong.  Thread: any. */
const char *dbconf_wrong_value(const struct dbconf *d);

/* Borrows from <d>. */
static inline struct myconn_config dbconf_myconn(const struct dbconf *d)
{
    return (struct myconn_config){d->socket,   d->host, d->port,      d->user,
                                  d->password, d->name, d->timeout_s, d->endpoints};
}

#endif
