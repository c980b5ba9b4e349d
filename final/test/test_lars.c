/* The API; the test plays the agent with lost, late, wrong and hostile replies, or runs
 * without an agent. */
#include "api/lars.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/heartbeat.h"
#include "base/mono.h"
#include "proto/msg_host.h"
#include "route/routefile.h"
#include "udppeer.h"

#define PLAY_MAX 8

/* What the played agent does with one request. */
enum act {
    SILENT,
    OK_HOST,
    OVERLOAD,
    NONE,
    SYSTEM,
    OLD_SEQ,
    OTHER_MODULE,
    NONSENSE,
    ROUTE3
};

static struct {
    struct lars_client *c;
    struct lars_options opt;
    char dir[40], path[80];
    int fd;                           /* the third port, that of module 1/1 */
    int port;                         /* the first of the three */
    pthread_t thread;
    enum act act[PLAY_MAX];           /* one for each request */
    atomic_int n_act, n_seen;
    int32_t last_msgid;
    uint8_t last[MSG_HOST_ROOM];
    size_t last_len;
} fx;

static void reply(const struct sockaddr_in *to, int32_t msgid, const void *body, size_t n)
{
    uint8_t out[300];
    int32_t head[2] = {msgid, (int32_t)n};

    memcpy(out, head, 8);
    memcpy(out + 8, body, n);
    sendto(fx.fd, out, 8 + n, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void reply_host(const struct sockaddr_in *to, const struct msg_get_host *q,
                       int32_t retcode, uint32_t ip)
{
    struct msg_host_reply r = {q->seq, q->mod, retcode, {ip, 80}};
    uint8_t body[MSG_HOST_ROOM];
    ssize_t n = msg_host_pack_reply(&r, body, sizeof(body));

    reply(to, MSG_HOST, body, (size_t)n);
}

static void reply_route(const struct sockaddr_in *to)
{
    struct msg_host host[3] = {{1, 80}, {2, 80}, {3, 80}};
    struct module_id m = {1, 1}, other = {1, 4};
    uint8_t body[200];

    reply(to, MSG_API_ROUTE, body,
          (size_t)msg_pack_route(&other, host, 1, body, sizeof(body)));
    reply(to, MSG_API_ROUTE, body,
          (size_t)msg_pack_route(&m, host, 3, body, sizeof(body)));
}

static void play(enum act act, const struct sockaddr_in *to, struct msg_get_host q)
{
    struct msg_get_host wrong = q;

    switch (act) {
    case OLD_SEQ:
        wrong.seq--;
        reply_host(to, &wrong, MSG_RET_OK, 66);
        reply_host(to, &q, MSG_RET_OK, 0x0a000001);
        break;
    case OTHER_MODULE:
        wrong.mod.cmdid = 4;
        reply_host(to, &wrong, MSG_RET_OK, 66);
        reply_host(to, &q, MSG_RET_OK, 0x0a000001);
        break;
    case NONSENSE:
        reply(to, MSG_HOST, "\xff\xff\xff", 3);
        reply(to, 99, "x", 1);
        reply(to, MSG_HOST, "", 0);
        sendto(fx.fd, "abc", 3, 0, (const struct sockaddr *)to, sizeof(*to));
        reply_host(to, &q, MSG_RET_OK, 0x0a000001);
        break;
    case ROUTE3:
        reply_route(to);
        break;
    case SILENT:
        break;
    default:
        reply_host(to, &q,
                   act == OK_HOST    ? MSG_RET_OK
                   : act == OVERLOAD ? MSG_RET_OVERLOAD
                   : act == SYSTEM   ? MSG_RET_SYSTEM
                                     : MSG_RET_NONE,
                   0x0a000001);
    }
}

static void *agent(void *arg)
{
    struct sockaddr_in from;
    socklen_t len;
    uint8_t in[2000];
    ssize_t n;
    int k;

    (void)arg;
    for (;;) {
        struct msg_get_host q = {0, {1, 1}};

        len = sizeof(from);
        n = recvfrom(fx.fd, in, sizeof(in), 0, (struct sockaddr *)&from, &len);
        if (n < 8)
            return NULL;              /* a short datagram ends the thread */
        memcpy(&fx.last_msgid, in, 4);
        fx.last_len = (size_t)n - 8;
        memcpy(fx.last, in + 8, fx.last_len);
        if (fx.last_msgid == MSG_GET_HOST)
            msg_host_unpack_get(&q, in + 8, fx.last_len);
        k = fx.n_seen++;              /* before the reply: then it is visible */
        if (k < fx.n_act)
            play(fx.act[k], &from, q);
    }
}

/* Bind a port and use it as the third of an agent; the two below are not bound. */
static void open_port(void)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    fx.fd = udppeer_open(0);
    assert_int_equal(getsockname(fx.fd, (struct sockaddr *)&a, &len), 0);
    fx.port = ntohs(a.sin_port) - 2;
}

static int setup(void **state)
{
    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    strcpy(fx.dir, "/tmp/lars_api_XXXXXX");
    assert_non_null(mkdtemp(fx.dir));
    open_port();
    assert_int_equal(pthread_create(&fx.thread, NULL, agent, NULL), 0);
    fx.opt = (struct lars_options){.port = (uint16_t)fx.port,
                                   .dir = fx.dir,
                                   .timeout_ms = 10000};
    return 0;
}

static void open_client(uint32_t timeout_ms)
{
    fx.opt.timeout_ms = timeout_ms;
    assert_int_equal(lars_open(&fx.c, &fx.opt), 0);
}

static void stop_agent(void)
{
    int fd;

    if (fx.fd < 0)
        return;
    fd = udppeer_open(fx.port + 2);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    pthread_join(fx.thread, NULL);
    close(fd);
    close(fx.fd);
    fx.fd = -1;
}

static const char *file(const char *name)
{
    snprintf(fx.path, sizeof(fx.path), "%s/%s", fx.dir, name);
    return fx.path;
}

static int teardown(void **state)
{
    lars_close(fx.c);
    stop_agent();
    unlink(file("routes"));
    unlink(file("heartbeat"));
    rmdir(fx.dir);
    return t_fds_check(state);
}

static void agent_will(enum act act)
{
    fx.act[fx.n_act] = act;
    fx.n_act++;
}

static int get(struct lars_host *h)
{
    return lars_get_host(fx.c, 1, 1, h);
}

static void expect_host(void)
{
    struct lars_host h;

    assert_int_equal(get(&h), 0);
    assert_int_equal(h.addr.family, AF_INET);
    assert_int_equal(h.addr.port, 80);
    assert_memory_equal(h.addr.ip, "\x0a\0\0\1", 4);
    assert_int_equal(h.modid, 1);
}

static void t_each_retcode_is_its_errno(void **state)
{
    struct lars_host h;

    (void)state;
    open_client(10000);
    agent_will(OK_HOST);
    agent_will(OVERLOAD);
    agent_will(NONE);
    agent_will(SYSTEM);
    expect_host();
    assert_int_equal(get(&h), -EAGAIN);
    assert_int_equal(get(&h), -ENOENT);
    assert_int_equal(get(&h), -EIO);
    assert_int_equal(lars_get_host(fx.c, 0, 0, &h), -EINVAL);
}

static void t_late_and_wrong_replies_do_not_answer(void **state)
{
    (void)state;
    open_client(10000);
    agent_will(OLD_SEQ);
    agent_will(OTHER_MODULE);
    agent_will(NONSENSE);
    expect_host();
    expect_host();
    expect_host();
}

static void t_lost_request_is_sent_again(void **state)
{
    (void)state;
    open_client(2000);
    agent_will(SILENT);
    agent_will(OK_HOST);
    expect_host();
    assert_int_equal(fx.n_seen, 2);
}

static void t_silent_agent_is_etimedout(void **state)
{
    struct lars_host h;
    struct lars_addr a[3];

    (void)state;
    open_client(20);
    assert_int_equal(get(&h), -ETIMEDOUT);
    assert_int_equal(lars_get_route(fx.c, 1, 1, a, 3), -ETIMEDOUT);
    assert_int_equal(lars_register(fx.c, 1, 1), -ETIMEDOUT);
}

static void t_silent_agent_file_answers(void **state)
{
    struct route_row row[] = {{1, 1, {0x0a000001, 80}},
                              {1, 1, {0x0a000002, 80}},
                              {2, 3, {7, 7}}};
    struct lars_addr a[3];
    struct lars_host h;
    int i;

    (void)state;
    assert_int_equal(routefile_write(file("routes"), row, 3, 0), 0);
    open_client(20);
    for (i = 0; i < 4; i++) {
        assert_int_equal(get(&h), 1); /* from the file */
        assert_int_equal(h.addr.ip[3], 1 + i % 2);
    }
    assert_int_equal(lars_get_route(fx.c, 1, 1, a, 3), 2);
    assert_int_equal(lars_get_route(fx.c, 1, 1, a, 1), -E2BIG);
    assert_int_equal(lars_get_host(fx.c, 5, 1, &h), -ETIMEDOUT); /* not in the file */
}

static void t_dead_agent_is_not_asked(void **state)
{
    struct route_row row = {1, 1, {0x0a000001, 80}};
    struct heartbeat *hb;
    struct lars_host h;

    (void)state;
    assert_int_equal(routefile_write(file("routes"), &row, 1, 0), 0);
    assert_int_equal(heartbeat_create(&hb, file("heartbeat")), 0);
    heartbeat_beat(hb, mono_ms());
    open_client(10000);
    agent_will(OK_HOST);
    expect_host();
    assert_int_equal(fx.n_seen, 1);
    heartbeat_close(hb);
    assert_int_equal(get(&h), 1);
    assert_int_equal(fx.n_seen, 1);
    assert_int_equal(heartbeat_create(&hb, file("heartbeat")), 0);
    heartbeat_beat(hb, mono_ms());    /* the agent runs again */
    agent_will(OK_HOST);
    expect_host();
    heartbeat_close(hb);
}

static void t_no_agent_needs_no_wait(void **state)
{
    struct route_row row = {1, 1, {0x0a000001, 80}};
    struct lars_host h;
    uint64_t t0;

    (void)state;
    assert_int_equal(routefile_write(file("routes"), &row, 1, 0), 0);
    stop_agent();
    open_client(60000);
    t0 = t_now_ms();
    assert_int_equal(get(&h), 1);     /* refused at once, without a time-out */
    assert_true(t_now_ms() - t0 < T_DEADLINE_MS);
    lars_report(fx.c, &h, 0);
    assert_int_equal(get(&h), 1);
}

static void t_report_carries_node_retcode_and_cost(void **state)
{
    struct lars_host h;
    struct msg_call q;

    (void)state;
    open_client(10000);
    agent_will(OK_HOST);
    assert_int_equal(get(&h), 0);
    h.start_us -= 250000;
    assert_int_equal(lars_report(fx.c, &h, -5), 0);
    T_WAIT(fx.n_seen == 2);
    assert_int_equal(fx.last_msgid, MSG_REPORT);
    assert_int_equal(msg_host_unpack_call(&q, fx.last, fx.last_len), 0);
    assert_int_equal(q.host.ip, 0x0a000001);
    assert_int_equal(q.host.port, 80);
    assert_int_equal(q.retcode, 1);
    assert_true(q.cost_us >= 250000);
    h.addr.family = AF_INET6;
    assert_int_equal(lars_report(fx.c, &h, 0), -EAFNOSUPPORT);
}

static void t_route_and_register(void **state)
{
    struct lars_addr a[3];

    (void)state;
    open_client(10000);
    agent_will(ROUTE3);
    agent_will(ROUTE3);
    agent_will(ROUTE3);
    assert_int_equal(lars_get_route(fx.c, 1, 1, a, 3), 3);
    assert_int_equal(a[2].ip[3], 3);
    assert_int_equal(lars_get_route(fx.c, 1, 1, a, 2), -E2BIG);
    assert_int_equal(lars_register(fx.c, 1, 1), 0);
    assert_int_equal(lars_get_route(fx.c, 0, 0, a, 3), -EINVAL);
}

static void t_wrong_use_is_einval(void **state)
{
    struct lars_host none = {0}, h;
    struct lars_addr a;

    (void)state;
    assert_int_equal(lars_get_host(NULL, 1, 1, &h), -EINVAL);
    assert_int_equal(lars_get_route(NULL, 1, 1, &a, 1), -EINVAL);
    assert_int_equal(lars_register(NULL, 1, 1), -EINVAL);
    assert_int_equal(lars_report(NULL, &none, 0), -EINVAL);
    assert_int_equal(lars_report(fx.c, &none, 0), -EINVAL);
    lars_close(NULL);
}

static void t_open_refuses_bad_options(void **state)
{
    struct lars_client *c;
    struct lars_options bad = {.address = "not an address"};

    (void)state;
    assert_int_equal(lars_open(&c, &bad), -EINVAL);
    bad = (struct lars_options){.port = 65535};
    assert_int_equal(lars_open(&c, &bad), -EINVAL);
    setenv("LARS_PORT", "lots", 1);
    assert_int_equal(lars_open(&c, NULL), -EINVAL);
    unsetenv("LARS_PORT");
    lars_close(NULL);
}

static void *many_calls(void *arg)
{
    int i;

    for (i = 0; i < 200; i++) {
        struct lars_host h;

        if (get(&h) != -EAGAIN)
            ++*(int *)arg;
    }
    return NULL;
}

static void *echo_agent(void *arg)
{
    struct sockaddr_in from;
    socklen_t len;
    uint8_t in[2000];
    ssize_t n;

    (void)arg;
    for (;;) {
        struct msg_get_host q;

        len = sizeof(from);
        n = recvfrom(fx.fd, in, sizeof(in), 0, (struct sockaddr *)&from, &len);
        if (n < 8)
            return NULL;
        if (msg_host_unpack_get(&q, in + 8, (size_t)n - 8) == 0)
            reply_host(&from, &q, MSG_RET_OVERLOAD, 0);
    }
}

static void t_one_client_many_threads(void **state)
{
    pthread_t t[4];
    int wrong[4] = {0}, i;

    (void)state;
    stop_agent();
    open_port();
    fx.opt.port = (uint16_t)fx.port;
    assert_int_equal(pthread_create(&fx.thread, NULL, echo_agent, NULL), 0);
    open_client(20000);
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, many_calls, &wrong[i]), 0);
    for (i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(wrong[i], 0);
    }
}

/* As a daemon does: all numbers are closed, and files of its own take them. */
static void t_child_that_closed_all_numbers_keeps_its_own_files(void **state)
{
    struct lars_host h;
    _Atomic int *lost = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct stat before[40], now;
    int i, status;
    pid_t pid;

    (void)state;
    *lost = 1;
    open_client(100);
    stop_agent();
    pid = fork();
    if (pid == 0) {
        for (i = 3; i < 256; i++)
            close(i);
        for (i = 3; i < 40; i++)
            if (socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) != i ||
                fstat(i, &before[i]) < 0)
                kill(getpid(), SIGKILL);
        (void)lars_get_host(fx.c, 1, 1, &h);
        *lost = 0;
        for (i = 3; i < 40; i++)
            if (fstat(i, &now) < 0 || now.st_ino != before[i].st_ino)
                *lost = i;
        kill(getpid(), SIGKILL);      /* valgrind looks for no leaks in it then */
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(*lost, 0);
    munmap((void *)lost, 4096);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_each_retcode_is_its_errno), E(t_late_and_wrong_replies_do_not_answer),
       E(t_lost_request_is_sent_again), E(t_silent_agent_is_etimedout),
       E(t_silent_agent_file_answers), E(t_dead_agent_is_not_asked),
       E(t_no_agent_needs_no_wait), E(t_report_carries_node_retcode_and_cost),
       E(t_route_and_register), E(t_wrong_use_is_einval), E(t_open_refuses_bad_options),
       E(t_one_client_many_threads),
       E(t_child_that_closed_all_numbers_keeps_its_own_files))
