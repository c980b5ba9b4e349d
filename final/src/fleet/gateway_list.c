#include "fleet/gateway_list.h"

#include <errno.h>
#include <string.h>

#define BETWEEN " \t,"

int gateway_list_parse(struct gateway_list *out, const char *text)
{
    const char *p = text + strspn(text, BETWEEN);
    size_t n;

    out->n = 0;
    for (; *p; p += n + strspn(p + n, BETWEEN)) {
        char *to = out->address[out->n];
        struct net_addr a;
        unsigned i;

        n = strcspn(p, BETWEEN);
        if (out->n == GATEWAY_LIST_MAX || n >= NET_ADDR_STRLEN)
            return -EINVAL;
        memcpy(to, p, n);
        to[n] = '\0';
        if (net_addr_parse(&a, to) < 0 || a.port == 0)
            return -EINVAL;
        for (i = 0; i < out->n; i++)
            if (strcmp(out->address[i], to) == 0)
                return -EINVAL;
        out->n++;
    }
    return 0;
}
