/* The output is read through pipes that do not block, a bounded part in each look, so a
 * program that prints without end fills its own pipe and delays no other one.
 *
 * Invariant: the process is reaped after its group has been killed.  Until then its
 * number belongs to it, so the signal cannot reach a stranger.
 * Rejected: waiting for the end of the output.  A process that the program has left
 * behind can hold the pipe open for ever. */
#include "scale/hook_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_LATER 75 /* EX_TEMPFAIL and EX_CONFIG of sysexits.h */
#define EXIT_CONFIG 78
#define READS 32 /* of each pipe in a look */

struct hook_run {
    pid_t pid;
    int out_fd, err_fd;
    uint64_t term_ms, kill_ms; /* when the signals are due */
    bool terminated, too_long;
    enum hook_result result;
    size_t n_out, n_err;
    char out[HOOK_OUTPUT_MAX + 1], err[HOOK_ERROR_MAX + 1];
    char why[100];
};

const char *hook_run_result_name(enum hook_result r)
{
    static const char *const names[] = {"runs", "accepted", "later", "misconfigured",
                                        "failed"};

    return names[r];
}

/* --- the start ---------------------------------------------------------------------- */

static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setpgroup(attr, 0);
    if (rc == 0)
        rc = posix_spawnattr_setflags(
            attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return rc;
}

static int set_files(posix_spawn_file_actions_t *files, int out, int err)
{
    int rc =
        posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, err, STDERR_FILENO);
    return rc;
}

static int spawn(struct hook_run *r, char *const argv[], int out, int err)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                         "/sbin:/bin";
    char *const environment[] = {path, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&files);

    if (rc != 0)
        return -rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = set_attributes(&attr);
        if (rc == 0)
            rc = set_files(&files, out, err);
        if (rc == 0)
            rc = posix_spawn(&r->pid, argv[0], &files, &attr, argv, environment);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return -rc;
}

/* A pipe whose end that we read does not block. */
static int open_pipe(int fd[2])
{
    int rc = pipe2(fd, O_CLOEXEC);

    if (rc == 0 && fcntl(fd[0], F_SETFL, O_NONBLOCK) < 0)
        rc = -1;
    return rc < 0 ? -errno : 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int hook_run_start(struct hook_run **out, char *const argv[], uint64_t now_ms,
                   uint32_t timeout_ms)
{
    struct hook_run *r = calloc(1, sizeof(*r));
    int o[2] = {-1, -1}, e[2] = {-1, -1}, rc;

    if (!r)
        return -ENOMEM;
    r->term_ms = now_ms + timeout_ms;
    r->kill_ms = r->term_ms + HOOK_KILL_MS;
    rc = open_pipe(o);
    if (rc == 0)
        rc = open_pipe(e);
    if (rc == 0)
        rc = spawn(r, argv, o[1], e[1]);
    close_fd(&o[1]);
    close_fd(&e[1]);
    r->out_fd = o[0];
    r->err_fd = e[0];
    if (rc < 0) {
        r->pid = 0;
        hook_run_destroy(r);
        return rc;
    }
    *out = r;
    return 0;
}

/* --- what it prints ----------------------------------------------------------------- */

/* Keep what fits.  False: there was more. */
static bool keep(char *to, size_t *n, size_t max, const char *from, size_t len)
{
    size_t room = max - *n, some = len < room ? len : room;

    memcpy(to + *n, from, some);
    *n += some;
    to[*n] = '\0';
    return some == len;
}

static void read_some(struct hook_run *r)
{
    char part[4096];
    ssize_t n;
    int i;

    for (i = 0; i < READS && (n = read(r->out_fd, part, sizeof(part))) > 0; i++)
        r->too_long |= !keep(r->out, &r->n_out, HOOK_OUTPUT_MAX, part, (size_t)n);
    for (i = 0; i < READS && (n = read(r->err_fd, part, sizeof(part))) > 0; i++)
        keep(r->err, &r->n_err, HOOK_ERROR_MAX, part, (size_t)n);
}

static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~' || *text == '"')
            *text = ' ';
}

/* --- the end ------------------------------------------------------------------------ */

static enum hook_result judge(struct hook_run *r, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    if (r->too_long)
        snprintf(r->why, sizeof(r->why), "it printed more than %d bytes and was killed",
                 HOOK_OUTPUT_MAX);
    else if (r->terminated)
        snprintf(r->why, sizeof(r->why), "it ran for longer than timeout_ms");
    else if (code < 0)
        snprintf(r->why, sizeof(r->why), "ended by signal %d", WTERMSIG(status));
    else
        snprintf(r->why, sizeof(r->why), "exit status %d", code);
    if (r->too_long || r->terminated)
        return HOOK_FAILED;
    if (code == EXIT_LATER)
        return HOOK_LATER;
    if (code == EXIT_CONFIG)
        return HOOK_MISCONFIGURED;
    return code == 0 ? HOOK_ACCEPTED : HOOK_FAILED;
}

/* The process has ended, and is not reaped. */
static void conclude(struct hook_run *r)
{
    int status = 0;

    kill(-r->pid, SIGKILL);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        ;
    r->pid = 0;
    make_printable(r->err);
    r->result = judge(r, status);
}

static void send_signals(struct hook_run *r, uint64_t now_ms)
{
    if (r->too_long || now_ms >= r->kill_ms)
        kill(-r->pid, SIGKILL);
    else if (now_ms >= r->term_ms && !r->terminated)
        kill(-r->pid, SIGTERM);
    r->terminated |= now_ms >= r->term_ms;
}

enum hook_result hook_run_look(struct hook_run *r, uint64_t now_ms)
{
    siginfo_t info = {.si_pid = 0};

    if (r->result != HOOK_RUNS)
        return r->result;
    /* asked before the pipes are read: then they have all that it has printed */
    if (waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        info.si_pid = 0;
    read_some(r);
    if (info.si_pid != 0)
        conclude(r);
    else
        send_signals(r, now_ms);
    return r->result;
}

const char *hook_run_output(const struct hook_run *r)
{
    return r->out;
}

const char *hook_run_error(const struct hook_run *r)
{
    return r->err;
}

const char *hook_run_why(const struct hook_run *r)
{
    return r->why;
}

void hook_run_destroy(struct hook_run *r)
{
    if (!r)
        return;
    if (r->pid > 0) {
        kill(-r->pid, SIGKILL);
        while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close_fd(&r->out_fd);
    close_fd(&r->err_fd);
    free(r);
}
