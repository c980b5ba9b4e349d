/* roster_ports -- the ports that each role listens on, and who connects to them.
 * Thread: any. */
#ifndef LARS_ROSTER_ROSTER_PORTS_H
#define LARS_ROSTER_ROSTER_PORTS_H

#include "roster/roster.h"

enum roster_protocol { ROSTER_TCP, ROSTER_UDP, ROSTER_TCP_UDP };

/* Who connects: a set of 1 << enum roster_role, and of these. */
#define ROSTER_PORTS_FROM_OPERATORS (1u << 30)
#define ROSTER_PORTS_FROM_ANY (1u << 31) /* browsers, which may be anywhere */

struct roster_ports_row {
    const char *key; /* "port_dnsd"; NULL = it cannot be set */
    const char *what; /* "route service" */
    enum roster_role role;
    int port; /* enum roster_port; or -1: <fixed> */
    uint32_t fixed; /* also the preset of one that can be set */
    uint32_t n; /* ports in a row; 0 = as many as slots */
    uint32_t from; /* who connects; 0 = it listens on 127.0.0.1 */
    enum roster_protocol protocol;
};

/* Row <i>; NULL behind the last one. */
const struct roster_ports_row *roster_ports_at(unsigned i);

/* The ports of <row> on <h>.  Returns false when the host has none of them. */
bool roster_ports_of(const struct roster_host *h, const struct roster_ports_row *row,
                     uint32_t *first, uint32_t *last);

/* Programs of <from> connect to ports of <row>. */
bool roster_ports_reach(const struct roster_host *from,
                        const struct roster_ports_row *row);

#endif
