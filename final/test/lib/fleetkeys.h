/* fleetkeys -- keys of a fleet for a test.  A failure fails the test.  Thread: any. */
#ifndef LARS_TEST_LIB_FLEETKEYS_H
#define LARS_TEST_LIB_FLEETKEYS_H

#include "fleet/fleet_keys.h"

/* The keys in the lines of <text>, read from a file that is gone afterwards.  The caller
 * frees them. */
struct fleet_keys *fleetkeys_read(const char *text);

#endif
