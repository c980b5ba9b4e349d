/* One node out of two is half of a module and still an everyday change, so shares count
 * from two nodes on.  The limit over all modules catches what the limit of each module
 * cannot: a statement that removes a little from every module.
 *
 * Rejected: limits in the configuration.  larsctl and every DNSService must judge alike,
 * or a change that one lets pass is held by another. */
#include "route/mass_removal.h"

#define FEW 2u                        /* fewer nodes than this are judged by no share */

bool mass_removal_of_module(uint64_t had, uint64_t gone, uint64_t left)
{
    if (gone == 0)
        return false;
    return left == 0 || (gone >= FEW && gone * 2 > had);
}

bool mass_removal_of_all(uint64_t had, uint64_t gone)
{
    return gone >= FEW && gone * 100 >= had * MASS_REMOVAL_ALL_PERCENT;
}
