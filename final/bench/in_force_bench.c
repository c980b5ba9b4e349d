/* in_force_bench -- measures how soon a change is known to be in force on AGENTS agents,
 * and what their messages cost the database.  One process plays the agents: a connection
 * to lars-reportd each, an empty message 38 every 2 s, and the checksum of the new nodes
 * at once after each COMMIT.  The change and the looks are those of larsctl (ops).
 *     build/in_force_bench -p REPORTD_PORT -s DB_SOCKET -P PID_OF_MARIADBD [-n AGENTS]
 *                          [-r ROUNDS] [-t SECONDS_WITHOUT_CHANGES]
 * Prints one line: statements/s, commits/s and the CPU of mariadbd (percent of a core)
 * without changes; the shortest, median and longest time from COMMIT in ms, and the
 * statements, commits and CPU of mariadbd (ms) of one change. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mono.h"
#include "net/frame.h"
#include "ops/in_force.h"
#include "ops/ops.h"
#include "proto/msg_state.h"
#include "route/routedelta.h"

#define MODID 99
#define NODE_IP 0x0a000001u
#define AGENTS_MAX 20000
#define ROUNDS_MAX 1000
#define WAIT_MS 30000 /* a change that takes longer counts as lost */
#define EVERY_MS 2000 /* an agent reports this often */

static struct sqldb *db;
static int port, pid, agents = 1000, rounds = 20, quiet_s = 10;
static int fd_of[AGENTS_MAX];
static uint64_t seq_of[AGENTS_MAX];
static uint64_t open_of[AGENTS_MAX]; /* number of its last message with nodes; 0 when it
                                       * was acknowledged */
static uint64_t last_sum;
static struct msg_state state; /* the message that is sent next */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what is above */
static volatile int stopping;

static void die(const char *what)
{
    fprintf(stderr, "in_force_bench: %s: %s\n", what, db ? sqldb_error(db) : "");
    exit(1);
}

/* --- the agents --------------------------------------------------------------------- */

/* Acknowledgements are so short that each arrives whole. */
static void read_acks(int i)
{
    static char in[16384];
    ssize_t n = recv(fd_of[i], in, sizeof(in), MSG_DONTWAIT), size;
    const char *at = in;
    struct frame f;
    struct msg_ack ack;

    for (; n > 0 && (size = frame_parse(at, (size_t)n, FRAME_MAX_BODY, &f)) > 0;
         n -= size) {
        if (f.msgid == MSG_AGENT_STATE_ACK &&
            msg_batch_unpack_ack(&ack, f.body, f.len) == 0 && ack.seq >= open_of[i])
            open_of[i] = 0;
        at += size;
    }
}

/* <sum> 0: an empty message.  An agent whose nodes were not acknowledged, because the
 * queue of lars-reportd was full, sends them again instead. */
static void send_state(int i, uint64_t sum)
{
    static char out[2000];
    ssize_t n;

    read_acks(i);
    if (sum == 0 && open_of[i] != 0)
        sum = last_sum;

    snprintf(state.name, sizeof(state.name), "bench/10.1.%d.%d:8888", i / 250, i % 250);
    snprintf(state.program, sizeof(state.program), "bench");
    state.caller = 0x0a010000u + (uint32_t)i;
    memcpy(state.stream, &i, sizeof(i));
    memcpy(state.stream + sizeof(i), &(pid_t){getpid()}, sizeof(pid_t));
    state.seq = ++seq_of[i];
    if (sum != 0)
        open_of[i] = state.seq;
    state.n_module = sum != 0;
    state.module[0] = (struct msg_state_module){{MODID, 1}, 0, sum, 0};
    n = msg_state_pack(&state, out + FRAME_HEAD, sizeof(out) - FRAME_HEAD);
    if (n < 0)
        die("message");
    frame_put_head((uint8_t *)out, MSG_AGENT_STATE, (uint32_t)n);
    if (send(fd_of[i], out, FRAME_HEAD + (size_t)n, MSG_NOSIGNAL) != FRAME_HEAD + n)
        die("lars-reportd has closed a connection");
}

static void send_all(uint64_t sum)
{
    int i;

    pthread_mutex_lock(&lock);
    last_sum = sum;
    for (i = 0; i < agents; i++)
        send_state(i, sum);
    pthread_mutex_unlock(&lock);
}

static void connect_all(void)
{
    char hello[FRAME_HEAD + 100];
    ssize_t n = msg_batch_pack_hello(MSG_SERVICE_REPORT, hello + FRAME_HEAD, 100);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int i;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    frame_put_head((uint8_t *)hello, MSG_HELLO, (uint32_t)n);
    for (i = 0; i < agents; i++) {
        fd_of[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd_of[i] == -1 || connect(fd_of[i], (struct sockaddr *)&at, sizeof(at)) == -1)
            die("connect");
        if (send(fd_of[i], hello, FRAME_HEAD + (size_t)n, MSG_NOSIGNAL) != FRAME_HEAD + n)
            die("hello");
    }
}

/* The agents report one after the other, evenly within EVERY_MS. */
static void *report_steadily(void *arg)
{
    uint64_t start = mono_us(), k;

    (void)arg;
    for (k = 0; !stopping; k++) {
        uint64_t due = start + k * EVERY_MS * 1000 / (uint64_t)agents, now = mono_us();

        if (due > now)
            usleep((useconds_t)(due - now));
        pthread_mutex_lock(&lock);
        send_state((int)(k % (uint64_t)agents), 0);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

/* --- the change --------------------------------------------------------------------- */

static const struct audit_actor actor = {"bench", "larsctl", "", ""};

static uint64_t sum_of(uint32_t weight)
{
    struct route_node node = {NODE_IP, 80, (uint16_t)weight, 0};

    return routedelta_sum(&node, 1);
}

/* Wait until all agents have what the database has.  Returns the time from <from_ms>. */
static uint64_t wait_for_all(uint64_t from_ms)
{
    static struct in_force f;

    memset(&f, 0, sizeof(f));
    in_force_add(&f, MODID, 1);
    do
        if (in_force_wait(db, &f, from_ms + WAIT_MS) < 0)
            die("looking");
    while (f.module[0].n < (uint32_t)agents && mono_ms() < from_ms + WAIT_MS);
    if (f.module[0].yes != (uint32_t)agents) {
        fprintf(stderr, "in force on %u of %u agents, %u silent\n", f.module[0].yes,
                f.module[0].n, f.module[0].silent);
        die("agents are missing");
    }
    return mono_ms() - from_ms;
}

static uint64_t change(uint32_t weight)
{
    struct change_op op = {.verb = CHANGE_SET,
                           .fields = CHANGE_F_WEIGHT,
                           .node = {.modid = MODID, .cmdid = 1, .ip = NODE_IP}};
    struct ops_request r = {
        .who = actor, .action = "route set", .subject = "99/1", .op = &op, .n_op = 1};
    struct ops_outcome out = {.result = OPS_DONE};
    uint64_t ms;

    op.node.port = 80;
    op.node.weight = weight;
    if (ops_apply(db, &r, &out) < 0 || out.result != OPS_DONE)
        die(out.why);
    send_all(sum_of(weight));
    ms = wait_for_all(out.commit_ms);
    ops_free(&out);
    return ms;
}

/* --- the database's load ------------------------------------------------------------ */

/* What the server has counted, and used. */
struct load {
    uint64_t statements, commits;
    double cpu_ms;
};

static uint64_t status_of(const char *name)
{
    uint64_t n = 0;

    if (sqldb_number(db, &n,
                     "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE "
                     "VARIABLE_NAME = %s",
                     name) < 0)
        die("status");
    return n;
}

/* Milliseconds of processor time that mariadbd has used. */
static double cpu_ms(void)
{
    unsigned long user = 0, kernel = 0;
    char path[40], text[600];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (!f || !fgets(text, sizeof(text), f) ||
        sscanf(strrchr(text, ')') + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &kernel) != 2)
        die("-P is not the process of mariadbd");
    fclose(f);
    return 1000.0 * (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static struct load load_since(const struct load *from)
{
    return (struct load){status_of("Questions") - from->statements,
                         status_of("Com_commit") - from->commits,
                         cpu_ms() - from->cpu_ms};
}

static void measure_quiet(void)
{
    struct load from = load_since(&(struct load){0, 0, 0}), l;
    uint64_t t = mono_ms();

    sleep((unsigned)quiet_s);
    t = mono_ms() - t;
    l = load_since(&from);
    printf(" quiet_per_s=%llu quiet_commits=%llu quiet_cpu=%.1f",
           (unsigned long long)(l.statements * 1000 / t),
           (unsigned long long)(l.commits * 1000 / t), l.cpu_ms * 100 / (double)t);
}

static void measure_changes(void)
{
    static uint64_t ms[ROUNDS_MAX];
    struct load from = load_since(&(struct load){0, 0, 0}), l;
    uint64_t n = (uint64_t)rounds;
    int i;

    for (i = 0; i < rounds; i++)
        ms[i] = change(200 + (uint32_t)i);
    l = load_since(&from);
    qsort(ms, n, sizeof(*ms), by_size);
    printf(" min_ms=%llu p50_ms=%llu max_ms=%llu change_statements=%llu "
           "change_commits=%llu change_cpu_ms=%.0f\n",
           (unsigned long long)ms[0], (unsigned long long)ms[rounds / 2],
           (unsigned long long)ms[rounds - 1], (unsigned long long)(l.statements / n),
           (unsigned long long)(l.commits / n), l.cpu_ms / rounds);
}

static void measure(void)
{
    printf("agents=%d rounds=%d", agents, rounds);
    measure_quiet();
    measure_changes();
}

int main(int argc, char **argv)
{
    struct myconn_config mc = {"", "", 0, "lars", "lars", "lars_dns", 10};
    pthread_t steady;
    int o;

    while ((o = getopt(argc, argv, "p:s:P:n:r:t:")) != -1) {
        if (o == 's')
            mc.socket = optarg;
        else
            *(o == 'p'   ? &port
              : o == 'P' ? &pid
              : o == 'n' ? &agents
              : o == 'r' ? &rounds
                         : &quiet_s) = optarg ? atoi(optarg) : 0;
    }
    if (!mc.socket[0] || port <= 0 || pid <= 0 || agents < 1 || agents > AGENTS_MAX ||
        rounds < 1 || rounds > ROUNDS_MAX || quiet_s < 1) {
        fprintf(stderr, "usage: in_force_bench -p REPORTD_PORT -s DB_SOCKET -P "
                        "PID_OF_MARIADBD [-n AGENTS] [-r ROUNDS] [-t SECONDS]\n");
        return 2;
    }
    if (myconn_init() < 0 || sqldb_open(&db, &mc) < 0 ||
        sqldb_run(db,
                  "REPLACE INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
                  "(99, 1, 167772161, 80)") < 0)
        die("database");
    connect_all();
    send_all(sum_of(0)); /* 0: a node of weight 100 has it */
    wait_for_all(mono_ms());
    if (pthread_create(&steady, NULL, report_steadily, NULL) != 0)
        die("thread");
    measure();
    stopping = 1;
    pthread_join(steady, NULL);
    sqldb_close(db);
    return 0;
}
