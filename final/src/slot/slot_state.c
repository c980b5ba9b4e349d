#include "slot/slot_state.h"

#include "proto/msg_slot.h"
#include "slot/program_build.h"

_Static_assert(SLOT_MAX == MSG_SLOT_MAX && SLOT_NOTE == MSG_SLOT_NOTE, "message 41");
_Static_assert(SLOT_BUILD == PROGRAM_BUILD && SLOT_BUILD <= MSG_SLOT_BUILD, "its field");
_Static_assert((int)SLOT_STARTING == MSG_SLOT_STARTING &&
                   (int)SLOT_STOPPING == MSG_SLOT_STOPPING,
               "the numbers of message 41");

const char *slot_state_name(enum slot_state s)
{
    return s == SLOT_EMPTY ? "empty" : msg_slot_state_name((uint32_t)s);
}
