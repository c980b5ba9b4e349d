/* daemon -- what every daemon of Lars does in the same way: signals, the main event loop,
 * the level of the log, the listening port and the words about a failed start.  One for
 * each process, in main(); everything else the program creates between daemon_init() and
 * daemon_run() and destroys before daemon_fini(). */
#ifndef LARS_OBS_DAEMON_H
#define LARS_OBS_DAEMON_H

#include <stdint.h>

#include "base/net_addr.h"
#include "net/evloop.h"
#include "net/evsig.h"
#include "obs/fd_watch.h"
#include "obs/loglevel.h"

struct daemon {
    const char *name;                 /* "lars-dnsd"; its log events are dnsd.stop ... */
    struct evloop *loop;              /* runs in daemon_run() */
    struct evsig *sig;
    struct loglevel *level;
    struct fd_watch *fds;
    uint64_t fd_limit;                /* descriptors that the process may have */
};

/* Ignore SIGPIPE and SIGHUP; raise the limit of descriptors to the hard one; create the
 * loop, which SIGINT and SIGTERM will end; watch the number of descriptors (fd_watch.h);
 * set the level of the log to <level>, and watch
 * SIGUSR1 and SIGUSR2 (loglevel.h).  Borrows <name>. Returns 0, or -errno after a line on
 * standard error; daemon_fini() is needed in both cases.  Thread: init, before other
 * threads exist: they inherit the mask of signals. */
int daemon_init(struct daemon *d, const char *name, const char *level);

/* The program may have up to <n> descriptors at once: logs a warning when the limit is
 * lower. */
void daemon_need_fds(const struct daemon *d, uint64_t n);

/* Print "listening on ADDRESS:PORT" on standard output, when everything has started; does
 * not wait for its reader. */
void daemon_print_address(const struct net_addr *at);

/* Listen on the TCP port <port> of <address>.  Returns the non-blocking socket, or -errno
 * after a line on standard error. */
int daemon_listen(const struct daemon *d, const char *address, uint32_t port);

/* Print "NAME: <what>: the words for <rc>" and how to mend it, on standard error.  <what>
 * names the part that could not start.  Returns <rc>. */
int daemon_failed(const struct daemon *d, int rc, const char *what);

/* What an operator can do about <rc>, an -errno of a start: a static string. */
const char *daemon_mend(int rc);

/* Check the values that each daemon has: <http> is [http] listen, <level> [log] level.
 * <at> is the TCP port of the daemon; NULL = it has none.  Returns NULL, or a static
 * sentence that names the key that is wrong. */
const char *daemon_wrong_value(const char *http, const char *level,
                               const struct net_addr *at);

/* Run the loop until SIGINT or SIGTERM.  Returns 0 or -errno. */
int daemon_run(struct daemon *d);
void daemon_fini(struct daemon *d);

#endif
