/* slot_state -- what runs in a slot of this host, as lars-slotd tells the Report Service.
 * A slot is a place for one node; slot k of a host listens on first_port + k - 1.
 * Thread: any. */
#ifndef LARS_SLOT_SLOT_STATE_H
#define LARS_SLOT_SLOT_STATE_H

#include <stdint.h>

#define SLOT_MAX 256 /* slots of a host */
#define SLOT_NOTE 128 /* bytes with the final 0 */
#define SLOT_BUILD 17 /* the same; program_build.h */

/* The numbers are those of message 41, the names those of ScaleSlot.state. */
enum slot_state {
    SLOT_EMPTY = 0, /* nothing runs; it is not told */
    SLOT_STARTING = 1, /* runs, but has not passed its check yet */
    SLOT_READY = 2, /* passes its check */
    SLOT_SICK = 3, /* was ready, and does not pass its check */
    SLOT_FAILED = 4, /* could not be started, or ended by itself */
    SLOT_STOPPING = 5, /* has got the signal to end, and runs still */
};

struct slot_status {
    uint32_t slot; /* 1 to the number of slots */
    uint32_t modid, cmdid; /* the module of its node */
    uint32_t port; /* on which the node listens */
    uint32_t pid; /* 0 = there is no process */
    enum slot_state state;
    uint32_t starts; /* attempts for this order */
    uint64_t since_ms; /* mono_ms() when it came into this state */
    char note[SLOT_NOTE]; /* why it failed; "" = there is nothing to say */
    char build[SLOT_BUILD]; /* of the program that runs; "" = not known */
};

/* "empty", "starting" and so on; "unknown" for another number.  A static string. */
const char *slot_state_name(enum slot_state s);

#endif
