/* Nodes that die, hang, are slow, flap; a zone that is lost; everything restarted: with
 * real nodes and calls to them.
 *   LARS_CHAOS=N   F33 takes N times 24 s (make chaos) */
#include "system.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "lb/health.h"
#include "net/frame.h"
#include "net/sock.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

#define N_MAX 10
#define CALL_MS 300

static char shm[120], conf[600];
static struct segment *seg;
static struct proc node[N_MAX], dns2, rep2;
static int port[N_MAX], n_nodes_up;
static const char *delay[N_MAX];
static struct {
    int ok, failed, no_host, to[N_MAX];
} seen;

/* Every child's descriptors are ours too: node_kill() of what is not there is fine. */
static int nodes_setup(void **state)
{
    int rc = setup(state), i;

    memset(node, 0, sizeof(node));
    memset(&dns2, 0, sizeof(dns2));
    memset(&rep2, 0, sizeof(rep2));
    memset(port, 0, sizeof(port));
    for (i = 0; i < N_MAX; i++)
        delay[i] = "0";
    n_nodes_up = 0;
    snprintf(shm, sizeof(shm), "%s/shm-files", mydb_dir);
    snprintf(conf, sizeof(conf),
             "[shm]\ndir = %s\nmax_nodes = 4096\n[choice]\nzone = A\n", shm);
    more_conf = conf;
    mydb_sql("DELETE FROM ReportSeen; DELETE FROM CallSecond; DELETE FROM RouteData; "
             "DELETE FROM ZoneLoad; DELETE FROM NodeOut");
    return rc;
}

static int nodes_teardown(void **state)
{
    char cmd[300];
    int i;

    segment_close(seg);
    seg = NULL;
    lars_close(client);
    client = NULL;
    proc_kill(&agent);
    proc_kill(&dns2);
    proc_kill(&rep2);
    for (i = 0; i < N_MAX; i++)
        proc_kill(&node[i]);
    snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, shm);
    assert_int_equal(system(cmd), 0);
    return teardown(state);
}

/* Again on the port that it had.  Not in valgrind, which would make nodes differ in speed
 * by more than the tests compare. */
static void start_node(int i)
{
    const char *env = getenv("LARS_WRAP");
    char at[40], wrap[512];

    snprintf(wrap, sizeof(wrap), "%s", env ? env : "");
    snprintf(at, sizeof(at), "127.0.3.%d:%d", i + 1, port[i]);
    setenv("LARS_WRAP", "", 1);
    proc_start(&node[i], "lars-node", "-d", delay[i], at, NULL);
    setenv("LARS_WRAP", wrap, 1);
    proc_wait_port(&node[i]);
    port[i] = node[i].port;
}

/* The first half is in zone A, ours. */
static void up(int n, bool zones)
{
    struct lars_host h;
    char sql[200];
    int i;

    for (i = 0; i < n; i++) {
        start_node(i);
        snprintf(
            sql, sizeof(sql),
            "INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
            "(1, 1, INET_ATON('127.0.3.%d'), %d, '%s')",
            i + 1, port[i], zones && i >= n / 2 ? "B" : "A");
        mydb_sql(sql);
    }
    n_nodes_up = n;
    start_all();
    T_WAIT(segment_open(&seg, shm) == 0);
    T_WAIT(lars_get_host(client, 1, 1, &h) == 0 && h.opaque[2] != 0);
    lars_report(client, &h, 0);
    memset(&seen, 0, sizeof(seen));
}

/* One request to a lars-node, with an end. */
static bool ask(const struct lars_addr *a)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    struct timeval tv = {0, CALL_MS * 1000};
    char out[FRAME_HEAD], in[FRAME_HEAD + 1];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok;

    memcpy(&to.sin_addr, a->ip, 4);
    frame_put_head((uint8_t *)out, 100, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    ok = connect(fd, (void *)&to, sizeof(to)) == 0 &&
         send(fd, out, sizeof(out), MSG_NOSIGNAL) == sizeof(out) &&
         recv(fd, in, sizeof(in), MSG_WAITALL) == sizeof(in) && in[FRAME_HEAD] == 0;
    close(fd);
    return ok;
}

static void call(void)
{
    struct lars_host h;
    bool ok;

    if (lars_get_host(client, 1, 1, &h) != 0) {
        seen.no_host++;
        return;
    }
    ok = ask(&h.addr);
    lars_report(client, &h, !ok);
    seen.ok += ok;
    seen.failed += !ok;
    if (h.addr.ip[3] >= 1 && h.addr.ip[3] <= N_MAX)
        seen.to[h.addr.ip[3] - 1]++;
}

/* Calls <n> times from zero; returns how many failed. */
static int calls(int n)
{
    memset(&seen, 0, sizeof(seen));
    while (n-- > 0)
        call();
    assert_int_equal(seen.no_host, 0);
    return seen.failed;
}

static bool is_called(int i)
{
    int before = seen.to[i], k;

    for (k = 0; k < 50 && seen.to[i] == before; k++)
        call();
    return seen.to[i] > before;
}

/* Returns how many calls it took. */
static int calls_until_called(int i, int *failed)
{
    uint64_t end = t_now_ms() + T_DEADLINE_MS;
    int n = 0;

    memset(&seen, 0, sizeof(seen));
    for (; seen.to[i] == 0 && t_now_ms() < end; n++)
        call();
    assert_int_equal(seen.no_host, 0);
    assert_true(seen.to[i] > 0);
    *failed += seen.failed;
    return n;
}

static bool is_out(int i)
{
    uint32_t nid, n = node_table_count(seg);
    struct net_addr a;

    for (nid = 0; nid < n; nid++) {
        node_table_addr(seg, nid, &a);
        if (a.ip[3] == i + 1 && a.port == port[i])
            return node_table_costs(seg)[nid] >= NODE_EJECTED;
    }
    return false;
}

/* Who was long dead rests up to a minute between two tries.  In valgrind nodes differ so
 * much in speed that one may be in and hardly ever chosen: in is enough there. */
static void wait_back(int i)
{
    uint64_t end = t_now_ms() + 90000;
    bool back = false;

    while (is_out(i) && t_now_ms() < end)
        call();
    for (end = t_now_ms() + 60000; !back && t_now_ms() < end; poll(NULL, 0, 1))
        back = is_called(i) || (getenv("LARS_MODE") && !is_out(i));
    assert_true(back);
}

/* The node itself, in valgrind as well. */
static void t_a_node_answers_until_sigterm(void **state)
{
    struct lars_addr a = {.ip = {127, 0, 3, 1}};
    int i;

    (void)state;
    proc_start(&node[0], "lars-node", "-d", "1", "127.0.3.1:0", NULL);
    proc_wait_port(&node[0]);
    a.port = (uint16_t)node[0].port;
    for (i = 0; i < 20; i++)
        T_WAIT(ask(&a));
    assert_int_equal(proc_end(&node[0], SIGTERM), 0);
}

static void t_f31_a_node_killed(void **state)
{
    int first, later;
    uint64_t since;

    (void)state;
    up(8, false);
    assert_int_equal(calls(400), 0);
    proc_kill(&node[3]);
    first = calls(1000);
    later = calls(1000);
    start_node(3);
    since = t_now_ms();
    wait_back(3);
    print_message("chaos: F31 killed: %d failed calls until it was out, %d later; called "
                  "again %llu ms after its start\n",
                  first, later, (unsigned long long)(t_now_ms() - since));
    assert_in_range(first, 0, 10);
    assert_int_equal(later, 0);
}

/* It still takes connections, so a probe by TCP finds it well: each return costs a call,
 * after 1, 2, 4 .. 60 s. */
static void t_f31_a_node_hangs(void **state)
{
    int first, later;

    (void)state;
    up(8, false);
    assert_int_equal(calls(400), 0);
    kill(node[3].pid, SIGSTOP);
    first = calls(1000);
    later = calls(1000);
    kill(node[3].pid, SIGCONT);
    wait_back(3);
    print_message("chaos: F31 frozen: %d failed calls until it was out, %d in 1,000 "
                  "later\n",
                  first, later);
    assert_in_range(first, 0, 10);
    assert_in_range(later, 0, 10);    /* 1 % */
}

static void t_f31_a_slow_node(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 8; i++)
        delay[i] = i == 3 ? "30" : "3";
    up(8, false);
    calls(200);
    calls(600);
    print_message("chaos: F31 ten times as slow as 7 others: %d of 600 calls, a fair "
                  "share were 75\n",
                  seen.to[3]);
    assert_int_equal(seen.failed, 0);
    assert_in_range(seen.to[3], 0, 25);
}

static void t_f32_most_nodes_down(void **state)
{
    int i, failed, later;

    (void)state;
    up(10, false);
    assert_int_equal(calls(400), 0);
    for (i = 0; i < 6; i++)
        proc_kill(&node[i]);
    failed = calls(20000);
    later = calls(20000);
    print_message("chaos: F32 6 of 10 down: %d of 20,000 calls failed, then %d of them\n",
                  failed, later);
    assert_in_range(failed, 1, 6000); /* half of them may be out: one dead one is in */
    assert_in_range(later, 0, 1000);  /* and dear, as soon as the agent has looked */
    for (i = 0; i < 6; i++)
        start_node(i);
    for (i = 0; i < 10; i++)
        wait_back(i);
    assert_int_equal(calls(200), 0);
}

#define CALLERS 8

struct caller {
    pthread_t thread;
    int n, to[N_MAX];
};

static void *call_n_times(void *arg)
{
    struct caller *c = arg;
    struct lars_host h;

    while (c->n-- > 0 && lars_get_host(client, 1, 1, &h) == 0) {
        lars_report(client, &h, !ask(&h.addr));
        if (h.addr.ip[3] >= 1 && h.addr.ip[3] <= N_MAX)
            c->to[h.addr.ip[3] - 1]++;
    }
    return NULL;
}

/* <n> calls by each of eight threads at once; <to> is what each node had of them. */
static void calls_at_once(int n, int to[N_MAX])
{
    struct caller c[CALLERS];
    int i, k;

    memset(c, 0, sizeof(c));
    memset(to, 0, N_MAX * sizeof(to[0]));
    for (i = 0; i < CALLERS; i++) {
        c[i].n = n;
        assert_int_equal(pthread_create(&c[i].thread, NULL, call_n_times, &c[i]), 0);
    }
    for (i = 0; i < CALLERS; i++) {
        pthread_join(c[i].thread, NULL);
        for (k = 0; k < N_MAX; k++)
            to[k] += c[i].to[k];
    }
}

/* Each of the four had what is fair, less 30 % or more 10 %. */
static bool is_even(const int to[N_MAX])
{
    int i, fair = (to[6] + to[7] + to[8] + to[9]) / 4;

    for (i = 6; i < 10; i++)
        if (to[i] * 10 < fair * 7 || to[i] * 10 > fair * 11)
            return false;
    return true;
}

/* A reply takes 5 ms and eight wait at once, so that the calls in flight are what tells
 * nodes apart.  One caller that waits for replies of 0.1 ms would follow each delay that
 * a busy machine causes; after one that is long, the next round is even again. */
static void t_f32_the_survivors_have_equal_shares(void **state)
{
    uint64_t end;
    int i, to[N_MAX];

    (void)state;
    for (i = 0; i < N_MAX; i++)
        delay[i] = "5";
    up(10, false);
    for (i = 0; i < 6; i++)
        proc_kill(&node[i]);
    calls_at_once(100, to);           /* until the six are out */
    end = t_now_ms() + T_DEADLINE_MS;
    do {
        calls_at_once(250, to);
        print_message("chaos: F32 6 of 10 down, of 2,000 calls four got %d %d %d %d\n",
                      to[6], to[7], to[8], to[9]);
    } while (!is_even(to) && t_now_ms() < end);
    assert_true(is_even(to));
}

static void t_f33_half_of_the_nodes_flap(void **state)
{
    int s = 12 * (getenv("LARS_CHAOS") ? 2 * atoi(getenv("LARS_CHAOS")) : 1), i, in;
    int changes[8] = {0}, most = 0, least_in = 8, n = 0;
    bool out[8] = {false}, up_now = true;
    uint64_t start, next;

    (void)state;
    up(8, false);
    calls(200);
    start = t_now_ms();
    next = start + 2000;
    memset(&seen, 0, sizeof(seen));
    while (t_now_ms() < start + (uint64_t)s * 1000) {
        for (i = 0; i < 4 && t_now_ms() >= next; i++) {
            if (up_now)
                proc_kill(&node[i]);
            else
                start_node(i);
        }
        if (t_now_ms() >= next) {
            up_now = !up_now;
            next += 2000;
        }
        call();
        poll(NULL, 0, 1);
        n++;
        for (i = in = 0; i < 8; i++) {
            changes[i] += is_out(i) != out[i];
            out[i] = is_out(i);
            in += !out[i];
        }
        least_in = in < least_in ? in : least_in;
    }
    for (i = 0; i < 8; i++)
        most = changes[i] > most ? changes[i] : most;
    print_message(
        "chaos: F33 half of 8 nodes flap for %d s: at most %d changes of a node, "
        "at least %d in; %d of %d calls failed\n",
        s, most, least_in, seen.failed, n);
    assert_int_equal(seen.no_host, 0);
    assert_in_range(least_in, 4, 8);
    assert_in_range(most, 1, 11 + 6 * s / 60);
    for (i = 0; i < 4; i++)
        if (node[i].pid == 0)
            start_node(i);
}

/* DNSService, Report Service and all nodes of our zone, at once. */
static void t_f12_our_zone_is_lost(void **state)
{
    unsigned long long all;
    int failed, i;

    (void)state;
    proc_start(&dns2, "lars-dnsd", "-p", "0", "-s", mydb_socket, NULL);
    proc_wait_port(&dns2);
    proc_start(&rep2, "lars-reportd", "-p", "0", "-s", mydb_socket, NULL);
    proc_wait_port(&rep2);
    snprintf(conf + strlen(conf), sizeof(conf) - strlen(conf),
             "[dnsserver]\nothers = 127.0.0.1:%d\n[reporter]\nothers = 127.0.0.1:%d\n",
             dns2.port, rep2.port);
    up(8, true);
    assert_int_equal(calls(400), 0);
    assert_int_equal(seen.to[4] + seen.to[5] + seen.to[6] + seen.to[7], 0);
    proc_kill(&dns);
    proc_kill(&rep);
    for (i = 0; i < 4; i++)
        proc_kill(&node[i]);
    failed = calls(2000);
    print_message("chaos: F12 our zone lost: %d of 2,000 calls failed\n", failed);
    assert_in_range(failed, 1, 40);   /* k and its cap for four nodes, then 0.2 % */
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
             "(1, 1, INET_ATON('127.0.3.99'), 9, 'B')");
    T_WAIT(n_nodes() == 9);           /* by the other DNSService */
    all = 1 + 400 + 2000;
    T_WAIT(total("succ_cnt + err_cnt") >= all); /* by the other Report Service */
    assert_int_equal(total("succ_cnt + err_cnt"), all);
    for (i = 0; i < 4; i++)
        start_node(i);
    for (i = 0; i < 4; i++)
        wait_back(i);
}

/* One after the other, nodes too; no call goes without a node. */
static void t_f29_everything_restarted_in_turn(void **state)
{
    int i, failed = 0, n = 0;

    (void)state;
    up(4, false);
    for (i = 0; i < 4; i++) {
        proc_end(&node[i], SIGTERM);
        failed += calls(100);
        start_node(i);
        n += 100 + calls_until_called(i, &failed);
    }
    assert_int_equal(proc_end(&dns, SIGTERM), 0);
    failed += calls(100);
    start_dns();
    failed += calls(100);
    assert_int_equal(proc_end(&rep, SIGTERM), 0);
    failed += calls(100);
    start_rep();
    failed += calls(100);
    assert_int_equal(proc_end(&agent, SIGTERM), 0);
    failed += calls(100);
    start_agent();
    failed += calls(100);
    n += 600;
    print_message("chaos: F29 everything restarted in turn: %d calls, all had a node, %d "
                  "failed\n",
                  n, failed);
    T_WAIT(total("succ_cnt + err_cnt") >= 1 + (unsigned long long)n);
    assert_int_equal(total("succ_cnt + err_cnt"), 1 + n);
}

#define S(f) cmocka_unit_test_setup_teardown(f, nodes_setup, nodes_teardown)

MYDB_MAIN(S(t_a_node_answers_until_sigterm), S(t_f31_a_node_killed),
          S(t_f31_a_node_hangs), S(t_f31_a_slow_node), S(t_f32_most_nodes_down),
          S(t_f32_the_survivors_have_equal_shares), S(t_f33_half_of_the_nodes_flap),
          S(t_f12_our_zone_is_lost), S(t_f29_everything_restarted_in_turn))
