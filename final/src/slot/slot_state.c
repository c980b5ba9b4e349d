#include "slot/slot_state.h"

const char *slot_state_name(enum slot_state s)
{
    switch (s) {
    case SLOT_EMPTY:
        return "empty";
    case SLOT_STARTING:
        return "starting";
    case SLOT_READY:
        return "ready";
    case SLOT_SICK:
        return "sick";
    case SLOT_FAILED:
        return "failed";
    case SLOT_STOPPING:
        return "stopping";
    default:
        return "unknown";
    }
}
