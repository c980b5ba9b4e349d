/* The soft limit of 1,024 is there for programs that use select(2), which counts no
 * further; the daemons use epoll.  So they take what the administrator allows as the hard
 * limit. */
#include "base/fd_limit.h"

#include <sys/resource.h>

uint64_t fd_limit_raise(void)
{
    struct rlimit r = {0, 0};

    if (getrlimit(RLIMIT_NOFILE, &r) == -1)
        return 0;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) == -1)
        (void)getrlimit(RLIMIT_NOFILE, &r);
    return r.rlim_cur;
}
