/* role -- what a program of Lars is, as its certificate tells it to the others.  A
 * certificate can have several roles, for the programs of one host.  Thread: any. */
#ifndef LARS_BASE_ROLE_H
#define LARS_BASE_ROLE_H

#include <stddef.h>

enum role {
    ROLE_AGENT = 1u << 0,
    ROLE_DNSD = 1u << 1,
    ROLE_REPORTD = 1u << 2,
    ROLE_CONSOLE = 1u << 3,
    ROLE_AUTOSCALER = 1u << 4,
    ROLE_GATEWAY = 1u << 5,
    ROLE_SLOTS = 1u << 6,
    ROLE_LARSCTL = 1u << 7,
    ROLE_ALL = (1u << 8) - 1,
};

#define ROLE_NAMES 96 /* bytes of all names with blanks between them, and the final 0 */

/* The role that is called <name>, which has <len> bytes; 0 = none is. */
unsigned role_of(const char *name, size_t len);

/* Writes the names of <roles>, a set, or "none".  Returns <out>. */
const char *role_names(unsigned roles, char out[ROLE_NAMES]);

#endif
