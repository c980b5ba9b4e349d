#include <errno.h>

#include "api/lars_strerror.h"
#include "base/err.h"

const char *lars_strerror_of(int rc)
{
    switch (rc < 0 ? rc : 0) {
    case 0:
        return "success";
    case -EAGAIN:
        return "every node is overloaded: do not call now";
    case -ENOENT:
        return "the module has no nodes, or is not known yet";
    case -EIO:
        return "internal error of the agent: see its log";
    case -ETIMEDOUT:
        return "the agent does not answer, and its file does not have the module";
    case -EINTR:
        return "a signal handler ran during the wait";
    case -EPERM:
        return "another process began the call: it must report it";
    case -EBADF:
        return "no socket to the agent can be opened";
    case -EALREADY:
        return "the call was reported before, or its time-out has passed";
    case -EINVAL:
        return "invalid argument: module 0/0, a wrong option, or no open client or call";
    case -ENOTCONN:
        return "this process cannot use shared memory: lars_status() says why";
    case -EUSERS:
        return "the report is lost: this thread has no call log in shared memory";
    case -ENOBUFS:
        return "the report is lost: the agent does not read its socket";
    case -EINPROGRESS:
        return "not in shared memory yet: register the module in a thread that may wait";
    case -ECANCELED:
        return "no attempt is left, or the call must not be repeated";
    case -ETIME:
        return "the time of the request is over";
    case -EDQUOT:
        return "the retry budget is used up: most calls fail";
    case -E2BIG:
        return "there are more nodes than room for them";
    default:
        return err_text(rc);
    }
}
