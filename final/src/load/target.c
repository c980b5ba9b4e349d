/* Names are not resolved: a load that meets another server than the one that was meant
 * is the worst error a generator can make, and a numeric address shows where it goes.
 * The name that the server expects is sent with --host. */
#include "load/target.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SCHEME "http://"

bool target_is_host(const char *name)
{
    const char *p;

    for (p = name; *p; p++)
        if (!strchr(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]",
                *p))
            return false;
    return strlen(name) < TARGET_HOST;
}

const char *target_parse(struct target *out, const char *url)
{
    char at[TARGET_HOST];
    size_t len, name = strlen("localhost");
    const char *path;

    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
        return "the URL must begin with http://; TLS is not supported";
    url += strlen(SCHEME);
    len = strcspn(url, "/?#");
    path = url + len;
    if (len >= sizeof(at))
        return "the address in the URL is too long";
    snprintf(out->host, sizeof(out->host), "%.*s", (int)len, url);
    if (strncmp(url, "localhost:", name + 1) == 0)
        snprintf(at, sizeof(at), "127.0.0.1%s", out->host + name);
    else
        snprintf(at, sizeof(at), "%s", out->host);
    if (net_addr_parse(&out->to, at) < 0 || out->to.port == 0)
        return "the URL must have a numeric address and a port, such as "
               "http://127.0.0.1:8080/; give the name of the site with --host";
    if (*path && !path_list_is_path(path))
        return "the path of the URL must begin with / and have neither blanks nor "
               "characters outside ASCII; write them as %XX";
    snprintf(out->path, sizeof(out->path), "%s", *path ? path : "/");
    return NULL;
}

bool target_is_loopback(const struct target *t)
{
    static const uint8_t one[16] = {[15] = 1};

    return t->to.family == AF_INET ? t->to.ip[0] == 127
                                   : memcmp(t->to.ip, one, sizeof(one)) == 0;
}
