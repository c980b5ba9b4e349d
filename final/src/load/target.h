/* target -- the server that is loaded, from a URL.  Pure.  Thread: any. */
#ifndef LARS_LOAD_TARGET_H
#define LARS_LOAD_TARGET_H

#include <stdbool.h>

#include "base/net_addr.h"
#include "load/path_list.h"

#define TARGET_HOST 256

struct target {
    struct net_addr to;
    char host[TARGET_HOST];               /* as in the URL: the field Host */
    char path[PATH_LIST_PATH];            /* "/" when the URL has none */
};

/* Read "http://ADDRESS:PORT/PATH"; ADDRESS is an IPv4 address, an IPv6 address in
 * brackets, or localhost, which is 127.0.0.1.  Returns NULL, or a sentence that says what
 * is wrong: static. */
const char *target_parse(struct target *out, const char *url);

bool target_is_loopback(const struct target *t); /* 127.0.0.0/8 or ::1 */

/* Whether <name> may stand in the field Host; "" may. */
bool target_is_host(const char *name);

#endif
