/* A daemon that cannot start says in one line which part failed, for what reason and what
 * an operator can do.  The reason of most failures is an errno; the mend depends on both,
 * so the part names its configuration key, and this file adds the mend that follows from
 * the errno: descriptors, memory and permissions are mended alike whatever the part is.
 *
 * Rejected: exit() in here.  Each main() releases what it created, so that valgrind sees
 * every leak of a failed start as well. */
#include "obs/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd_limit.h"
#include "base/log.h"
#include "base/log_sink.h"
#include "base/sig.h"
#include "net/sock.h"

#define BACKLOG 1024
#define PREFIX "lars-" /* which log events leave out */

static void on_signal(int signo, void *arg)
{
    struct daemon *d = arg;
    size_t n = sizeof(PREFIX) - 1;
    char event[40];

    snprintf(event, sizeof(event), "%.30s.stop",
             d->name + (strncmp(d->name, PREFIX, n) == 0 ? n : 0));
    LOG_INFO(event, "signal=%d", signo);
    evloop_stop(d->loop);
}

int daemon_init(struct daemon *d, const char *name, const char *level)
{
    int rc;

    *d = (struct daemon){.name = name, .fd_limit = fd_limit_raise()};
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = evloop_create(&d->loop);
    if (rc == 0)
        rc = evsig_create(&d->sig, d->loop, on_signal, d);
    if (rc == 0)
        rc = loglevel_create(&d->level, d->loop, level);
    if (rc == 0)
        rc = fd_watch_create(&d->fds, d->loop);
    return rc < 0 ? daemon_failed(d, rc, "cannot create the main event loop") : 0;
}

void daemon_need_fds(const struct daemon *d, uint64_t n)
{
    if (d->fd_limit < n)
        LOG_WARN("fd.limit",
                 "limit=%llu wanted=%llu: raise LimitNOFILE of the unit, or `ulimit "
                 "-Hn`, or configure less; new connections will wait when none is left",
                 (unsigned long long)d->fd_limit, (unsigned long long)n);
}

/* Standard output may be the same pipe as the log, so it is not waited for either. */
void daemon_print_address(const struct net_addr *at)
{
    char text[NET_ADDR_STRLEN], line[NET_ADDR_STRLEN + 20];
    int n = snprintf(line, sizeof(line), "listening on %s\n", net_addr_str(at, text));

    log_sink_write(STDOUT_FILENO, line, (size_t)n);
}

int daemon_listen(const struct daemon *d, const char *address, uint32_t port)
{
    char text[NET_ADDR_STRLEN], what[NET_ADDR_STRLEN + 40];
    struct net_addr at;
    int lfd = net_addr_set(&at, address, (uint16_t)port);

    if (lfd == 0)
        lfd = sock_listen(&at, BACKLOG, SOCK_NONBLOCK);
    if (lfd < 0) {
        snprintf(what, sizeof(what), "cannot listen on %s", net_addr_str(&at, text));
        return daemon_failed(d, lfd, what);
    }
    return lfd;
}

const char *daemon_mend(int rc)
{
    switch (-rc) {
    case EADDRINUSE:
        return "another program has the port: `ss -ltnup` shows which; stop it, or "
               "configure another port";
    case EADDRNOTAVAIL:
        return "this host does not have the address: `ip addr` shows those it has";
    case EACCES:
    case EPERM:
        return "this user may not do it: change the owner or the mode, or use a port "
               "above 1023";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files (LimitNOFILE=, `ulimit -n`)";
    case ENOENT:
        return "create the folder, or configure another one";
    case EISDIR:
    case ENOTDIR:
        return "something else has that name: move it away, or configure another folder";
    case ENOSPC:
        return "free space there, or configure less";
    case ENOMEM:
        return "there is not enough memory";
    case EAGAIN:
        return "raise the limit of threads (TasksMax=, `ulimit -u`)";
    case EBUSY:
        return "another process of this program uses it: stop that one, or configure "
               "another folder";
    default:
        return "see docs/ref/errors.md";
    }
}

int daemon_failed(const struct daemon *d, int rc, const char *what)
{
    fprintf(stderr, "%s: %s: %s (%s); %s\n", d->name, what, err_text(rc), err_str(rc),
            daemon_mend(rc));
    return rc;
}

const char *daemon_wrong_value(const char *http, const char *level,
                               const struct net_addr *at)
{
    enum log_level parsed;
    struct net_addr h;

    if (loglevel_parse(level, &parsed) < 0)
        return LOGLEVEL_WRONG;
    if (http[0] && net_addr_parse(&h, http) < 0)
        return "[http] listen must be ADDRESS:PORT, such as 127.0.0.1:9880 or "
               "[::1]:9880, or empty";
    if (http[0] && at && h.port != 0 && net_addr_equal(&h, at))
        return "[http] listen is the port on which agents connect; configure another";
    return NULL;
}

int daemon_run(struct daemon *d)
{
    return evloop_run(d->loop);
}

void daemon_fini(struct daemon *d)
{
    fd_watch_destroy(d->fds);
    loglevel_destroy(d->level);
    evsig_destroy(d->sig);
    evloop_destroy(d->loop);
}
