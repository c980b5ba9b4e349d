/* proc.h -- start a program from build/, read its output and end it; each wait has a
 * deadline. */
#ifndef LARS_TEST_PROC_H
#define LARS_TEST_PROC_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "t.h"

struct proc {
    pid_t pid;
    int in, out, err;                    /* its stdin (write), stdout and stderr (read) */
    int port;                           /* from "listening on ADDR:PORT"; 0 = not yet */
    long nofile;                        /* set it before: RLIMIT_NOFILE; 0 = inherited */
};

/* Start build/<name> with up to 14 arguments, ended by NULL.  The environment variable
 * LARS_WRAP holds words to put in front, such as valgrind with its options. */
static inline void proc_start(struct proc *p, const char *name, ...)
{
    static char wrap[512], path[256];
    char *argv[32], *tok;
    int in[2], out[2], err[2], n = 0;
    const char *dir = getenv("BUILD"), *w = getenv("LARS_WRAP");
    va_list ap;

    snprintf(wrap, sizeof(wrap), "%s", w ? w : "");
    for (tok = strtok(wrap, " "); tok && n < 16; tok = strtok(NULL, " "))
        argv[n++] = tok;
    snprintf(path, sizeof(path), "%s/%s", dir ? dir : "build", name);
    argv[n++] = path;
    va_start(ap, name);
    while (n < 31 && (argv[n] = va_arg(ap, char *)))
        n++;
    va_end(ap);
    argv[n] = NULL;
    assert_int_equal(pipe(in) | pipe(out) | pipe(err), 0);
    p->port = 0;
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        struct rlimit rl;
        int i;

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test is killed, end as well */
        signal(SIGPIPE, SIG_DFL);
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        for (i = 3; i < 1024; i++)
            close(i);
        getrlimit(RLIMIT_NOFILE, &rl);
        if (p->nofile > 0) {
            rl.rlim_cur = (rlim_t)p->nofile;
            setrlimit(RLIMIT_NOFILE, &rl);
        }
        execvp(argv[0], argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    p->in = in[1];
    p->out = out[0];
    p->err = err[0];
}

/* Read one line from <fd>, without its newline.  False when the stream ended first. */
static inline bool proc_line(int fd, char *buf, size_t size)
{
    size_t n = 0;
    uint64_t end = t_now_ms() + t_deadline_ms();

    while (n + 1 < size) {
        struct pollfd pf = {.fd = fd, .events = POLLIN};
        char c;

        if (poll(&pf, 1, 100) == 0) {
            if (t_now_ms() > end)
                fail_msg("no line within %d ms", t_deadline_ms());
            continue;
        }
        if (read(fd, &c, 1) <= 0)
            return false;
        if (c == '\n') {
            buf[n] = '\0';
            return true;
        }
        buf[n++] = c;
    }
    fail_msg("a line longer than %zu bytes", size);
    return false;
}

/* Read lines of <fd> until one contains <text>. */
static inline void proc_expect_line(int fd, const char *text)
{
    char line[2048];

    while (proc_line(fd, line, sizeof(line)))
        if (strstr(line, text))
            return;
    fail_msg("the program ended without printing \"%s\"", text);
}

/* Wait until the server has printed its address, and store the port. */
static inline void proc_wait_port(struct proc *p)
{
    char line[512];

    while (p->port == 0) {
        const char *at;

        if (!proc_line(p->out, line, sizeof(line)))
            fail_msg("the server ended without \"listening on\"");
        at = strstr(line, "listening on ");
        if (at && strrchr(at, ':'))
            p->port = atoi(strrchr(at, ':') + 1);
    }
}

/* Wait until the program has ended.  Returns its exit status, or 1000 + the signal that
 * ended it. */
static inline int proc_wait(struct proc *p)
{
    uint64_t end = t_now_ms() + t_deadline_ms();
    int status = 0;

    while (waitpid(p->pid, &status, WNOHANG) == 0) {
        if (t_now_ms() > end) {
            kill(p->pid, SIGKILL);
            waitpid(p->pid, &status, 0);
            fail_msg("the program did not end within %d ms", t_deadline_ms());
        }
        poll(NULL, 0, 1);
    }
    close(p->in);
    close(p->out);
    close(p->err);
    p->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Send <signo> and wait.  Returns as proc_wait(). */
static inline int proc_end(struct proc *p, int signo)
{
    kill(p->pid, signo);
    return proc_wait(p);
}

/* For a teardown: end the program when a failed test has left it running. */
static inline void proc_kill(struct proc *p)
{
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        close(p->in);
        close(p->out);
        close(p->err);
        p->pid = 0;
    }
}

/* Processor time that all threads of the program have used so far, in milliseconds. */
static inline long proc_cpu_ms(const struct proc *p)
{
    char path[64], buf[1024], *at;
    unsigned long ut = 0, st = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(buf, 1, sizeof(buf) - 1, f) > 0);
    fclose(f);
    at = strrchr(buf, ')');
    assert_non_null(at);
    assert_int_equal(sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                            &ut, &st), 2);
    return (long)(ut + st) * 1000 / sysconf(_SC_CLK_TCK);
}

#endif
