/* slotrun.h -- the slots of one host in the loop of a test, with nodes of slotfix.h.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_SLOTRUN_H
#define LARS_TEST_LIB_SLOTRUN_H

#include "slotfix.h"

#include "../loop.h"

struct slotrun {
    struct evloop *loop;
    struct slots *slots; /* NULL: not created */
    struct slots_config cfg; /* of those that are created next */
    unsigned n_changes; /* calls of on_change */
    uint64_t fence; /* of slotrun_order() */
    struct slot_status at[SLOT_MAX];
};

extern struct slotrun slotrun;

/* 4 slots, which are not created; long limits, and short times between checks. */
int slotrun_setup(void **state);
int slotrun_teardown(void **state);

/* Creates the slots with module 20/1, which runs <script>, and with further lines. */
void slotrun_create(const char *script, const char *more);
void slotrun_create_again(const char *script, const char *more);

/* Orders module 20/<cmdid> for this slot, 0 = nothing, and nothing for the others. */
void slotrun_order(uint32_t slot, uint32_t cmdid);

/* The status of this slot, valid until the next call; all 0 when it is empty. */
const struct slot_status *slotrun_status(uint32_t slot);
bool slotrun_is(uint32_t slot, enum slot_state state);
bool slotrun_is_noted(uint32_t slot, const char *text);
struct slots_stat slotrun_stat(void);

#define SLOTRUN_TEST(fn)                                                                 \
    cmocka_unit_test_setup_teardown(fn, slotrun_setup, slotrun_teardown)

#endif
