/* The new program is started by posix_spawn(3), which works in a process with threads,
 * from the name by which this one was started, so that it is the file that is installed
 * now.  It inherits the listeners by their numbers: to duplicate a descriptor to itself
 * clears its flag close-on-exec in the child only.
 *
 * Invariant: <fn> is called exactly once, and a process that has not become ready does
 * not outlive it, so that there is at most one that may still take over.
 * Rejected: SIGCHLD.  The end of the socket says the same, and says it also when the
 * program has started another one and left. */
#include "gateway/successor.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/handover.h"

#define REAP_MS 5 /* between two looks whether it has ended */
#define REAP_LOOKS 400 /* then it is ended */
#define REAP_LOOKS_MAX 1000
#define SERVES_ON                                                                        \
    "this process serves on; mend it, try the program with --check-config, and ask for " \
    "the upgrade again"

extern char **environ;

struct successor {
    struct successor_config cfg;
    pid_t pid;
    int fd;
    bool is_ready, is_late;
    unsigned n_looks;
    struct evtimer timer;
};

/* --- the start ---------------------------------------------------------------------- */

/* "VARIABLE=SOCKET,LISTENER,LISTENER" */
static void write_variable(const struct successor_config *c, int fd, char *out,
                           size_t size)
{
    size_t n = (size_t)snprintf(out, size, HANDOVER_VARIABLE "=%d", fd);
    unsigned i;

    for (i = 0; i < c->n_fds && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, ",%d", c->fd[i]);
}

/* The environment with <variable> in front; only the array is the caller's. */
static char **environment_with(char *variable)
{
    size_t n = 0;
    char **all;

    while (environ[n])
        n++;
    all = calloc(n + 2, sizeof(*all));
    if (!all)
        return NULL;
    all[0] = variable;
    memcpy(all + 1, environ, n * sizeof(*all));
    return all;
}

static int spawn(struct successor *s, int theirs)
{
    const struct successor_config *c = &s->cfg;
    char variable[40 + 12 * SUCCESSOR_FDS_MAX];
    posix_spawn_file_actions_t files;
    char **environment;
    unsigned i;
    int rc;

    write_variable(c, theirs, variable, sizeof(variable));
    environment = environment_with(variable);
    if (!environment)
        return -ENOMEM;
    rc = posix_spawn_file_actions_init(&files);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, theirs, theirs);
    for (i = 0; i < c->n_fds && rc == 0; i++)
        rc = posix_spawn_file_actions_adddup2(&files, c->fd[i], c->fd[i]);
    if (rc == 0)
        rc = posix_spawnp(&s->pid, c->argv[0], &files, NULL, c->argv, environment);
    posix_spawn_file_actions_destroy(&files);
    free(environment);
    return -rc;
}

/* --- the end ------------------------------------------------------------------------ */

static void log_failure(const struct successor *s, int status)
{
    const char *name = s->cfg.argv[0];

    if (s->is_late)
        LOG_ERROR("gateway.upgrade",
                  "failed: %s, pid %d, was not ready within %u ms and was ended; the log "
                  "has its reason, if it gave one; " SERVES_ON,
                  name, (int)s->pid, s->cfg.limit_ms);
    else if (WIFSIGNALED(status))
        LOG_ERROR("gateway.upgrade",
                  "failed: %s, pid %d, was ended by signal %d before it was "
                  "ready; " SERVES_ON,
                  name, (int)s->pid, WTERMSIG(status));
    else
        LOG_ERROR("gateway.upgrade",
                  "failed: %s, pid %d, ended with exit status %d before it was ready; "
                  "the lines above have its reason; " SERVES_ON,
                  name, (int)s->pid, WEXITSTATUS(status));
}

static void reap(void *arg)
{
    struct successor *s = arg;
    int status = 0;
    pid_t pid = waitpid(s->pid, &status, WNOHANG);

    if (s->n_looks++ == REAP_LOOKS && pid == 0)
        kill(s->pid, SIGKILL);
    if (pid == 0 && s->n_looks < REAP_LOOKS_MAX &&
        evloop_set_timer(s->cfg.loop, &s->timer, REAP_MS, reap, s) == 0)
        return;
    log_failure(s, status);
    s->pid = 0;
    s->cfg.fn(false, s->cfg.arg);
}

/* It has closed its socket, and so it is about to end, with a status that says more. */
static void await_end(struct successor *s)
{
    evloop_del_fd(s->cfg.loop, s->fd);
    reap(s);
}

static void on_late(void *arg)
{
    struct successor *s = arg;

    s->is_late = true;
    kill(s->pid, SIGKILL);
    await_end(s);
}

static void on_word(int fd, uint32_t events, void *arg)
{
    struct successor *s = arg;
    char text[8];
    ssize_t n = recv(fd, text, sizeof(text), 0);

    (void)events;
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    evloop_clear_timer(s->cfg.loop, &s->timer);
    if (n != 1 || text[0] != HANDOVER_READY[0]) {
        await_end(s);
        return;
    }
    s->is_ready = true;
    evloop_del_fd(s->cfg.loop, fd);
    LOG_INFO("gateway.upgrade", "done: pid %d serves visitors, and this process drains",
             (int)s->pid);
    s->cfg.fn(true, s->cfg.arg);
}

int successor_start(struct successor **out, const struct successor_config *c)
{
    struct successor *s = calloc(1, sizeof(*s));
    int sv[2] = {-1, -1}, rc = s && c->n_fds <= SUCCESSOR_FDS_MAX ? 0 : -ENOMEM;

    if (rc == 0)
        s->cfg = *c;
    if (rc == 0 &&
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) == -1)
        rc = -errno;
    if (rc == 0)
        rc = spawn(s, sv[1]);
    if (sv[1] != -1)
        close(sv[1]);
    if (rc < 0) {
        LOG_ERROR("gateway.upgrade", "failed: cannot start %s: %s; " SERVES_ON,
                  c->argv[0], strerror(-rc));
        if (sv[0] != -1)
            close(sv[0]);
        free(s);
        return rc;
    }
    s->fd = sv[0];
    LOG_INFO("gateway.upgrade", "started: %s, pid %d, gets %u listeners", c->argv[0],
             (int)s->pid, c->n_fds);
    if (evloop_add_fd(c->loop, s->fd, EPOLLIN, on_word, s) < 0 ||
        evloop_set_timer(c->loop, &s->timer, c->limit_ms, on_late, s) < 0) {
        successor_destroy(s);
        return -ENOMEM;
    }
    *out = s;
    return 0;
}

pid_t successor_pid(const struct successor *s)
{
    return s->pid;
}

void successor_go(struct successor *s)
{
    send(s->fd, HANDOVER_GO, 1, MSG_NOSIGNAL);
}

void successor_destroy(struct successor *s)
{
    if (!s)
        return;
    evloop_del_fd(s->cfg.loop, s->fd);
    evloop_clear_timer(s->cfg.loop, &s->timer);
    close(s->fd);
    if (!s->is_ready && s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    free(s);
}
