/* A list that is too long is refused and not cut, because half an address can be another
 * valid one. */
#include "net/server_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int server_list_add(struct net_addr at[TCPCLI_MAX_ADDRS], int n, const char *list)
{
    char copy[SERVER_LIST_LEN], *word, *save = NULL;

    if (strlen(list) >= sizeof(copy))
        return -EINVAL;
    snprintf(copy, sizeof(copy), "%s", list);
    for (word = strtok_r(copy, " ,", &save); word; word = strtok_r(NULL, " ,", &save))
        if (n == TCPCLI_MAX_ADDRS || net_addr_parse(&at[n++], word) < 0)
            return -EINVAL;
    return n;
}
