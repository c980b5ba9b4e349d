/* loop_rule -- how many loops should accept visitors, from the load of those that do:
 * above 60 % of a processor for 2 s twice as many, below 25 % for 300 s one fewer.
 * Thread: any, one for each struct. */
#ifndef LARS_GATEWAY_LOOP_RULE_H
#define LARS_GATEWAY_LOOP_RULE_H

#include <stdint.h>

struct loop_rule {                        /* zeroed at the start */
    uint64_t high_ms, low_ms;             /* since when; 0 = it is not so */
};

/* Returns how many loops of 1 to <most> should accept, when <n> do and their mean load is
 * <permille> at <now_ms> > 0. */
unsigned loop_rule_next(struct loop_rule *r, unsigned n, unsigned most, uint32_t permille,
                        uint64_t now_ms);

#endif
