/* lars-traffic -- business code at work, for demonstrations and tests: asks its agent for
 * nodes, calls them over TCP, reports the results, and prints a line each second.
 * `lars-traffic --help` explains the options.
 *
 * Each thread has a client of its own and keeps a connection to every node it was given.
 * The rate is that of the calls that begin; a thread that falls behind skips the calls it
 * missed, because a burst would test something else than a steady load. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/lars.h"
#include "base/err.h"
#include "base/mono.h"
#include "base/opts.h"
#include "base/sig.h"
#include "net/frame.h"
#include "net/sock.h"

#define NODES_MAX 64                  /* connections that a thread keeps */
#define CALL_MS 1000                  /* a call takes no longer */
#define DEAD_S 3                      /* a node that is silent for so long is gone */
#define REQUEST 100
#define THREADS_MAX 64

static struct settings {
    char address[64], dir[200], module[24];
    uint32_t port, rate, threads, seconds;
} set;
static uint32_t modid, cmdid;         /* of set.module */

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "",
     "the address of the agent"},
    {"", "port", CONF_U32, AT(port), 0, 65533, "0", "the first UDP port of the agent"},
    {"", "dir", CONF_TEXT, AT(dir), 0, sizeof(set.dir), "", "the folder of the agent"},
    {"", "module", CONF_TEXT, AT(module), 0, sizeof(set.module), "1/1",
     "the module to call"},
    {"", "rate", CONF_U32, AT(rate), 1, 100000, "200", "calls a second, of all threads"},
    {"", "threads", CONF_U32, AT(threads), 1, THREADS_MAX, "2", "how many threads call"},
    {"", "seconds", CONF_U32, AT(seconds), 1, 86400, "3600", "how long to call"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'a', "address", "ADDRESS", "", "address", NULL,
     "Ask the agent at this address. The default is $LARS_ADDRESS, or 127.0.0.1."},
    {'p', "port", "PORT", "", "port", NULL,
     "The first UDP port of the agent. With 0 it is $LARS_PORT, or 8888."},
    {'D', "dir", "DIR", "", "dir", NULL,
     "The folder of the agent. The default is $LARS_DIR, or the library's."},
    {'m', "module", "MODID/CMDID", "", "module", NULL, "Call this module."},
    {'r', "rate", "CALLS", "", "rate", NULL,
     "Begin this many calls a second, 1 to 100000."},
    {'t', "threads", "N", "", "threads", NULL, "Call from this many threads, 1 to 64."},
    {'s', "seconds", "SECONDS", "", "seconds", NULL,
     "End after this many seconds, 1 to 86400."},
    {0}};

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    char end;

    if (sscanf(s->module, "%10u/%10u%c", &modid, &cmdid, &end) == 2)
        return 0;
    snprintf(err, CONF_ERR_MAX, "option -m: \"%s\" is not MODID/CMDID, such as 1/1",
             s->module);
    return -EINVAL;
}

static const struct opts_program program = {
    .name = "lars-traffic",
    .summary = "business code at work, for demonstrations and tests: asks the agent for "
               "nodes, calls them and reports",
    .operands = "",
    .about =
        "It prints a line a second: calls that succeeded and failed, questions answered "
        "with overload or without a node, and nodes taken from the file of the agent "
        "instead of the agent. SIGTERM and SIGINT (Ctrl-C) end it at once; the last line "
        "has the sums.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS,
    .check = check_settings};

static atomic_bool stop;
static atomic_ullong n_ok, n_failed, n_overload, n_no_host, n_file;

struct link {                         /* a connection to a node */
    struct lars_addr addr;
    int fd;                           /* -1 = none */
};

struct worker {
    pthread_t thread;
    struct lars_client *lars;
    struct link link[NODES_MAX];
    unsigned n_link;
};

static struct link *link_to(struct worker *w, const struct lars_addr *a)
{
    unsigned i;

    for (i = 0; i < w->n_link; i++)
        if (memcmp(&w->link[i].addr, a, sizeof(*a)) == 0)
            return &w->link[i];
    if (w->n_link == NODES_MAX) {     /* full: forget all, the used ones come back */
        while (w->n_link > 0)
            if (w->link[--w->n_link].fd >= 0)
                close(w->link[w->n_link].fd);
    }
    w->link[w->n_link] = (struct link){*a, -1};
    return &w->link[w->n_link++];
}

static int read_all(int fd, char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = sock_read(fd, p, len);

        if (n <= 0)
            return n == 0 ? -ECONNRESET : (int)n;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* No reply is awaited on a connection that rests, so whatever can be read is its end: the
 * node closed it, or has been silent for DEAD_S. */
static bool is_over(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};

    return poll(&p, 1, 0) != 0;
}

/* The connection to use for a call.  A node that was lost with its host and is back does
 * not know the connections of before: a call on one of them would fail, and say nothing
 * about the node. */
static int connect_link(struct link *l, const struct net_addr *to)
{
    if (l->fd >= 0 && is_over(l->fd)) {
        close(l->fd);
        l->fd = -1;
    }
    if (l->fd >= 0)
        return 0;
    l->fd = sock_connect(to, CALL_MS);
    return l->fd < 0 ? l->fd : sock_keepalive(l->fd, DEAD_S);
}

/* One request, one reply.  Returns 0; 1 when the reply reports a failure; -errno. */
static int ask(struct link *l)
{
    char out[FRAME_HEAD + 4] = "", in[FRAME_HEAD + 5];
    int rc;

    frame_put_head((uint8_t *)out, REQUEST, 4);
    rc = sock_write_all(l->fd, out, sizeof(out));
    if (rc == 0)
        rc = read_all(l->fd, in, sizeof(in));
    return rc < 0 ? rc : in[FRAME_HEAD] != 0;
}

static int call(struct worker *w, const struct lars_host *h)
{
    struct link *l = link_to(w, &h->addr);
    struct net_addr to = {.family = h->addr.family, .port = h->addr.port};
    int rc;

    memcpy(to.ip, h->addr.ip, sizeof(to.ip));
    rc = connect_link(l, &to);
    if (rc == 0)
        rc = ask(l);
    if (rc < 0 && l->fd >= 0) {
        close(l->fd);
        l->fd = -1;
    }
    return rc;
}

static void call_once(struct worker *w)
{
    struct lars_host h;
    int rc = lars_get_host(w->lars, modid, cmdid, &h);

    if (rc < 0) {
        atomic_fetch_add(rc == -EAGAIN ? &n_overload : &n_no_host, 1);
        return;
    }
    n_file += rc == 1;
    rc = call(w, &h);
    atomic_fetch_add(rc == 0 ? &n_ok : &n_failed, 1);
    lars_report(w->lars, &h, rc);
}

static void *call_steadily(void *arg)
{
    struct worker *w = arg;
    uint64_t gap_us = 1000000ull * set.threads / set.rate, next = mono_us();

    while (!stop) {
        uint64_t now = mono_us();
        struct timespec wait = {0};

        call_once(w);
        next += gap_us;
        if (next < now)               /* behind: do not catch up in a burst */
            next = now;
        now = mono_us();
        if (next > now)
            wait.tv_nsec = (long)(next - now > 900000 ? 900000 : next - now) * 1000;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
    }
    return NULL;
}

static void print_line(uint32_t second, unsigned long long last[5])
{
    unsigned long long now[5] = {n_ok, n_failed, n_overload, n_no_host, n_file};

    printf("%5u s  ok %5llu/s  failed %4llu/s  overload %4llu/s  no node %4llu/s  "
           "from file %4llu/s\n",
           second, now[0] - last[0], now[1] - last[1], now[2] - last[2], now[3] - last[3],
           now[4] - last[4]);
    fflush(stdout);
    memcpy(last, now, sizeof(now));
}

static void on_signal(int signo)
{
    (void)signo;
    stop = true;
}

static int start(struct worker *w)
{
    const struct lars_options opt = {.address = set.address[0] ? set.address : NULL,
                                     .dir = set.dir[0] ? set.dir : NULL,
                                     .port = (uint16_t)set.port};
    uint32_t i;
    int rc = 0;

    for (i = 0; i < set.threads && rc == 0; i++) {
        rc = lars_open(&w[i].lars, &opt);
        if (rc == 0)
            rc = -pthread_create(&w[i].thread, NULL, call_steadily, &w[i]);
    }
    return rc;
}

static void finish(struct worker *w)
{
    uint32_t i;

    for (i = 0; i < set.threads && w[i].lars; i++) {
        if (w[i].thread)
            pthread_join(w[i].thread, NULL);
        while (w[i].n_link > 0)
            if (w[i].link[--w[i].n_link].fd >= 0)
                close(w[i].link[w[i].n_link].fd);
        lars_close(w[i].lars);
    }
}

int main(int argc, char **argv)
{
    static struct worker w[THREADS_MAX];
    unsigned long long last[5] = {0};
    struct timespec second = {1, 0};
    uint32_t s;
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    sig_ignore_pipe_and_hup();
    sig_set(SIGTERM, on_signal);
    sig_set(SIGINT, on_signal);
    rc = start(w);
    if (rc < 0)
        fprintf(stderr, "lars-traffic: cannot start the calling threads: %s (%s)\n",
                err_text(rc), err_str(rc));
    for (s = 1; rc == 0 && s <= set.seconds && !stop; s++) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &second, NULL); /* a signal cuts it short */
        print_line(s, last);
    }
    stop = true;
    finish(w);
    printf("calls %llu ok %llu failed %llu overload %llu no node %llu\n", n_ok + n_failed,
           n_ok, n_failed, n_overload, n_no_host);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
