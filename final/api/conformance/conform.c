/* conform SCENARIOS -- the conformance suite's runner for C. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "allocations.h"
#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"

#define WORDS 8
#define CALLS 16
#ifndef SUITE
#define SUITE "C"
#endif

static struct lars_client *me;
static struct lars_host call[CALLS]; /* the calls of this scenario */
static int n_calls;
static long hang_ms;

struct work {
    unsigned modid, cmdid;
    int n, retcode, bad;
};

static int open_client(char **word)
{
    struct lars_options opt = {.dir = getenv("LARS_DIR"),
                               .port = (uint16_t)atoi(getenv("LARS_PORT")),
                               .timeout_ms = 2000};

    for (; *word; word++) {
        if (strncmp(*word, "address=", 8) == 0)
            opt.address = *word + 8;
        if (strncmp(*word, "port=", 5) == 0)
            opt.port = (uint16_t)atoi(*word + 5);
        if (strncmp(*word, "dir=", 4) == 0)
            opt.dir = *word + 4;
        if (strncmp(*word, "timeout_ms=", 11) == 0)
            opt.timeout_ms = (uint32_t)atoi(*word + 11);
    }
    hang_ms = 10 * (long)opt.timeout_ms;
    lars_close(me);
    me = NULL;
    return lars_open(&me, &opt);
}

static int close_client(void)
{
    lars_close(me);
    me = NULL;
    return 0;
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

    return begun(key ? lars_get_host_key(me, m, c, (uint64_t)atoi(key + 4), &h)
                     : lars_get_host(me, m, c, &h),
                 &h);
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

static int result(char **w)
{
    struct lars_addr a[64];
    struct work work = {number(w[1]), number(w[2]), 0, 0, 0};

    if (strcmp(w[0], "open") == 0)
        return open_client(w + 1);
    if (strcmp(w[0], "close") == 0)
        return close_client();
    if (strcmp(w[0], "nowait") == 0)
        return nowait(number(w[1]), number(w[2]));
    if (strcmp(w[0], "register") == 0)
        return lars_register(me, number(w[1]), number(w[2]));
    if (strcmp(w[0], "get") == 0)
        return get(number(w[1]), number(w[2]), w[3]);
    if (strcmp(w[0], "route") == 0)
        return lars_get_route(me, number(w[1]), number(w[2]), a, 64);
    if (strcmp(w[0], "report") == 0)
        return lars_report(me, &call[number(w[1])], atoi(w[2]));
    if (strcmp(w[0], "same") == 0)
        return memcmp(&call[number(w[1])].addr, &call[number(w[2])].addr,
                      sizeof(a[0])) == 0;
    if (strcmp(w[0], "call") == 0)
        return guarded(number(w[1]), number(w[2]), w[3]);
    if (strcmp(w[0], "attempts") == 0)
        return attempts(number(w[1]), number(w[2]), atoi(w[3]), w[4]);
    if (strcmp(w[0], "threads") == 0) {
        work = (struct work){number(w[2]), number(w[3]), atoi(w[4]), 0, 0};
        return threads(atoi(w[1]), &work);
    }
    work.n = w[3] ? atoi(w[3]) : 0;
    if (strcmp(w[0], "other") == 0)
        return other(&work);
    if (strcmp(w[0], "allocate") == 0)
        return allocate(&work);
    work.retcode = 1;
    return strcmp(w[0], "fail") == 0 ? (many(&work), work.bad) : -ENOSYS;
}

static const char *name_of(int rc, char buf[16])
{
    snprintf(buf, 16, "%d", rc);
    return rc < 0 ? strerrorname_np(-rc) : buf;
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
    char copy[300], *word[WORDS + 1] = {NULL}, *want, *save, buf[16];
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
    for (word[n] = strtok_r(copy, " ", &save); word[n] && n < WORDS - 1;)
        word[++n] = strtok_r(NULL, " ", &save);
    until = strcmp(word[0], "until") == 0;
    for (;;) {
        int before = n_calls;

        got = name_of(result(word + until), buf);
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
    char line[300], name[200] = "";
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
        } else if (well) {
            well = step(line, name);
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
