/* dbconf -- the section [db] of the configuration, the same in every program that uses
 * the database.  A program has a struct dbconf in its settings and DBCONF_KEYS in its
 * table of keys.  Thread: any. */
#ifndef LARS_DB_DBCONF_H
#define LARS_DB_DBCONF_H

#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "db/myconn.h"

struct dbconf {
    char socket[108], host[64], user[33], password[65], name[65];
    uint32_t port, timeout_s;
};

/* The rows for a table of conf_key, for a struct dbconf at offset <at>. */
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
    DBCONF_TEXT(at, socket, "", "path of the server's socket; empty = host and port"),   \
        DBCONF_TEXT(at, host, "127.0.0.1", "host name or address of the server"),        \
        DBCONF_U32(at, port, 1, 65535, "3306", "TCP port of the server"),                \
        DBCONF_TEXT(at, user, "lars", "user name for the login"),                        \
        DBCONF_TEXT(at, password, "lars", "password of that user"),                      \
        DBCONF_TEXT(at, name, "lars_dns", "name of the database"),                       \
        DBCONF_U32(at, timeout_s, 1, 60, "3", "seconds for each connect, read, write")

/* The configuration of the connection.  Its texts are borrowed from <d>. */
static inline struct myconn_config dbconf_myconn(const struct dbconf *d)
{
    return (struct myconn_config){d->socket,   d->host, d->port,     d->user,
                                  d->password, d->name, d->timeout_s};
}

#endif
