/* The level is one number of the process, because base/log has one.  Signals arrive in
 * the main loop through signalfd(2): a handler could not call log_write(), which formats
 * the time.  net/evsig is not used here, because it is the students' module for SIGINT
 * and SIGTERM and ends the program.
 *
 * Rejected: SIGHUP as "read the configuration again".  It stays ignored, because a daemon
 * that is started from a terminal must survive its closing. */
#include "obs/loglevel.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct loglevel {
    struct evloop *loop;
    int fd;
    sigset_t before;                  /* the mask to restore */
};

static const char *const names[] = {"debug", "info", "warn", "error"};
static _Atomic int current = LOG_LEVEL_INFO;

int loglevel_parse(const char *name, enum log_level *out)
{
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *out = (enum log_level)i;
        return 0;
    }
    return -EINVAL;
}

const char *loglevel_name(enum log_level level)
{
    return names[level];
}

enum log_level loglevel_get(void)
{
    return (enum log_level)current;
}

void loglevel_set(enum log_level level, const char *by)
{
    enum log_level before = loglevel_get();

    if (level == before)
        return;
    log_set_level(level < before ? level : before);
    LOG_WARN("log.level", "from=%s to=%s by=%s", names[before], names[level], by);
    current = (int)level;
    log_set_level(level);
}

static void on_signal(int fd, uint32_t events, void *arg)
{
    enum log_level level = loglevel_get();
    struct signalfd_siginfo si;

    (void)events;
    (void)arg;
    if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
        return;
    if (si.ssi_signo == SIGUSR1 && level > LOG_LEVEL_DEBUG)
        loglevel_set(level - 1, "SIGUSR1");
    else if (si.ssi_signo == SIGUSR2 && level < LOG_LEVEL_ERROR)
        loglevel_set(level + 1, "SIGUSR2");
}

int loglevel_create(struct loglevel **out, struct evloop *l, const char *name)
{
    struct loglevel *s = calloc(1, sizeof(*s));
    enum log_level level = LOG_LEVEL_INFO;
    sigset_t set;
    int rc;

    if (!s)
        return -ENOMEM;
    loglevel_parse(name, &level);
    current = (int)level;
    log_set_level(level);
    s->loop = l;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    /* Blocked before signalfd(): in between, the default action would end the program. */
    pthread_sigmask(SIG_BLOCK, &set, &s->before);
    s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    rc = s->fd == -1 ? -errno : evloop_add_fd(l, s->fd, EPOLLIN, on_signal, s);
    if (rc == 0) {
        *out = s;
        return 0;
    }
    if (s->fd != -1)
        close(s->fd);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    free(s);
    return rc;
}

void loglevel_destroy(struct loglevel *s)
{
    if (!s)
        return;
    evloop_del_fd(s->loop, s->fd);
    close(s->fd);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    free(s);
}
