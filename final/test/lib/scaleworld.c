/* The lars-slotd of all hosts is three statements: a slot with an order is ready, a slot
 * without one is empty.  They run at most every 50 ms, whatever a test waits for.
 *
 * Rejected: real hosts, agents and gateways.  They are tested in their own programs, and
 * here they would only make it slower to see what the autoscaler does. */
#include "scaleworld.h"

#include <pthread.h>
#include <sys/stat.h>

#include "../peer.h"
#include "system.h"

#define TURN_MS 50

static struct {
    uint64_t turned_ms;
    unsigned calls;
    int measured_port;
} world;

static struct {
    pthread_t thread;
    int lfd, port;
    _Atomic unsigned rps;
    _Atomic bool silent, stop;
    double forwarded; /* of the gateway's thread, with what follows */
    uint64_t at_ms;
} gate;

void scaleworld_reset(unsigned slots)
{
    char cmd[200];

    snprintf(cmd, sizeof(cmd), "sh common/users %s >/dev/null", testdb_dir);
    assert_int_equal(system(cmd), 0);
    testdb_sql("DELETE FROM ScalePolicy; DELETE FROM ScalePlan; DELETE FROM ScaleHost; "
               "DELETE FROM ScaleWanted; DELETE FROM ScaleSlot; DELETE FROM "
               "ScaleDecision; DELETE FROM Capacity; DELETE FROM Freeze; DELETE FROM "
               "Lease; DELETE FROM Alarm; DELETE FROM ZoneLoad; DELETE FROM "
               "ModulePolicy; DELETE FROM RouteData; DELETE FROM RouteLog; DELETE FROM "
               "Audit; DELETE FROM ScaleShortage; DELETE FROM ScaleMeasure; "
               "DELETE FROM ZoneState; "
               "INSERT INTO ScalePolicy (modid, cmdid) VALUES (20, 1); "
               "INSERT INTO ModulePolicy (modid, cmdid, node_rps) VALUES (20, 1, 10)");
    testdb_sqlf("INSERT INTO ScaleHost (host, zone, address, slots) VALUES ('a1', 'a', "
                "'10.0.0.1', %u), ('b1', 'b', '10.0.0.2', %u)",
                slots, slots);
    world.calls = 0;
    world.measured_port = 0;
    world.turned_ms = 0;
}

void scaleworld_turn(void)
{
    if (t_now_ms() < world.turned_ms + TURN_MS)
        return;
    world.turned_ms = t_now_ms();
    /* read without locks, which would be in the way of the autoscaler */
    testdb_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    testdb_sql("UPDATE ScaleHost SET seen_at = NOW(3)");
    testdb_sqlf("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) SELECT "
                "w.host, w.slot, w.modid, w.cmdid, IF(m.slot IS NULL OR %d = 0, 7000 + "
                "w.slot, %d), 'ready' FROM ScaleWanted w LEFT JOIN ScaleMeasure m ON "
                "m.host = w.host AND m.slot = w.slot AND m.state = 'given' ON DUPLICATE "
                "KEY UPDATE seen_at = NOW(3)",
                world.measured_port, world.measured_port);
    testdb_sql("DELETE FROM ScaleSlot WHERE NOT EXISTS (SELECT 1 FROM ScaleWanted w "
               "WHERE w.host = ScaleSlot.host AND w.slot = ScaleSlot.slot)");
    if (world.calls > 0)
        testdb_sqlf("INSERT INTO ZoneLoad (at, modid, cmdid, zone, ok) VALUES "
                    "(UNIX_TIMESTAMP(), 20, 1, CRC32('a'), %u) ON DUPLICATE KEY UPDATE "
                    "ok = %u",
                    world.calls, world.calls);
}

void scaleworld_set_calls(unsigned rps)
{
    world.calls = rps;
}

void scaleworld_set_measured_port(int port)
{
    world.measured_port = port;
}

/* --- the gateway -------------------------------------------------------------------- */

/* Read a request with its body.  False: it did not come. */
static bool read_request(int fd)
{
    char text[4096];
    size_t n = 0, want = 0;

    while (n < sizeof(text) - 1) {
        ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);
        const char *end, *length;

        if (got <= 0)
            return false;
        n += (size_t)got;
        text[n] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "content-length:");
        want = length ? strtoul(length + 15, NULL, 10) : 0;
        if (end && n >= (size_t)(end + 4 - text) + want)
            return true;
    }
    return false;
}

static void answer(int fd)
{
    uint64_t now_ms = t_now_ms();
    char body[600], head[200];
    int n;

    gate.forwarded += gate.rps * (double)(now_ms - gate.at_ms) / 1000;
    gate.at_ms = now_ms;
    n = snprintf(
        body, sizeof(body),
        "{\"epoch\":\"0123456789abcdef\",\"ms\":%llu,\"zone\":\"a\",\"loops\":1,"
        "\"loops_max\":1,\"loop_busy_permille\":10,\"modules\":[{\"modid\":20,"
        "\"cmdid\":1,\"slot\":0,\"arrived\":%llu,\"cached\":0,\"forwarded\":%llu,"
        "\"refused_new\":0,\"refused_waiting\":0,\"refused_inside\":0,"
        "\"inflight_ms\":0,\"p99_us\":1000}]}",
        (unsigned long long)now_ms, (unsigned long long)gate.forwarded,
        (unsigned long long)gate.forwarded);
    snprintf(head, sizeof(head),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
             "%d\r\nConnection: close\r\n\r\n",
             n);
    (void)!send(fd, head, strlen(head), MSG_NOSIGNAL);
    (void)!send(fd, body, (size_t)n, MSG_NOSIGNAL);
}

static void *serve(void *arg)
{
    struct timeval tv = {.tv_sec = 2};

    (void)arg;
    while (!gate.stop) {
        struct pollfd pf = {.fd = gate.lfd, .events = POLLIN};
        int fd;

        if (poll(&pf, 1, 50) <= 0)
            continue;
        fd = accept(gate.lfd, NULL, NULL);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
        if (!gate.silent && read_request(fd))
            answer(fd);
        close(fd);
    }
    return NULL;
}

void scaleworld_start_gateway(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);

    gate.lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(gate.lfd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(gate.lfd, 16), 0);
    assert_int_equal(getsockname(gate.lfd, (struct sockaddr *)&a, &len), 0);
    gate.port = ntohs(a.sin_port);
    gate.rps = 0;
    gate.silent = gate.stop = false;
    gate.forwarded = 0;
    gate.at_ms = t_now_ms();
    assert_int_equal(pthread_create(&gate.thread, NULL, serve, NULL), 0);
}

void scaleworld_stop_gateway(void)
{
    if (gate.port == 0)
        return;
    gate.stop = true;
    pthread_join(gate.thread, NULL);
    close(gate.lfd);
    gate.port = 0;
}

void scaleworld_set_visits(unsigned rps)
{
    gate.rps = rps;
}

void scaleworld_silence_gateway(bool silent)
{
    gate.silent = silent;
}

int scaleworld_gateway_port(void)
{
    return gate.port;
}

/* --- the program -------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

int scaleworld_start(struct proc *p, unsigned hold_s, bool gateway)
{
    return scaleworld_start_with(p, hold_s, gateway, "");
}

int scaleworld_start_with(struct proc *p, unsigned hold_s, bool gateway, const char *more)
{
    char path[200], key[200], text[2000], gateways[40] = "";

    snprintf(path, sizeof(path), "%s/autoscaler.ini", testdb_dir);
    snprintf(key, sizeof(key), "%s/key", testdb_dir);
    write_file(key, "0123456789abcdef0123456789abcdef\n");
    chmod(key, 0600);
    if (gateway)
        snprintf(gateways, sizeof(gateways), "127.0.0.1:%d", gate.port);
    snprintf(text, sizeof(text),
             "[autoscaler]\ngateways = %s\nkey_file = %s\npull_ms = 100\nround_ms = 200\n"
             "lease_s = 3\ndown_window_s = %u\ndown_hold_s = %u\ndown_every_s = 1\n"
             "[db]\nsocket = %s\nuser = lars_scale\npassword = lars_scale\n"
             "[http]\nlisten = 127.0.0.1:0\n%s",
             gateways, key, hold_s, hold_s, testdb_socket, more);
    write_file(path, text);
    proc_start(p, "lars-autoscaler", "-c", path, NULL);
    return system_http_port(p);
}

unsigned long long scaleworld_n_up(void)
{
    return testdb_number("SELECT COUNT(*) FROM RouteData WHERE state = 'up'");
}

unsigned long long scaleworld_n_orders(void)
{
    return testdb_number("SELECT COUNT(*) FROM ScaleWanted");
}
