/* conform SCENARIOS -- the conformance suite's runner for C. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "allocations.h"
#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"
#include "lars_status.h"

#define WORDS 8
#define CALLS 16
#define BUF 64
#ifndef SUITE
#define SUITE "C"
#endif
#define TICK_US 20000 /* of the interval timer of silent() */
#define TICKS 500

static struct lars_client *me;
static struct lars_host call[CALLS]; /* the calls of this scenario */
static int n_calls;
static long hang_ms = 20000;
static char error[300]; /* the text of the latest error */
static const char *const outcomes[] = {"well", "failed", "rejected", "cancelled"};

struct work {
    unsigned modid, cmdid;
    int n, retcode, bad;
};

/* --- hooks -------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    char lines[2000]; /* of the log */
    atomic_int ended[LARS_OUTCOMES];
} hooked = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void log_hook(void *arg, enum lars_level level, const char *text)
{
    size_t len = strlen(hooked.lines);

    (void)arg;
    (void)level;
    pthread_mutex_lock(&hooked.lock);
    snprintf(hooked.lines + len, sizeof(hooked.lines) - len, "%s\n", text);
    pthread_mutex_unlock(&hooked.lock);
}

static void ended_hook(void *arg, const struct lars_ended *e)
{
    (void)arg;
    hooked.ended[e->outcome]++;
}

static const struct lars_hooks hooks = {.size = sizeof(hooks),
                                        .log = log_hook,
                                        .ended = ended_hook};

static void forget_hooked(void)
{
    int i;

    hooked.lines[0] = '\0';
    for (i = 0; i < LARS_OUTCOMES; i++)
        hooked.ended[i] = 0;
}

/* --- steps -------------------------------------------------------------------------- */

static int open_client(char **word)
{
    struct lars_options opt = {.size = sizeof(opt),
                               .dir = getenv("LARS_DIR"),
                               .port = (uint16_t)atoi(getenv("LARS_PORT")),
                               .timeout_ms = 2000};
    struct lars_client *was = me;
    int rc;

    for (; *word; word++) {
        if (strncmp(*word, "address=", 8) == 0)
            opt.address = *word + 8;
        if (strncmp(*word, "port=", 5) == 0)
            opt.port = (uint16_t)atoi(*word + 5);
        if (strncmp(*word, "dir=", 4) == 0)
            opt.dir = *word + 4;
        if (strncmp(*word, "timeout_ms=", 11) == 0)
            opt.timeout_ms = (uint32_t)atoi(*word + 11);
        if (strcmp(*word, "hooks=1") == 0)
            opt.hooks = &hooks;
    }
    forget_hooked();
    lars_close(was);
    rc = lars_open(&me, &opt);
    if (rc == 0)
        hang_ms = 10 * (long)opt.timeout_ms;
    return rc;
}

/* <me> stays: the functions must find out that it is closed. */
static int close_client(void)
{
    lars_close(me);
    return 0;
}

/* NAME=VALUE: a client by the environment alone. */
static int open_in(const char *setting)
{
    struct lars_client *c = NULL;
    char name[40], *was;
    int rc;

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(setting, "="), setting);
    was = getenv(name) ? strdup(getenv(name)) : NULL;
    setenv(name, strchr(setting, '=') + 1, 1);
    rc = lars_open(&c, NULL);
    if (was)
        setenv(name, was, 1);
    else
        unsetenv(name);
    free(was);
    lars_close(c);
    return rc;
}

static int begun(int rc, const struct lars_host *h)
{
    if (rc >= 0)
        call[n_calls++ % CALLS] = *h;
    return rc;
}

static int get(unsigned m, unsigned c, const char *key)
{
    struct lars_host h;
    uint64_t k;

    if (!key)
        return begun(lars_get_host(me, m, c, &h), &h);
    k = strncmp(key, "text=", 5) == 0 ? lars_key(key + 5, strlen(key + 5))
                                      : (uint64_t)atoi(key + 4);
    return begun(lars_get_host_key(me, m, c, k, &h), &h);
}

static int nowait(unsigned m, unsigned c)
{
    struct lars_host h;

    return begun(lars_nowait_get(me, m, c, 0, &h), &h);
}

/* C has no guard object: report by hand. */
static int guarded(unsigned m, unsigned c, const char *how)
{
    struct lars_host h;
    int rc = lars_get_host(me, m, c, &h);

    return rc < 0 ? rc : lars_report(me, &h, strcmp(how, "ok") == 0 ? 0 : 1);
}

/* Another name is an outcome that does not exist. */
static enum lars_outcome outcome_of(const char *name)
{
    int i;

    for (i = 0; i < LARS_OUTCOMES && strcmp(outcomes[i], name) != 0; i++)
        continue;
    return (enum lars_outcome)i;
}

static int cancelled(unsigned m, unsigned c, int n)
{
    struct lars_host h;
    int i, bad = 0;

    for (i = 0; i < n; i++) {
        bad += lars_get_host(me, m, c, &h) < 0;
        bad += (i % 2 ? lars_cancel(me, &h) : lars_end(me, &h, LARS_CANCELLED)) < 0;
    }
    return bad;
}

static int status(const char *name)
{
    struct lars_status s = {.size = sizeof(s)};
    int rc = lars_status(me, &s), i;

    if (rc < 0)
        return rc;
    if (strcmp(name, "error") == 0)
        return s.shm_error;
    for (i = 0; i < LARS_PATHS; i++)
        if (strcmp(name, lars_path_name((enum lars_path)i)) == 0)
            return (int)s.begun[i];
    i = outcome_of(name);
    return i < LARS_OUTCOMES ? (int)s.ended[i] : -ENOSYS;
}

/* Does a text have these words? */
static int has(const char *what, const char *words)
{
    struct lars_status s = {.size = sizeof(s)};

    if (strcmp(what, "error") == 0)
        return strstr(error, words) != NULL;
    if (strcmp(what, "log") == 0)
        return strstr(hooked.lines, words) != NULL;
    if (lars_status(me, &s) < 0)
        return -EINVAL;
    return strstr(strcmp(what, "file") == 0 ? s.shm_file : s.shm_why, words) != NULL;
}

#ifndef LARS_JNI_AS_C_H
/* How many functions accept a pointer that must not be NULL? */
static int null(void)
{
    struct lars_host h = call[0];

    return (lars_open(NULL, NULL) != -EINVAL) + (lars_status(me, NULL) != -EINVAL) +
           (lars_get_host(NULL, 1, 1, &h) != -EINVAL) +
           (lars_get_host(me, 1, 1, NULL) != -EINVAL) +
           (lars_nowait_get(me, 1, 1, 0, NULL) != -EINVAL) +
           (lars_get_host_opt(me, 1, 1, NULL, NULL) != -EINVAL) +
           (lars_retry_next(me, NULL, &h) != -EINVAL) +
           (lars_get_route(me, 1, 1, NULL, 1) != -EINVAL) +
           (lars_report(NULL, &h, 0) != -EINVAL) + (lars_end(me, NULL, 0) != -EINVAL) +
           (lars_cancel(me, NULL) != -EINVAL);
}
#endif

/* --- an agent that does not answer -------------------------------------------------- */

static volatile sig_atomic_t ticks;

/* The timer ends, so a wait that each signal begins anew ends too, much too late. */
static void tick(int signo)
{
    const struct itimerval none = {0};

    (void)signo;
    if (++ticks == TICKS)
        setitimer(ITIMER_REAL, &none, NULL);
}

static void *one_silent(void *arg)
{
    struct work *w = arg;
    struct lars_host h;

    w->bad = lars_get_host(me, w->modid, w->cmdid, &h) == -ETIMEDOUT;
    return NULL;
}

/* Threads that begin a call at once, this one too: how many timed out. */
static int silent(int n, const struct work *w)
{
    const struct itimerval every = {{0, TICK_US}, {0, TICK_US}}, none = {0};
    const struct sigaction sa = {.sa_handler = tick};
    struct work work[64];
    pthread_t t[64];
    int i, timed_out = 0;

    ticks = 0;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    for (i = 0; i < n; i++) {
        work[i] = *w;
        if (i > 0 && pthread_create(&t[i], NULL, one_silent, &work[i]) != 0)
            return -EAGAIN;
    }
    one_silent(&work[0]);
    for (i = 0; i < n; i++) {
        if (i > 0)
            pthread_join(t[i], NULL);
        timed_out += work[i].bad;
    }
    setitimer(ITIMER_REAL, &none, NULL);
    return timed_out;
}

static void *many(void *arg)
{
    struct work *w = arg;
    struct lars_host h;
    int i;

    for (i = 0; i < w->n; i++)
        w->bad += lars_get_host(me, w->modid, w->cmdid, &h) < 0 ||
                  lars_report(me, &h, w->retcode) < 0;
    return NULL;
}

static int allocate(struct work *w)
{
    unsigned long before;

    many(w);
    before = allocations();
    many(w);
    return w->bad ? -EIO : (int)(allocations() - before);
}

static int attempts(unsigned m, unsigned c, int n, const char *how)
{
    struct lars_retry r = {.modid = m,
                           .cmdid = c,
                           .attempts = (uint32_t)n,
                           .idempotent = strcmp(how, "idempotent") == 0};
    struct lars_host h;
    int made = 0, rc;

    while ((rc = lars_retry_next(me, &r, &h)) >= 0) {
        lars_report(me, &h, 1);
        made++;
    }
    return made > 0 ? made : rc;
}

static int threads(int n, const struct work *w)
{
    struct work work[64];
    pthread_t t[64];
    int i, bad = 0;

    for (i = 0; i < n; i++) {
        work[i] = *w;
        if (pthread_create(&t[i], NULL, many, &work[i]) != 0)
            return -EAGAIN;
    }
    for (i = 0; i < n; i++) {
        pthread_join(t[i], NULL);
        bad += work[i].bad;
    }
    return bad;
}

/* The child ends by executing another program.  Otherwise valgrind would search it for
 * leaks, with a fault for each word of the mappings that a child does not inherit
 * (MADV_DONTFORK). */
static int other(struct work *w)
{
    int fd[2], bad = -ECHILD;
    pid_t pid = pipe(fd) == 0 ? fork() : -1;

    if (pid == 0) {
        many(w);
        if (write(fd[1], &w->bad, sizeof(w->bad)) > 0)
            execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    close(fd[1]);
    if (read(fd[0], &bad, sizeof(bad)) != sizeof(bad))
        bad = -ECHILD;
    close(fd[0]);
    waitpid(pid, NULL, 0);
    return bad;
}

static unsigned number(const char *word)
{
    return word ? (unsigned)strtoul(word, NULL, 10) : 0;
}

/* The steps about a call that has begun. */
static int of_call(char **w)
{
    const struct lars_host *h = &call[number(w[1])];

    if (strcmp(w[0], "report") == 0)
        return lars_report(me, h, atoi(w[2]));
    if (strcmp(w[0], "end") == 0)
        return lars_end(me, h, outcome_of(w[2]));
    if (strcmp(w[0], "same") == 0)
        return memcmp(&h->addr, &call[number(w[2])].addr, sizeof(h->addr)) == 0;
    if (strcmp(w[0], "drop") == 0)
        return n_calls--, 0;
    return -ENOSYS;
}

static int of_client(char **w)
{
    if (strcmp(w[0], "open") == 0)
        return open_client(w + 1);
    if (strcmp(w[0], "openin") == 0)
        return open_in(w[1]);
    if (strcmp(w[0], "close") == 0)
        return close_client();
    if (strcmp(w[0], "status") == 0)
        return status(w[1]);
    if (strcmp(w[0], "ended") == 0)
        return hooked.ended[outcome_of(w[1])];
#ifndef LARS_JNI_AS_C_H
    if (strcmp(w[0], "null") == 0)
        return null();
#endif
    return of_call(w);
}

/* The steps that make calls of a module. */
static int of_module(char **w)
{
    unsigned m = number(w[1]), c = w[1] ? number(w[2]) : 0;
    struct lars_addr a[64];
    struct work work = {m, c, 0, 0, 0};

    if (strcmp(w[0], "nowait") == 0)
        return nowait(m, c);
    if (strcmp(w[0], "register") == 0)
        return lars_register(me, m, c);
    if (strcmp(w[0], "get") == 0)
        return get(m, c, w[3]);
    if (strcmp(w[0], "route") == 0)
        return lars_get_route(me, m, c, a, 64);
    if (strcmp(w[0], "call") == 0)
        return guarded(m, c, w[3]);
    if (strcmp(w[0], "attempts") == 0)
        return attempts(m, c, atoi(w[3]), w[4]);
    work.n = w[1] && w[2] && w[3] ? atoi(w[3]) : 0;
    if (strcmp(w[0], "cancelled") == 0)
        return cancelled(m, c, work.n);
    if (strcmp(w[0], "other") == 0)
        return other(&work);
    if (strcmp(w[0], "allocate") == 0)
        return allocate(&work);
    work.retcode = 1;
    return strcmp(w[0], "fail") == 0 ? (many(&work), work.bad) : of_client(w);
}

static int result(char **w)
{
    struct work work = {0};

    if (strcmp(w[0], "threads") != 0 && strcmp(w[0], "silent") != 0)
        return of_module(w);
    work.modid = number(w[2]);
    work.cmdid = number(w[3]);
    work.n = w[4] ? atoi(w[4]) : 1;
    return w[0][0] == 's' ? silent(atoi(w[1]), &work) : threads(atoi(w[1]), &work);
}

/* A step whose result is a text.  NULL for another. */
static const char *text_result(char **w, char buf[BUF])
{
    struct lars_status s = {.size = sizeof(s)};
    const struct lars_addr *a;

    if (strcmp(w[0], "keyof") == 0) {
        snprintf(buf, BUF, "%016llx",
                 (unsigned long long)(w[1] ? lars_key(w[1], strlen(w[1]))
                                           : lars_key("", 0)));
    } else if (strcmp(w[0], "node") == 0) {
        a = &call[number(w[1])].addr;
        snprintf(buf, BUF, "%u.%u.%u.%u:%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3],
                 a->port);
    } else if (strcmp(w[0], "status") == 0 && strcmp(w[1], "path") == 0) {
        if (lars_status(me, &s) < 0)
            return NULL;
        snprintf(buf, BUF, "%s", lars_path_name((enum lars_path)s.path));
    } else {
        return NULL;
    }
    return buf;
}

static const char *name_of(int rc, char buf[BUF])
{
    snprintf(buf, BUF, "%d", rc);
    if (rc >= 0)
        return buf;
    snprintf(error, sizeof(error), "%s",
             rc == -EINVAL ? lars_last_error() : lars_strerror(rc));
    return strerrorname_np(-rc);
}

/* <words>: what follows the second word of the step. */
static const char *got_of(char **w, const char *words, char buf[BUF])
{
    const char *text = text_result(w, buf);

    if (text)
        return text;
    return name_of(strcmp(w[0], "has") == 0 ? has(w[1], words) : result(w), buf);
}

/* A step "in LANGUAGES: STEP".  Returns the step; NULL when it is for others. */
static char *for_this(char *line)
{
    char *colon = strncmp(line, "in ", 3) == 0 ? strstr(line, ": ") : NULL, *at, *save;
    bool ours = false;

    if (!colon)
        return line;
    *colon = '\0';
    for (at = strtok_r(line + 3, " ", &save); at; at = strtok_r(NULL, " ", &save))
        ours = ours || strcmp(at, SUITE) == 0;
    if (!ours)
        printf("not for " SUITE ": %s\n", colon + 2);
    return ours ? colon + 2 : NULL;
}

/* An event outside of the client.  False when it could not be made. */
static bool around(const char *line)
{
    char answer[200];

    printf("%s\n", line);
    fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "ok\n") == 0;
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool step(char *line, const char *where)
{
    char copy[300], *word[WORDS + 1] = {NULL}, *want, *save, buf[BUF];
    char rest[300] = ""; /* what follows the second word */
    const char *got;
    long start = now_ms(), took = 0;
    int n = 0;
    bool until;

    if (strncmp(line, "do ", 3) == 0)
        return around(line);
    snprintf(copy, sizeof(copy), "%s", line);
    want = strstr(copy, " -> ");
    *want = '\0';
    want += 4;
    until = strncmp(copy, "until ", 6) == 0;
    sscanf(copy + (until ? 6 : 0), "%*s %*s %299[^\n]", rest);
    for (word[n] = strtok_r(copy, " ", &save); word[n] && n < WORDS - 1;)
        word[++n] = strtok_r(NULL, " ", &save);
    for (;;) {
        int before = n_calls;

        got = got_of(word + until, rest, buf);
        took = now_ms() - start;
        if (took <= hang_ms && (strcmp(got, want) == 0 || strcmp(want, "any") == 0))
            return true;
        if (!until || took > hang_ms)
            break;
        if (n_calls > before)
            lars_report(me, &call[--n_calls], 0);
        poll(NULL, 0, 5);
    }
    printf("not ok - %s: %s: got %s after %ld ms\n", where, line, got, took);
    fflush(stdout);
    return false;
}

int main(int argc, char **argv)
{
    FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
    char line[300], name[200] = "", *step_line;
    int passed = 0, failed = 0;
    bool well = true;

    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        if (strncmp(line, "scenario ", 9) == 0) {
            passed += name[0] && well;
            failed += name[0] && !well;
            snprintf(name, sizeof(name), "%.190s", line + 9);
            n_calls = 0;
            well = around("do begin");
        } else if (well && (step_line = for_this(line))) {
            well = step(step_line, name);
        }
    }
    passed += name[0] && well;
    failed += name[0] && !well;
    lars_close(me);
    if (f)
        fclose(f);
    printf("conformance " SUITE ": %d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
