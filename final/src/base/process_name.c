#include "base/process_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int is_allowed(char c)
{
    return isalnum((unsigned char)c) || (c && strchr(".-_/:[]", c));
}

const char *process_name_of(char out[PROCESS_NAME_MAX], const struct net_addr *at)
{
    char host[65] = "", addr[NET_ADDR_STRLEN], *c;

    if (gethostname(host, sizeof(host) - 1) == -1 || !host[0])
        snprintf(host, sizeof(host), "localhost");
    for (c = host; *c; c++)
        if (!is_allowed(*c) || *c == '/')
            *c = '_';
    snprintf(out, PROCESS_NAME_MAX, "%.15s/%s", host, net_addr_str(at, addr));
    return out;
}

int process_name_is_valid(const char *name)
{
    size_t i;

    for (i = 0; name[i]; i++)
        if (i == PROCESS_NAME_MAX - 1 || !is_allowed(name[i]))
            return 0;
    return i > 0;
}
