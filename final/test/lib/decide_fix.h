/* decide_fix -- one module on which is decided in virtual time, a round a second. */
#ifndef LARS_TEST_LIB_DECIDE_FIX_H
#define LARS_TEST_LIB_DECIDE_FIX_H

#include "scale/decide.h"

extern struct decide_fix {
    struct decide_state *s;
    struct decide_input in;
    struct decide_output out;
    unsigned urgent, floor, plan, down; /* steps so far */
} decide_fix;

void decide_fix_begin(unsigned zones, unsigned wanted);
int decide_fix_end(void **state);

/* One round of a second.  The nodes that it orders are up after it, unless <starting>. */
void decide_fix_round(double load, bool starting);
void decide_fix_rounds(unsigned n, double load);

#endif
