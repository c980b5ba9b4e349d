/* ownnet -- a network of its own for a test program: a namespace with the loopback device
 * up, and one more address on it, which is no loopback address.  It needs root, and it is
 * gone when the program ends.  Thread: the only one. */
#ifndef LARS_TEST_LIB_OWNNET_H
#define LARS_TEST_LIB_OWNNET_H

#include <stdbool.h>

#define OWNNET_ADDRESS "10.99.0.1"

/* Enter the namespace; programs that are started later are in it too.  False: this user
 * may not create one, and why is printed as "skipped: ...". */
bool ownnet_enter(void);

#endif
