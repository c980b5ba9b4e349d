/* fd_limit -- the number of descriptors that this process may have open.
 * Thread: init. */
#ifndef LARS_BASE_FD_LIMIT_H
#define LARS_BASE_FD_LIMIT_H

#include <stdint.h>

/* Raises the soft limit (RLIMIT_NOFILE) to the hard one.  Returns the limit that holds
 * now. */
uint64_t fd_limit_raise(void);

#endif
