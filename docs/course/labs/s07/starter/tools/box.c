/* A host of the simulation is known by the address of its costs, which stays the same
 * for a run.  Its process starts with its first question.
 *
 * The generator of the caller's random numbers travels with each question, so a policy
 * gives the same run in the box as it does in the simulator itself.  The costs of one
 * tick are asked for at once, because a question takes some 10 us.
 *
 * Rejected: the policy as a library in the simulator's process.  It could then read which
 * node fails next, or write the score. */
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct host {
    const void *key; /* NULL = this process has no host yet */
    pid_t pid;
    int to, from; /* pipes */
    uint64_t tick_ms; /* of <cost>; 0 = none */
    uint32_t cost[BOX_NODES];
};

static struct host host[BOX_HOSTS];
static uint32_t n_host; /* that have a process */
static const char *program, *fault;
static struct lb_policy policy;

/* --- processes ---------------------------------------------------------------------- */

static void limit(int what, rlim_t soft, rlim_t hard)
{
    const struct rlimit l = {soft, hard};

    setrlimit((__rlimit_resource_t)what, &l);
}

static _Noreturn void become_policy(int from, int to)
{
    static char *const none[] = {NULL};
    char *const argv[] = {(char *)"policy", NULL};
    int fd;

    if (dup2(from, 0) < 0 || dup2(to, 1) < 0)
        _exit(127);
    if (close_range(2, ~0u, 0) < 0)   /* before Linux 5.9 */
        for (fd = 2; fd < 1024; fd++)
            close(fd);
    limit(RLIMIT_CPU, BOX_CPU_S, BOX_CPU_S + 1);
    limit(RLIMIT_AS, 256u << 20, 256u << 20);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_FSIZE, 0, 0);
    execve(program, argv, none);
    _exit(127);
}

/* Why a process has ended. */
static const char *why_ended(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return "made a system call: a policy computes, and does nothing else";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return "used 2 s of processor time on one host: does a loop never end?";
    if (WIFSIGNALED(status))
        return "was ended by a signal: an address that is not its own, or a division by "
               "0";
    if (WEXITSTATUS(status) == 127)
        return "did not start";
    if (WEXITSTATUS(status) == BOX_NO_SECCOMP)
        return "could not be put into its box: this system refuses seccomp";
    return "ended its process";
}

static void fail(struct host *h, const char *what)
{
    int status = 0;

    if (fault)
        return;
    if (!what) { /* it has closed its pipe: it has ended */
        waitpid(h->pid, &status, 0);
        h->pid = 0;
        what = why_ended(status);
    }
    fault = what;
}

/* Does the process wait for something?  One that computes, or that gets no processor
 * because the machine is busy, does not: its processor time is limited instead. */
static bool is_waiting(const struct host *h)
{
    char path[40], text[100] = "";
    const char *state;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)h->pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    state = strstr(text, ") ");       /* PID (NAME) STATE ... */
    return !state || state[2] == 'S';
}

/* Waits until there is something to read, or the end of the process.  False: it will not
 * come, because the process itself waits. */
static bool wait_for(const struct host *h)
{
    struct pollfd p = {h->from, POLLIN, 0};

    while (poll(&p, 1, BOX_WAIT_MS) == 0)
        if (is_waiting(h))            /* or it has answered meanwhile */
            return poll(&p, 1, 0) != 0;
    return true;
}

/* All of it. */
static bool receive(struct host *h, void *buf, size_t len)
{
    char *at = buf;
    ssize_t n;

    for (; len > 0; len -= (size_t)n, at += n) {
        if (!wait_for(h)) {
            fail(h, "waits in place of an answer");
            return false;
        }
        n = read(h->from, at, len);
        if (n <= 0) {
            fail(h, NULL);
            return false;
        }
    }
    return true;
}

static bool is_good_hello(const struct box_hello *b)
{
    return b->magic == BOX_MAGIC &&
           (b->flags & ~(unsigned)(POLICY_MOVES_STATE | POLICY_ANY_PART)) == 0;
}

static void start_process(struct host *h, struct box_hello *hello)
{
    int to[2], from[2];

    *h = (struct host){.to = -1, .from = -1};
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0) {
        fault = "got no pipe: too many open files";
        return;
    }
    h->pid = fork();
    if (h->pid == 0)
        become_policy(to[0], from[1]);
    close(to[0]);
    close(from[1]);
    h->to = to[1];
    fcntl(h->to, F_SETFL, O_NONBLOCK);
    h->from = from[0];
    if (h->pid < 0)
        fault = "got no process";
    else if (receive(h, hello, sizeof(*hello)) && !is_good_hello(hello))
        fault = "has flags that are not of enum policy_flags";
}

static void end_process(struct host *h)
{
    if (h->to >= 0)
        close(h->to);
    if (h->from >= 0)
        close(h->from);
    if (h->pid > 0) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
}

static struct host *host_of(const void *key)
{
    struct box_hello hello;
    uint32_t i;

    for (i = 0; i < n_host && host[i].key != key && host[i].key != NULL; i++)
        continue;
    if (i == n_host && n_host == BOX_HOSTS) {
        fault = "is asked by more hosts than the box has";
        return NULL;
    }
    if (i == n_host)
        start_process(&host[n_host++], &hello);
    host[i].key = key;
    return &host[i];
}

/* --- questions ---------------------------------------------------------------------- */

/* False: the run has failed. */
static bool ask(const struct pick_view *v, const struct health_node *health,
                struct box_request *q, struct box_answer *a)
{
    struct host *h = fault ? NULL : host_of(v->cost);
    size_t len = health ? sizeof(*q) : offsetof(struct box_request, health);
    uint32_t i;
    ssize_t n;

    if (fault || !h)
        return false;
    q->view = *v;
    q->view.cost = NULL; /* an address is nothing that a policy may know */
    q->view.counter = NULL;
    q->view.member = NULL;
    q->view.policy = NULL;
    for (i = 0; i < v->n; i++)
        q->cost[i] = v->cost[i];
    memcpy(q->counter, v->counter, v->n * sizeof(q->counter[0]));
    memcpy(q->member, v->member, v->n * sizeof(q->member[0]));
    if (health)
        memcpy(q->health, health, v->n * sizeof(q->health[0]));
    n = write(h->to, q, len);         /* it has read those before: there is room */
    if (n != (ssize_t)len) {
        fail(h, n < 0 && errno == EPIPE ? NULL : "did not read its question");
        return false;
    }
    return receive(h, a, sizeof(*a));
}

static void boxed_init(const struct pick_view *v, struct pick_state *st)
{
    struct box_request q = {.call = BOX_INIT, .rnd = st->rnd};
    struct box_answer a;

    if (ask(v, NULL, &q, &a))
        st->rnd = a.rnd;
}

static uint32_t boxed_pick(const struct pick_view *v, struct pick_state *st,
                           const struct pick_part *p, struct pick_call *c)
{
    struct box_request q = {.call = BOX_PICK, .part = *p, .pick = *c, .rnd = st->rnd};
    struct box_answer a;
    uint32_t to = policy.flags & POLICY_ANY_PART ? v->n : p->from + p->n;
    uint32_t from = policy.flags & POLICY_ANY_PART ? 0 : p->from;

    if (!ask(v, NULL, &q, &a))
        return p->from;
    if (a.at != v->n && (a.at < from || a.at >= to)) {
        fail(NULL, "chose a node that is not among those of the part");
        return p->from;
    }
    c->n_skipped = a.n_skipped;
    c->why |= a.why;
    st->rnd = a.rnd;
    return a.at;
}

/* The members that are to get a cost. */
static uint64_t wanted(const struct controller *s)
{
    uint64_t bits = 0;
    uint32_t i;

    for (i = 0; i < s->view.n; i++)
        if (node_state_cost(&s->node[s->view.member[i].nid].state) == 0)
            bits |= 1ull << i;
    return bits;
}

static uint32_t boxed_tick(const struct controller *s, uint32_t i, double mean_us,
                           uint64_t now_ms)
{
    struct box_request q = {.call = BOX_TICK,
                            .now_ms = now_ms,
                            .mean_us = mean_us,
                            .eject_after = s->eject_after,
                            .penalty_us = s->penalty_us,
                            .n_out = s->n_out,
                            .n_down = s->n_down,
                            .spills = s->spills};
    struct host *h = fault ? NULL : host_of(s->view.cost);
    struct box_answer a;

    if (!h)
        return 1;
    if (h->tick_ms != now_ms + 1) {
        q.wanted = wanted(s);
        if (!ask(&s->view, s->node, &q, &a))
            return 1;
        memcpy(h->cost, a.cost, sizeof(h->cost));
        h->tick_ms = now_ms + 1;
    }
    if (h->cost[i] == 0 || h->cost[i] > NODE_COST_MAX) {
        fail(NULL, "gave a node a cost that is not 1 to NODE_COST_MAX");
        return 1;
    }
    return h->cost[i];
}

/* --- a run -------------------------------------------------------------------------- */

const struct lb_policy *box_open(const char *of)
{
    struct box_hello hello = {0};
    struct rusage used;

    program = of;
    fault = NULL;
    getrusage(RUSAGE_CHILDREN, &used);
    if (used.ru_utime.tv_sec + used.ru_stime.tv_sec >= BOX_ALL_CPU_S) {
        fault = "has used 30 s of processor time in all";
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_DUMPABLE, 0); /* no other process of this user reads our memory */
    start_process(&host[0], &hello);
    n_host = 1;
    policy = (struct lb_policy){.name = "own",
                                .summary = "in a box",
                                .flags = hello.flags,
                                .init = boxed_init,
                                .pick = boxed_pick,
                                .tick = hello.has_tick ? boxed_tick : NULL};
    return fault ? NULL : &policy;
}

void box_close(void)
{
    while (n_host > 0)
        end_process(&host[--n_host]);
}

const char *box_fault(void)
{
    return fault;
}
