/* lars-traffic -- business code at work: asks its agent for nodes, calls them over TCP,
 * reports, and prints a line a second.
 *     build/lars-traffic [-a AGENT_ADDRESS] [-p AGENT_PORT] [-D DIR] [-m MODID/CMDID]
 *                        [-r CALLS_PER_SECOND] [-t THREADS] [-s SECONDS]
 * Ends by itself after SECONDS (3,600).  With SIGTERM it ends at once. */
#include <arpa/inet.h>
#include <errno.h>
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
#include "base/sig.h"
#include "net/frame.h"
#include "net/sock.h"

#define NODES_MAX 64                  /* connections that a thread keeps */
#define CALL_MS 1000                  /* a call takes no longer */
#define REQUEST 100
#define THREADS_MAX 64

static struct {
    struct lars_options opt;
    uint32_t modid, cmdid, rate, threads, seconds;
} set = {.modid = 1, .cmdid = 1, .rate = 200, .threads = 2, .seconds = 3600};

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
    if (w->n_link == NODES_MAX) {     /* many nodes: begin anew */
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

/* One request, one reply.  Returns 0; 1 when the node says that it failed; -errno. */
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
    if (l->fd < 0)
        l->fd = sock_connect(&to, CALL_MS);
    rc = l->fd < 0 ? l->fd : ask(l);
    if (rc < 0 && l->fd >= 0) {
        close(l->fd);
        l->fd = -1;
    }
    return rc;
}

static void one(struct worker *w)
{
    struct lars_host h;
    int rc = lars_get_host(w->lars, set.modid, set.cmdid, &h);

    if (rc < 0) {
        atomic_fetch_add(rc == -EAGAIN ? &n_overload : &n_no_host, 1);
        return;
    }
    n_file += rc == 1;
    rc = call(w, &h);
    atomic_fetch_add(rc == 0 ? &n_ok : &n_failed, 1);
    lars_report(w->lars, &h, rc);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    uint64_t gap_us = 1000000ull * set.threads / set.rate, next = mono_us();

    while (!stop) {
        uint64_t now = mono_us();
        struct timespec wait = {0};

        one(w);
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
    uint32_t i;
    int rc = 0;

    for (i = 0; i < set.threads && rc == 0; i++) {
        rc = lars_open(&w[i].lars, &set.opt);
        if (rc == 0)
            rc = -pthread_create(&w[i].thread, NULL, run, &w[i]);
    }
    return rc;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: lars-traffic [-a AGENT_ADDRESS] [-p AGENT_PORT] [-D DIR]\n"
            "                    [-m MODID/CMDID] [-r CALLS_PER_SECOND 1..100000]\n"
            "                    [-t THREADS 1..64] [-s SECONDS 1..86400]\n");
    return 2;
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

static int configure(int argc, char **argv)
{
    int opt;

    while ((opt = getopt(argc, argv, "a:p:D:m:r:t:s:")) != -1) {
        if (opt == 'a')
            set.opt.address = optarg;
        else if (opt == 'D')
            set.opt.dir = optarg;
        else if (opt == 'p')
            set.opt.port = (uint16_t)number(optarg);
        else if (opt == 'm' && sscanf(optarg, "%10u/%10u", &set.modid, &set.cmdid) != 2)
            return usage();
        else if (opt == 'r' || opt == 't' || opt == 's')
            *(opt == 'r'   ? &set.rate
              : opt == 't' ? &set.threads
                           : &set.seconds) = number(optarg);
        else if (opt == '?')
            return usage();
    }
    if (optind < argc || set.rate < 1 || set.rate > 100000 || set.threads < 1 ||
        set.threads > THREADS_MAX || set.seconds < 1 || set.seconds > 86400)
        return usage();
    return 0;
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
    int rc = configure(argc, argv);

    if (rc != 0)
        return rc;
    sig_ignore_pipe_and_hup();
    sig_set(SIGTERM, on_signal);
    sig_set(SIGINT, on_signal);
    rc = start(w);
    if (rc < 0)
        fprintf(stderr, "lars-traffic: %s (%s)\n", err_text(rc), err_str(rc));
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
