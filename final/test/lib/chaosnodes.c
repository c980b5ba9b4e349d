/* The callers and the nodes are real: a call asks the agent's shared memory for a node,
 * sends it a request by TCP and reports whether an answer came, so that the tests count
 * what a caller loses.  lars-node does not run under valgrind, which would make the nodes
 * differ in speed by more than the tests compare.
 *
 * Rejected: calls that ask no node and report a result that the test has chosen.  They
 * would not take the time that a node that hangs takes from its caller. */
#include "chaosnodes.h"

#include <sys/socket.h>

#include "lb/health.h"
#include "net/frame.h"
#include "shmem/node_table.h"

#define CALL_MS 300

struct chaosnodes chaosnodes;
struct chaosnodes_seen seen;

static int port[CHAOSNODES_MAX]; /* of each node; 0 before its first start */

int chaosnodes_setup(void **state)
{
    int rc = system_setup_shm(state), i;

    memset(chaosnodes.node, 0, sizeof(chaosnodes.node));
    memset(port, 0, sizeof(port));
    chaosnodes.call_ms = CALL_MS;
    for (i = 0; i < CHAOSNODES_MAX; i++)
        chaosnodes.delay[i] = "0";
    system_agentd_conf("[choice]\nzone = A\n");
    testdb_sql("DELETE FROM RouteData");
    return rc;
}

int chaosnodes_teardown(void **state)
{
    int i;

    for (i = 0; i < CHAOSNODES_MAX; i++)
        proc_kill(&chaosnodes.node[i]);
    return system_teardown(state);
}

void chaosnodes_start(int i)
{
    const char *env = getenv("LARS_WRAP");
    char at[40], wrap[512];

    snprintf(wrap, sizeof(wrap), "%s", env ? env : "");
    snprintf(at, sizeof(at), "127.0.3.%d:%d", i + 1, port[i]);
    setenv("LARS_WRAP", "", 1);
    proc_start(&chaosnodes.node[i], "lars-node", "-d", chaosnodes.delay[i], at, NULL);
    setenv("LARS_WRAP", wrap, 1);
    system_wait_port(&chaosnodes.node[i], "lars-node");
    port[i] = chaosnodes.node[i].port;
}

void chaosnodes_start_all(int n, bool zones)
{
    int i;

    for (i = 0; i < n; i++) {
        chaosnodes_start(i);
        testdb_sqlf(
            "INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
            "(1, 1, INET_ATON('127.0.3.%d'), %d, '%s')",
            i + 1, port[i], zones && i >= n / 2 ? "B" : "A");
    }
}

void chaosnodes_up(int n, bool zones)
{
    chaosnodes_start_all(n, zones);
    chaosnodes.n_first = system_start_shm();
    memset(&seen, 0, sizeof(seen));
}

bool chaosnodes_ask(const struct lars_addr *a)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    int ms = chaosnodes.call_ms;
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};
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

void chaosnodes_call(void)
{
    struct lars_host h;
    bool ok;

    if (lars_get_host(sys.client, 1, 1, &h) != 0) {
        seen.no_host++;
        return;
    }
    ok = chaosnodes_ask(&h.addr);
    lars_report(sys.client, &h, !ok);
    seen.ok += ok;
    seen.failed += !ok;
    if (h.addr.ip[3] >= 1 && h.addr.ip[3] <= CHAOSNODES_MAX)
        seen.to[h.addr.ip[3] - 1]++;
}

int chaosnodes_calls(int n)
{
    memset(&seen, 0, sizeof(seen));
    while (n-- > 0)
        chaosnodes_call();
    assert_int_equal(seen.no_host, 0);
    return seen.failed;
}

static bool is_called(int i)
{
    int before = seen.to[i], k;

    for (k = 0; k < 50 && seen.to[i] == before; k++)
        chaosnodes_call();
    return seen.to[i] > before;
}

uint32_t chaosnodes_cost(int i)
{
    uint32_t nid, n = node_table_count(sys.seg);
    struct net_addr a;

    for (nid = 0; nid < n; nid++) {
        node_table_addr(sys.seg, nid, &a);
        if (a.ip[3] == i + 1 && a.port == port[i])
            return node_table_costs(sys.seg)[nid];
    }
    return 0;
}

bool chaosnodes_is_ejected(int i)
{
    return chaosnodes_cost(i) >= NODE_OUT;
}

void chaosnodes_wait_called_again(int i)
{
    uint64_t end = t_now_ms() + 90000;
    bool back = false;

    while (chaosnodes_is_ejected(i) && t_now_ms() < end)
        chaosnodes_call();
    for (end = t_now_ms() + 60000; !back && t_now_ms() < end; poll(NULL, 0, 1))
        back = is_called(i) || (getenv("LARS_MODE") && !chaosnodes_is_ejected(i));
    assert_true(back);
}
