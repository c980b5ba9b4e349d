/* The client library of the database takes any text: with an empty host it connects to a
 * socket of its own choice, and "db1:3306" it looks up as a name.  Such values are
 * refused here, before a program starts that could never reach its database.
 *
 * Rejected: resolving the name, because a host that is down or a name server that is away
 * is no error of the configuration. */
#include "db/dbconf.h"

#include <stdbool.h>
#include <string.h>

#include "db/endpoints.h"

static bool is_host(const char *host)
{
    static const char of_host[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";

    return host[0] && host[strspn(host, of_host)] == '\0';
}

const char *dbconf_wrong_value(const struct dbconf *d)
{
    const char *colon = strchr(d->host, ':');
    struct endpoints to;

    if (!d->user[0])
        return "[db] user must not be empty";
    if (!d->name[0])
        return "[db] name must not be empty: it is the name of the database";
    if (d->socket[0])
        return NULL;
    if (d->endpoints[0])
        return endpoints_parse(&to, d->endpoints);
    if (colon && !strchr(colon + 1, ':'))
        return "[db] host must be a name or an address without a port; write the port "
               "into [db] port";
    if (!is_host(d->host))
        return "[db] host must be a name or an address, such as 127.0.0.1, when [db] "
               "socket is empty";
    return NULL;
}
