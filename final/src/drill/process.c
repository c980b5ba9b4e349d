/* A new program gets the signals, the descriptors and the group of a program that a shell
 * has started, because larsctl blocks and ignores some for itself; and it is in a session
 * of its own, so that the end of the operator's terminal does not end it.
 *
 * Invariant: process_start() returns a pid only when the program was executed: the child
 * tells a failure by a pipe, which exec() closes. */
#include "drill/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mono.h"

#define STAT_MAX 2048
#define ARGS_MAX 65536
#define LOOK_MS 10

/* The content of a file of /proc, which has no size.  Returns the bytes, or -errno. */
static ssize_t read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n, sum = 0;

    if (fd == -1)
        return -errno;
    while ((size_t)sum + 1 < size &&
           (n = read(fd, out + sum, size - 1 - (size_t)sum)) > 0)
        sum += n;
    close(fd);
    out[sum] = '\0';
    return sum;
}

uint64_t process_ticks(pid_t pid)
{
    char path[64], text[STAT_MAX], *p, *save = NULL;
    unsigned i;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (pid <= 0 || read_small(path, text, sizeof(text)) <= 0)
        return 0;
    p = strrchr(text, ')'); /* the name before it may have blanks and parentheses */
    if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
        return 0;
    p = strtok_r(p + 2, " ", &save); /* field 3 */
    for (i = 3; p && i < 22; i++)
        p = strtok_r(NULL, " ", &save);
    return p ? strtoull(p, NULL, 10) : 0;
}

int process_read_pid(const char *file, pid_t *out)
{
    char text[32], *end;
    ssize_t n = read_small(file, text, sizeof(text));
    long pid;

    if (n < 0)
        return (int)n;
    pid = strtol(text, &end, 10);
    if (end == text || (*end && *end != '\n') || pid <= 1 || pid > INT_MAX)
        return -EINVAL;
    *out = (pid_t)pid;
    return 0;
}

static json_t *read_argv(pid_t pid)
{
    char path[64], *text = malloc(ARGS_MAX), *p;
    json_t *all = NULL;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    n = text ? read_small(path, text, ARGS_MAX) : -ENOMEM;
    if (n > 0 && n < ARGS_MAX - 1) {
        all = json_array();
        for (p = text; p < text + n; p += strlen(p) + 1)
            json_array_append_new(all, json_string(p));
    }
    free(text);
    return all;
}

static bool read_link(pid_t pid, const char *name, char out[PATH_MAX])
{
    char path[64];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    n = readlink(path, out, PATH_MAX - 1);
    if (n <= 0)
        return false;
    out[n] = '\0';
    return true;
}

json_t *process_describe(pid_t pid)
{
    char cwd[PATH_MAX], log[PATH_MAX];
    struct stat st;
    json_t *argv;

    if (!read_link(pid, "cwd", cwd))
        return NULL;
    if (!read_link(pid, "fd/1", log) || stat(log, &st) < 0 || !S_ISREG(st.st_mode))
        snprintf(log, sizeof(log), "/dev/null");
    argv = read_argv(pid);
    return argv ? json_pack("{so ss ss}", "argv", argv, "cwd", cwd, "log", log) : NULL;
}

bool process_wait_end(pid_t pid, uint64_t ticks, uint32_t ms)
{
    uint64_t end = mono_ms() + ms;

    while (process_ticks(pid) == ticks) {
        if (mono_ms() >= end)
            return false;
        poll(NULL, 0, LOOK_MS);
    }
    return true;
}

static void reset_signals(void)
{
    sigset_t none;
    int s;

    for (s = 1; s < NSIG; s++)
        if (s != SIGKILL && s != SIGSTOP)
            sigaction(s, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child.  Returns only when it failed: errno. */
static int execute(char *const argv[], const char *cwd, const char *log)
{
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    if (in == -1 || out == -1 || chdir(cwd) == -1)
        return errno;
    if (dup2(in, 0) == -1 || dup2(out, 1) == -1 || dup2(out, 2) == -1)
        return errno;
    setsid();
    reset_signals();
    execvp(argv[0], argv);
    return errno;
}

pid_t process_start(char *const argv[], const char *cwd, const char *log)
{
    int told[2], failure = 0;
    ssize_t n;
    pid_t pid;

    if (pipe2(told, O_CLOEXEC) == -1)
        return -errno;
    pid = fork();
    if (pid == 0) {
        failure = execute(argv, cwd, log);
        n = write(told[1], &failure, sizeof(failure));
        _exit(n > 0 ? 127 : 126);
    }
    failure = pid == -1 ? errno : 0;
    close(told[1]);
    if (pid > 0) {
        do
            n = read(told[0], &failure, sizeof(failure));
        while (n == -1 && errno == EINTR);
        if (failure)
            waitpid(pid, NULL, 0);
    }
    close(told[0]);
    return failure ? -failure : pid;
}

int process_wait(pid_t pid, uint32_t ms)
{
    uint64_t end = mono_ms() + ms;
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (mono_ms() >= end) {
            kill(-pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -ETIMEDOUT;
        }
        poll(NULL, 0, LOOK_MS);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
