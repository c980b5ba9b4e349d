/* server_list -- the addresses of servers that a configuration names.  Thread: any. */
#ifndef LARS_NET_SERVER_LIST_H
#define LARS_NET_SERVER_LIST_H

#include "net/tcpcli.h"

#define SERVER_LIST_LEN 400 /* bytes of a list with its final 0 */

/* Append the addresses of <list>, "IP:PORT IP:PORT" with blanks or commas between them,
 * to the <n> that <at> has.  Returns how many there are then; -EINVAL: an address is
 * wrong, there are more than TCPCLI_MAX_ADDRS, or <list> is too long. */
int server_list_add(struct net_addr at[TCPCLI_MAX_ADDRS], int n, const char *list);

#endif
