/* lars-load against real nodes: its counts are theirs, its load does not depend on them,
 * and its own bounds hold. */
#include "proc.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

static struct proc node, load;
static char url[60], line[1000], last[1000];

static int setup(void **state)
{
    memset(&node, 0, sizeof(node));
    memset(&load, 0, sizeof(load));
    return t_fds_save(state);
}

static int teardown(void **state)
{
    proc_kill(&node);
    proc_kill(&load);
    return t_fds_check(state);
}

static void use_port(int port)
{
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/x", port);
}

/* The number behind <name> in <text>. */
static unsigned long long number(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    if (!at)
        fail_msg("no \"%s\" in: %s", name, text);
    return strtoull(at + strlen(name), NULL, 10);
}

/* Read the output of lars-load to its end; <last> becomes its line "all".  Returns the
 * exit code. */
static int finish(void)
{
    last[0] = '\0';
    while (proc_line(load.out, line, sizeof(line)))
        if (strncmp(line, "all ", 4) == 0)
            strcpy(last, line);
    return proc_wait(&load);
}

static unsigned long long served(void)
{
    unsigned long long n;

    kill(node.pid, SIGTERM);
    do
        assert_true(proc_line(node.out, line, sizeof(line)));
    while (!strstr(line, "served "));
    n = number(line, "served ");
    assert_int_equal(proc_wait(&node), 0);
    return n;
}

static void t_counts_are_those_of_the_node(void **state)
{
    unsigned long long ok;

    (void)state;
    proc_start(&node, "http_node", "-d", "5", "127.0.0.1:0", NULL);
    proc_wait_port(&node);
    use_port(node.port);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "50", "-s", "4",
               "-f", "2=4", "-A", "fixed", NULL);
    assert_int_equal(finish(), 0);
    ok = number(last, " ok ");
    assert_in_range(ok, 498, 501);
    assert_int_equal(number(last, "due "), ok);
    assert_int_equal(number(last, "failed "), 0);
    assert_int_equal(served(), ok);
}

/* With two connections: only two requests of 600 are sent and not answered. */
static void t_requests_that_wait_for_a_stopped_node_have_waited(void **state)
{
    unsigned long long due = 0, ok = 0;
    int i;

    (void)state;
    proc_start(&node, "http_node", "127.0.0.1:0", NULL);
    proc_wait_port(&node);
    use_port(node.port);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "100", "-s", "6",
               "-n", "2", "-M", "1000", NULL);
    for (i = 0; i < 4; i++) {
        assert_true(proc_line(load.out, line, sizeof(line)));
        due += number(line, "due ");
        ok += number(line, " ok ");
        if (i == 0)
            assert_int_equal(kill(node.pid, SIGSTOP), 0);
    }
    assert_true(due >= 300 && ok < due - 100); /* the load has not become smaller */
    kill(node.pid, SIGCONT);
    assert_int_equal(finish(), 1);
    assert_int_equal(number(last, "failed "), 0);
    assert_true(number(last, "p99 ") >= 2000);
    assert_int_equal(served(), number(last, "due "));
}

static void t_what_exceeds_connections_and_queue_is_not_sent(void **state)
{
    unsigned long long no_room;

    (void)state;
    proc_start(&node, "http_node", "-d", "200", "127.0.0.1:0", NULL);
    proc_wait_port(&node);
    use_port(node.port);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "100", "-s", "3",
               "-n", "2", "-q", "4", NULL);
    assert_int_equal(finish(), 1); /* 10 a second are served */
    no_room = number(last, "no room ");
    assert_true(no_room > 200);
    assert_int_equal(no_room, number(last, "failed "));
    assert_int_equal(no_room + number(last, " ok "), number(last, "due "));
    assert_int_equal(served(), number(last, " ok "));
}

static void t_request_that_meets_a_closed_connection_is_sent_again(void **state)
{
    (void)state;
    proc_start(&node, "http_node", "-k", "15", "127.0.0.1:0", NULL);
    proc_wait_port(&node);
    use_port(node.port);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "300", "-s", "3",
               "-E", "0", NULL);
    assert_int_equal(finish(), 0);
    assert_int_equal(number(last, "failed "), 0);
    assert_int_equal(number(last, " ok "), number(last, "due "));
}

static void t_refusals_and_time_outs_are_named(void **state)
{
    (void)state;
    proc_start(&node, "http_node", "-s", "500", "127.0.0.1:0", NULL);
    proc_wait_port(&node);
    use_port(node.port);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-s", "1", NULL);
    assert_int_equal(finish(), 1);
    assert_int_equal(number(last, "5xx "), number(last, "due "));
    kill(node.pid, SIGSTOP);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-s", "1", "-t", "300",
               NULL);
    assert_int_equal(finish(), 1);
    assert_int_equal(number(last, "timeout "), number(last, "due "));
    assert_true(number(last, "p99 ") >= 300);
    proc_kill(&node);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-s", "1", NULL);
    assert_int_equal(finish(), 1);
    assert_int_equal(number(last, "connect "), number(last, "due "));
}

static void t_server_on_another_host_is_refused_without_for_real(void **state)
{
    (void)state;
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", "http://192.0.2.1:80/", NULL);
    proc_expect_line(load.err, "--for-real");
    assert_int_equal(proc_wait(&load), 2);
}

static void t_interrupt_ends_it_with_the_sums(void **state)
{
    (void)state;
    proc_start(&node, "http_node", "-d", "30", "127.0.0.1:0", NULL);
    proc_wait_port(&node);
    use_port(node.port);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-s", "600", NULL);
    assert_true(proc_line(load.out, line, sizeof(line)));
    kill(load.pid, SIGINT);
    assert_int_equal(finish(), 0);
    assert_int_equal(number(last, " ok "), number(last, "due "));
    assert_int_equal(served(), number(last, "due "));
}

/* 80 requests in 4 s, of which half come from each of two addresses. */
static void t_access_log_is_played_faster(void **state)
{
    char path[] = "/tmp/e2e_load.XXXXXX";
    int i, fd = mkstemp(path);
    FILE *f;

    (void)state;
    assert_true(fd >= 0);
    f = fdopen(fd, "w");
    assert_non_null(f);
    for (i = 0; i < 80; i++)
        fprintf(f,
                "2026-11-26T08:00:%02d.%03dZ 0011223344556677 0 10.0.0.%d example.org "
                "GET /%d 200 9 1/1 127.0.0.1:80 1 - - new 0 0 0 1000 -\n",
                i / 20, i % 20 * 50, i % 2, i);
    fclose(f);
    proc_start(&node, "http_node", "127.0.0.1:0", NULL);
    proc_wait_port(&node);
    use_port(node.port);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-a", path, "-x", "2",
               NULL);
    assert_true(proc_line(load.out, line, sizeof(line)));
    assert_in_range(number(line, "due "), 30, 50); /* half of it in the first second */
    assert_int_equal(finish(), 0);
    assert_int_equal(number(last, " ok "), 80);
    assert_int_equal(served(), 80);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-a", path, "-f", "1=2",
               NULL);
    proc_expect_line(load.err, "leave --paths, --step and --visits out");
    assert_int_equal(proc_wait(&load), 2);
    unlink(path);
}

/* --- a server that gives each new visitor a cookie ---------------------------------- */

static struct {
    int lfd;
    pthread_t thread;
    const char *raw; /* what each request gets instead; NULL = none */
    unsigned n_without, n_with, n_wrong;
} shop;

static void answer(int fd)
{
    char in[4096], text[300];
    size_t n = 0;
    ssize_t got;
    unsigned i;

    while ((got = recv(fd, in + n, sizeof(in) - 1 - n, 0)) > 0) {
        n += (size_t)got;
        in[n] = '\0';
        if (!strstr(in, "\r\n\r\n"))
            continue;
        if (shop.raw) {
            send(fd, shop.raw, strlen(shop.raw), MSG_NOSIGNAL);
            return;
        }
        i = shop.n_without;
        if (strstr(in, "\r\nCookie: id="))
            shop.n_with++;
        else
            i = ++shop.n_without;
        shop.n_wrong += strstr(in, "\r\nHost: site.example\r\n") == NULL;
        snprintf(text, sizeof(text),
                 "HTTP/1.1 %s\r\nSet-Cookie: id=%u; Path=/\r\nContent-Length: 2\r\n"
                 "Connection: close\r\n\r\nok",
                 i % 2 ? "200 OK" : "503 Busy\r\nRetry-After: 2", i);
        send(fd, text, strlen(text), MSG_NOSIGNAL);
        return;
    }
}

static void *serve(void *arg)
{
    int fd;

    (void)arg;
    while ((fd = accept(shop.lfd, NULL, NULL)) >= 0) {
        answer(fd);
        close(fd);
    }
    return NULL;
}

static void open_shop(const char *raw)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);

    memset(&shop, 0, sizeof(shop));
    shop.raw = raw;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    shop.lfd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(shop.lfd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(shop.lfd, 100), 0);
    getsockname(shop.lfd, (struct sockaddr *)&at, &len);
    assert_int_equal(pthread_create(&shop.thread, NULL, serve, NULL), 0);
    use_port(ntohs(at.sin_port));
}

static void close_shop(void)
{
    shutdown(shop.lfd, SHUT_RDWR);
    pthread_join(shop.thread, NULL);
    close(shop.lfd);
}

static void t_visitor_keeps_its_cookie_and_waiting_pages_are_no_failures(void **state)
{
    (void)state;
    open_shop(NULL);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "60", "-s", "4",
               "-v", "-w", "1", "-P", "20", "-H", "site.example", NULL);
    assert_int_equal(finish(), 0);
    close_shop();
    assert_int_equal(number(last, " ok ") + number(last, "waiting page "),
                     number(last, "due "));
    assert_int_equal(shop.n_with + shop.n_without, number(last, "due "));
    assert_true(shop.n_with > shop.n_without);
    assert_int_equal(shop.n_wrong, 0);
}

static void t_each_form_of_a_response_is_read_and_what_is_none_is_named(void **state)
{
    static const struct {
        const char *raw, *name;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", " ok "},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", " ok "},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
         " ok "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxmore than that", " ok "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", "reset "},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx", "reset "},
        {"HTTP/1.1 20", "reset "},
        {"", "reset "},
        {"SSH-2.0-nonsense\r\n\r\n", "no HTTP "},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "no HTTP "},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_shop(cases[i].raw);
        proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "40", "-s",
                   "1", "-E", "100", NULL);
        assert_int_equal(finish(), 0);
        close_shop();
        if (number(last, cases[i].name) != number(last, "due "))
            fail_msg("case %u: %s", i, last);
    }
}

#define LOAD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
T_MAIN(LOAD_TEST(t_counts_are_those_of_the_node),
       LOAD_TEST(t_requests_that_wait_for_a_stopped_node_have_waited),
       LOAD_TEST(t_what_exceeds_connections_and_queue_is_not_sent),
       LOAD_TEST(t_request_that_meets_a_closed_connection_is_sent_again),
       LOAD_TEST(t_refusals_and_time_outs_are_named),
       LOAD_TEST(t_interrupt_ends_it_with_the_sums),
       LOAD_TEST(t_access_log_is_played_faster),
       LOAD_TEST(t_server_on_another_host_is_refused_without_for_real),
       LOAD_TEST(t_visitor_keeps_its_cookie_and_waiting_pages_are_no_failures),
       LOAD_TEST(t_each_form_of_a_response_is_read_and_what_is_none_is_named))
