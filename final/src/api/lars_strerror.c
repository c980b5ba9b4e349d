#include <errno.h>

#include "api/lars_strerror.h"
#include "base/err.h"

const char *lars_strerror_of(int rc)
{
    switch (rc < 0 ? rc : 0) {
    case 0:
        return "well";
    case -EAGAIN:
        return "every node is overloaded: do not call now";
    case -ENOENT:
        return "the module has no nodes, or is not known yet";
    case -EIO:
        return "the agent has a trouble of its own: see its log";
    case -ETIMEDOUT:
        return "the agent does not answer and its file does not know the module";
    case -EALREADY:
        return "the call was reported before, or has timed out";
    case -EINVAL:
        return "module 0/0, an option that is none, or no client and no call";
    case -EINPROGRESS:
        return "not in shared memory yet: register the module where one may wait";
    case -ECANCELED:
        return "no attempt is left, or the call must not be made twice";
    case -ETIME:
        return "the time of the request is over";
    case -EDQUOT:
        return "the budget of retries is used up: most calls fail";
    case -E2BIG:
        return "more nodes than there is room for";
    default:
        return err_text(rc);
    }
}
