/* onestate.h -- one node_state that a test moves by checks.  Thread: that of the test. */
#ifndef LARS_TEST_ONESTATE_H
#define LARS_TEST_ONESTATE_H

#include "lb/health.h"
#include "lb/node_state.h"
#include "t.h"

static struct node_state n;
static const struct node_state_config *const c = &health_preset.state;
static bool may_hold, may_try, unproven; /* what the next checks carry */

static inline int setup(void **state)
{
    (void)state;
    n = (struct node_state){0};
    may_hold = may_try = true;
    unproven = false;
    return 0;
}

/* A check that succeeds, and one that fails. */
static inline enum node_event good(enum node_check kind, uint64_t now_ms)
{
    const struct node_result r = {true, kind, may_hold, may_try, unproven};

    return node_state_checked(&n, c, &r, now_ms);
}

static inline enum node_event fails(uint64_t now_ms)
{
    const struct node_result r = {false, NODE_CHECK_PORT, may_hold, may_try,
                                  unproven};

    return node_state_checked(&n, c, &r, now_ms);
}

#endif
