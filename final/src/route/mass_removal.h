/* mass_removal -- when does a change remove so many nodes that it is more likely a
 * mistake than a wish?  DNSService holds such a change, and larsctl asks before it makes
 * one. Pure.  Thread: any. */
#ifndef LARS_ROUTE_MASS_REMOVAL_H
#define LARS_ROUTE_MASS_REMOVAL_H

#include <stdbool.h>
#include <stdint.h>

#define MASS_REMOVAL_ALL_PERCENT 30

/* A module had <had> nodes, loses <gone> of them and has <left> afterwards, new ones
 * included.  True when it loses any and none is left, or when it loses two or more that
 * are more than half. */
bool mass_removal_of_module(uint64_t had, uint64_t gone, uint64_t left);

/* All modules together had <had> nodes and lose <gone> of them.  True for two or more
 * that are MASS_REMOVAL_ALL_PERCENT or more. */
bool mass_removal_of_all(uint64_t had, uint64_t gone);

#endif
