/* Who holds a slot is a fact of the kernel, the lock, and not of a file that can be old.
 * The descriptor is opened anew for each process, and this program closes its own one
 * after fork(2): a flock belongs to the open file, which the process alone has then.  The
 * process itself writes its number, before it executes the program, so that there is no
 * moment at which it runs and its parent still has to do something for it to be found.
 * The start time, from /proc, tells it from a later process with the same number.
 *
 * Invariant: child_start() forks only while it has the lock and the process in the line
 * is gone.
 * Rejected: posix_spawn(3), which cannot let the child write its number.  The output of
 * nodes in the log of lars-slotd: a pipe would break when lars-slotd ends. */
#include "slot/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

#define LINE_LEN 128 /* bytes of N.lock, always */
#define LOCK_FD 3 /* in the process */
#define EXIT_NOT_EXECUTED 126
#define HOW_MAX 100

struct child {
    struct evloop *loop;
    const char *dir;
    uint32_t slot;
    child_fn *fn;
    void *arg;
    pid_t pid; /* 0 = none */
    unsigned long long start; /* its start time, in ticks since boot */
    struct module_id module;
    uint16_t port;
    int pidfd; /* -1 = none */
    bool is_ours; /* this program is its parent */
    bool is_ready;
};

struct record { /* the line of N.lock */
    struct module_id module;
    unsigned port;
    int pid; /* 0 = none */
    unsigned long long start;
    unsigned is_ready; /* 1: it has passed its check */
};

/* --- the line ----------------------------------------------------------------------- */

static void path_of(const struct child *c, const char *suffix, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%u.%s", c->dir, c->slot, suffix);
}

/* Returns 0 or -errno. */
static int write_record(int fd, const struct record *r)
{
    char line[LINE_LEN + 1], text[LINE_LEN];
    ssize_t n;

    snprintf(text, sizeof(text), "module=%u/%u port=%u pid=%d start=%llu ready=%u",
             r->module.modid, r->module.cmdid, r->port, r->pid, r->start, r->is_ready);
    snprintf(line, sizeof(line), "%-*s\n", LINE_LEN - 1, text);
    n = pwrite(fd, line, LINE_LEN, 0);
    return n == LINE_LEN ? 0 : n == -1 ? -errno : -ENOSPC;
}

static bool read_record(int fd, struct record *r)
{
    char line[LINE_LEN + 1] = "";

    return pread(fd, line, LINE_LEN, 0) == LINE_LEN &&
           sscanf(line, "module=%u/%u port=%u pid=%d start=%llu ready=%u",
                  &r->module.modid, &r->module.cmdid, &r->port, &r->pid, &r->start,
                  &r->is_ready) == 6;
}

/* When the process <pid> began.  Returns 0; -ESRCH when it has ended, also if its parent
 * has not noticed; another -errno when that cannot be found out now. */
static int start_of(pid_t pid, unsigned long long *start)
{
    char path[40], text[1024];
    const char *after;
    ssize_t n;
    int fd, i;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return errno == ENOENT ? -ESRCH : -errno;
    n = read(fd, text, sizeof(text) - 1);
    i = errno;
    close(fd);
    if (n <= 0) /* it has ended since open() */
        return n == 0 || i == ESRCH ? -ESRCH : -i;
    text[n] = '\0';
    after = strrchr(text, ')'); /* its name may have blanks and brackets */
    if (!after || strlen(after) < 3)
        return -EIO;
    if (strchr("ZX", after[2]))
        return -ESRCH;
    for (i = 0; i < 20 && after; i++) /* the 22nd value; the name is the second */
        after = strchr(after + 1, ' ');
    return after && sscanf(after, "%llu", start) == 1 ? 0 : -EIO;
}

/* What is not known counts as running: a slot with it is not free. */
static bool has_ended(pid_t pid, unsigned long long start)
{
    unsigned long long now = 0;
    int rc = start_of(pid, &now);

    return rc == -ESRCH || (rc == 0 && now != start);
}

static bool is_alive(const struct record *r)
{
    return r->pid > 0 && !has_ended(r->pid, r->start);
}

/* --- the end ------------------------------------------------------------------------ */

static void describe_end(const struct child *c, int status, char *how, size_t size)
{
    if (!c->is_ours)
        snprintf(how, size,
                 "ended; an earlier lars-slotd started it, so its exit status "
                 "is not known");
    else if (WIFSIGNALED(status))
        snprintf(how, size, "ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) == EXIT_NOT_EXECUTED)
        snprintf(how, size, "could not be executed; %u.log has the reason", c->slot);
    else
        snprintf(how, size, "ended with exit status %d", WEXITSTATUS(status));
}

/* Those that the process has started and that are still in its group serve no purpose,
 * and would keep its port.  The number of a group is not given to a new process while the
 * group has members; so what is there now is that group, unless a process has the
 * number. */
static void kill_group(const struct child *c)
{
    unsigned long long now;

    if (c->is_ours || start_of(c->pid, &now) == -ESRCH)
        kill(-c->pid, SIGKILL);
}

/* The process has ended, or is a zombie, which still owns its number. */
static void take_end(struct child *c)
{
    char how[HOW_MAX];
    int status = 0;

    kill_group(c);
    if (c->is_ours)
        while (waitpid(c->pid, &status, 0) == -1 && errno == EINTR)
            continue;
    if (c->pidfd != -1) {
        evloop_del_fd(c->loop, c->pidfd);
        close(c->pidfd);
    }
    describe_end(c, status, how, sizeof(how));
    c->pidfd = -1;
    c->pid = 0;
    c->fn(how, c->arg);
}

static void on_pidfd(int fd, uint32_t events, void *arg)
{
    (void)fd;
    (void)events;
    take_end(arg);
}

/* --- watching ----------------------------------------------------------------------- */

/* The descriptor belongs to the process of the record when that runs after it was
 * opened. */
static void watch(struct child *c, const struct record *r, bool is_ours)
{
    c->pid = r->pid;
    c->start = r->start;
    c->module = r->module;
    c->port = (uint16_t)r->port;
    c->is_ready = r->is_ready != 0;
    c->is_ours = is_ours;
    c->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    if (c->pidfd == -1) /* child_poll() sees its end */
        return;
    fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
    if (evloop_add_fd(c->loop, c->pidfd, EPOLLIN, on_pidfd, c) < 0) {
        close(c->pidfd);
        c->pidfd = -1;
    }
}

/* Opens N.lock and tries to lock it: *is_free.  Returns the descriptor, or -errno. */
static int open_lock(const struct child *c, bool *is_free)
{
    char path[PATH_MAX];
    int fd;

    path_of(c, "lock", path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1)
        return -errno;
    *is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    return fd;
}

enum child_found child_look(struct child *c)
{
    struct record r = {0};
    bool is_free = false, is_read;
    int fd = open_lock(c, &is_free);

    if (fd < 0)
        return CHILD_HELD;
    is_read = read_record(fd, &r);
    close(fd);
    if (is_read && is_alive(&r)) {
        watch(c, &r, false);
        if (is_alive(&r))
            return CHILD_FOUND;
        if (c->pidfd != -1) {
            evloop_del_fd(c->loop, c->pidfd);
            close(c->pidfd);
        }
        c->pidfd = -1;
        c->pid = 0;
    }
    return is_free ? CHILD_NONE : CHILD_HELD;
}

/* --- the start ---------------------------------------------------------------------- */

static void restore_signals(void)
{
    sigset_t none;
    int i;

    for (i = 1; i < NSIG; i++) /* those that cannot be changed fail */
        sigaction(i, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only the lock, at LOCK_FD, and input and output stay open.  Returns 0 or -errno. */
static int take_files(int lock, int in, int out)
{
    if (dup2(in, 0) == -1 || dup2(out, 1) == -1 || dup2(out, 2) == -1)
        return -errno;
    if (lock == LOCK_FD ? fcntl(lock, F_SETFD, 0) == -1 : dup2(lock, LOCK_FD) == -1)
        return -errno;
    close_range(LOCK_FD + 1, ~0u, 0);
    return 0;
}

/* In the new process. */
static _Noreturn void become_node(struct record r, const struct child_start *s, int lock,
                                  int in, int out)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
                         "/bin",
                lang[] = "LANG=C.UTF-8";
    char *environment[] = {path, lang, NULL};
    int rc = take_files(lock, in, out);

    setsid();
    restore_signals();
    r.pid = (int)getpid();
    if (rc == 0)
        rc = start_of(getpid(), &r.start);
    if (rc == 0)
        rc = write_record(LOCK_FD, &r);
    if (rc == 0 && chdir("/") == 0)
        execve(s->argv[0], s->argv, environment);
    dprintf(2, "lars-slotd: cannot execute %s: %s\n", s->argv[0],
            err_text(rc < 0 ? rc : -errno));
    _exit(EXIT_NOT_EXECUTED);
}

/* The output and the input of the process.  Returns 0 or -errno. */
static int open_output(const struct child *c, int *in, int *out)
{
    char path[PATH_MAX];
    int rc;

    path_of(c, "log", path);
    *out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (*out == -1)
        return -errno;
    *in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (*in != -1)
        return 0;
    rc = -errno;
    close(*out);
    return rc;
}

/* With the lock in <lock>.  Returns 0 or -errno. */
static int fork_node(struct child *c, const struct child_start *s, int lock)
{
    struct record r = {.module = s->module, .port = s->port};
    int in, out, rc = open_output(c, &in, &out);
    pid_t pid;

    if (rc < 0)
        return rc;
    rc = write_record(lock, &r);
    pid = rc < 0 ? -1 : fork();
    if (pid == 0)
        become_node(r, s, lock, in, out);
    if (pid == -1 && rc == 0)
        rc = -errno;
    close(in);
    close(out);
    if (rc < 0)
        return rc;
    r.pid = (int)pid;
    (void)start_of(pid, &r.start); /* not needed for a process of our own */
    watch(c, &r, true);
    return 0;
}

int child_start(struct child *c, const struct child_start *s)
{
    struct record r;
    bool is_free;
    int fd = open_lock(c, &is_free), rc = 0;

    if (fd < 0)
        return fd;
    if (!is_free || (read_record(fd, &r) && is_alive(&r)))
        rc = -EBUSY;
    if (rc == 0)
        rc = fork_node(c, s, fd);
    close(fd);
    return rc;
}

/* --- the rest ----------------------------------------------------------------------- */

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

struct module_id child_module(const struct child *c)
{
    return c->module;
}

uint16_t child_port(const struct child *c)
{
    return c->port;
}

bool child_is_ready(const struct child *c)
{
    return c->is_ready;
}

void child_set_ready(struct child *c)
{
    struct record r;
    char path[PATH_MAX];
    int fd;

    c->is_ready = true;
    path_of(c, "lock", path);
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1)
        return; /* the next lars-slotd finds out by itself */
    if (read_record(fd, &r) && r.pid == c->pid) {
        r.is_ready = 1;
        (void)write_record(fd, &r);
    }
    close(fd);
}

void child_kill(struct child *c, int signo)
{
    if (c->pid == 0 || (!c->is_ours && has_ended(c->pid, c->start)))
        return; /* its end is about to be seen */
    if (kill(-c->pid, signo) == -1) /* it has no group of its own so far */
        kill(c->pid, signo);
}

/* The process writes to the end of the file, so a file that was cut continues at its
 * beginning. */
static void bound_log(const struct child *c)
{
    char path[PATH_MAX], old[PATH_MAX];
    struct stat st;
    int fd, to;

    path_of(c, "log", path);
    if (stat(path, &st) == -1 || st.st_size <= CHILD_LOG_MAX)
        return;
    path_of(c, "log.old", old);
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (to != -1 && fd != -1)
        while (sendfile(to, fd, NULL, CHILD_LOG_MAX) > 0)
            continue;
    if (fd != -1 && ftruncate(fd, 0) == -1)
        LOG_EVERY(60000, LOG_LEVEL_WARN, "slot.log", "path=%s err=%s: it grows", path,
                  err_str(-errno));
    if (fd != -1)
        close(fd);
    if (to != -1)
        close(to);
}

static bool is_over(const struct child *c)
{
    siginfo_t info = {0};

    if (!c->is_ours)
        return has_ended(c->pid, c->start);
    return waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == c->pid;
}

void child_poll(struct child *c)
{
    bound_log(c);
    if (c->pid != 0 && c->pidfd == -1 && is_over(c))
        take_end(c);
}

int child_create(struct child **out, struct evloop *l, const char *dir, uint32_t slot,
                 child_fn *fn, void *arg)
{
    struct child *c = calloc(1, sizeof(*c));
    bool is_free;
    struct stat st;
    int fd, rc = 0;

    if (!c)
        return -ENOMEM;
    *c = (struct child){l, dir, slot, fn, arg, .pidfd = -1};
    fd = open_lock(c, &is_free);
    if (fd < 0)
        rc = fd;
    else if (fstat(fd, &st) == -1)
        rc = -errno;
    else if (st.st_size != LINE_LEN && is_free)
        rc = write_record(fd, &(struct record){0});
    if (fd >= 0)
        close(fd);
    if (rc < 0)
        free(c);
    else
        *out = c;
    return rc;
}

void child_destroy(struct child *c)
{
    if (c && c->pidfd != -1) {
        evloop_del_fd(c->loop, c->pidfd);
        close(c->pidfd);
    }
    free(c);
}
