/* The log level of a daemon is set by its configuration and changed by SIGUSR1, SIGUSR2,
 * `larsctl log` and its HTTP port, which accepts changes from the same host only. */
#include "lib/freeport.h"
#include "lib/httppeer.h"
#include "lib/textfile.h"
#include "proc.h"

static struct proc dns;
static char folder[] = "/tmp/lars_loglevel_XXXXXX";
static char conf[100], ctl_conf[100], line[1000], said[1000];
static int http;

static void write_conf(const char *level)
{
    textfile_write(conf,
                   "[dnsd]\n"
                   "port = 0\n"
                   "[db]\n"
                   "memory = 1\n"
                   "[http]\n"
                   "listen = 127.0.0.1:0\n"
                   "[log]\n"
                   "level = %s\n",
                   level);
}

static int setup(void **state)
{
    t_fds_save(state);
    memset(&dns, 0, sizeof(dns));
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    snprintf(conf, sizeof(conf), "%s/dnsd.ini", folder);
    snprintf(ctl_conf, sizeof(ctl_conf), "%s/larsctl.ini", folder);
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&dns);
    unlink(conf);
    unlink(ctl_conf);
    rmdir(folder);
    return t_fds_check(state);
}

/* Reads the log until a line has <text>; fails when the program ends before. */
static void expect(const char *text)
{
    proc_expect_line(dns.err, text);
}

/* Starts lars-dnsd at level info, stores its HTTP port in <http>, and writes the
 * configuration with which larsctl finds it. */
static void start_daemon(void)
{
    const char *at = NULL;

    write_conf("info");
    proc_start(&dns, "lars-dnsd", "-c", conf, NULL);
    proc_wait_port(&dns);
    while (!at && proc_line(dns.err, line, sizeof(line)))
        at = strstr(line, "http.listen") ? strstr(line, " port=") : NULL;
    assert_non_null(at);
    http = atoi(at + 6);
    textfile_write(ctl_conf,
                   "[larsctl]\nhttp = 127.0.0.1:%d\n[db]\nsocket = /nonexistent\n", http);
}

/* Runs larsctl with up to three arguments.  Its standard output is in <line>, its
 * standard error in <said>.  Returns its exit code. */
static int larsctl(const char *a, const char *b, const char *c)
{
    struct proc p = {0};
    ssize_t n;
    size_t len = 0;

    proc_start(&p, "larsctl", "-c", ctl_conf, "-o", "csv", a, b, c, NULL);
    while ((n = read(p.out, line + len, sizeof(line) - len - 1)) > 0)
        len += (size_t)n;
    line[len] = '\0';
    for (len = 0; (n = read(p.err, said + len, sizeof(said) - len - 1)) > 0;)
        len += (size_t)n;
    said[len] = '\0';
    return proc_wait(&p);
}

/* Sends PUT /log-level with <body> and the line <header>.  Returns the HTTP status. */
static int put(const char *body, const char *header)
{
    char q[300];
    struct httpreply reply;
    int fd = peer_connect(http);

    peer_send(fd, q,
              (size_t)snprintf(q, sizeof(q),
                               "PUT /log-level HTTP/1.1\r\n"
                               "Host: x\r\n"
                               "%sConnection: close\r\n"
                               "Content-Length: %zu\r\n"
                               "\r\n"
                               "%s",
                               header, strlen(body), body));
    httppeer_read(fd, &reply);
    close(fd);
    return reply.status;
}

static void t_level_of_the_configuration_holds_from_the_start(void **state)
{
    bool logged = false;

    (void)state;
    write_conf("warn");
    proc_start(&dns, "lars-dnsd", "-c", conf, NULL);
    proc_wait_port(&dns);
    kill(dns.pid, SIGTERM);
    while (proc_line(dns.err, line, sizeof(line)))
        logged |= strstr(line, " INFO ") != NULL || strstr(line, " DEBUG ") != NULL;
    assert_false(logged);
    assert_int_equal(proc_wait(&dns), 0);
}

static void t_wrong_level_is_refused(void **state)
{
    (void)state;
    write_conf("loud");
    proc_start(&dns, "lars-dnsd", "-c", conf, "--check-config", NULL);
    expect("[log] level must be error, warn, info or debug");
    assert_int_equal(proc_wait(&dns), 2);
}

static void t_signals_change_the_level_by_one_step(void **state)
{
    (void)state;
    start_daemon();
    kill(dns.pid, SIGUSR1);
    expect(" WARN log.level from=info to=debug by=SIGUSR1");
    kill(dns.pid, SIGUSR2);
    expect(" WARN log.level from=debug to=info by=SIGUSR2");
    kill(dns.pid, SIGUSR2);
    expect(" WARN log.level from=info to=warn by=SIGUSR2");
    kill(dns.pid, SIGUSR2);
    expect(" WARN log.level from=warn to=error by=SIGUSR2");
    kill(dns.pid, SIGUSR1);
    expect(" WARN log.level from=error to=warn by=SIGUSR1");
    kill(dns.pid, SIGHUP); /* is ignored */
    assert_int_equal(proc_end(&dns, SIGTERM), 0);
}

static void t_larsctl_shows_and_sets_the_level(void **state)
{
    char text[100];

    (void)state;
    start_daemon();
    assert_int_equal(larsctl("log", NULL, NULL), 0);
    snprintf(text, sizeof(text), "program,at,level\nlars-dnsd,127.0.0.1:%d,info\n", http);
    assert_string_equal(line, text);
    assert_int_equal(larsctl("log", "debug", NULL), 0);
    assert_non_null(strstr(line, ",debug\n"));
    expect(" WARN log.level from=info to=debug by=http");
    assert_int_equal(larsctl("log", "warn", "lars-reportd"), 1); /* another program */
    assert_int_equal(larsctl("log", NULL, NULL), 0);
    assert_non_null(strstr(line, ",debug\n"));
    assert_int_equal(larsctl("log", "warn", "lars-dnsd"), 0);
    expect(" WARN log.level from=debug to=warn by=http");
    assert_int_equal(larsctl("log", "loud", NULL), 2);
    proc_kill(&dns);
    assert_int_equal(larsctl("log", "info", NULL), 1);
}

/* The preset of [larsctl] http has the port of every daemon, and a host runs some. */
static void t_larsctl_names_the_ports_that_nothing_listens_at(void **state)
{
    int none = freeport_take();
    char text[200];

    (void)state;
    start_daemon();
    textfile_write(ctl_conf,
                   "[larsctl]\nhttp = 127.0.0.1:%d 127.0.0.1:%d\n[db]\nsocket = "
                   "/nonexistent\n",
                   none, http);
    assert_int_equal(larsctl("log", NULL, NULL), 0);
    snprintf(text, sizeof(text), "program,at,level\nlars-dnsd,127.0.0.1:%d,info\n", http);
    assert_string_equal(line, text);
    snprintf(text, sizeof(text), "larsctl: no daemon listens at 127.0.0.1:%d of ", none);
    assert_non_null(strstr(said, text));
    assert_int_equal(larsctl("log", "debug", "lars-dnsd"), 0);
    assert_string_equal(said, "");
    assert_int_equal(larsctl("log", "info", "lars-agentd"), 1); /* it may be down */
    assert_non_null(strstr(said, text));
    assert_non_null(strstr(said, "there is no lars-agentd at the addresses"));
    assert_int_equal(larsctl("log", NULL, NULL), 0);
    assert_non_null(strstr(line, ",debug\n"));
    proc_kill(&dns);
    assert_int_equal(larsctl("log", NULL, NULL), 1);
    snprintf(text, sizeof(text), "at 127.0.0.1:%d 127.0.0.1:%d of", none, http);
    assert_non_null(strstr(said, text));
    assert_string_equal(line, "");
}

static void t_http_port_checks_the_level_and_the_sender(void **state)
{
    (void)state;
    start_daemon();
    assert_int_equal(put("debug", "X-Forwarded-For: 10.0.0.1\r\n"), 403);
    assert_int_equal(put("debug", "Forwarded: for=10.0.0.1\r\n"), 403);
    assert_int_equal(put("loud", ""), 400);
    assert_int_equal(put("", ""), 400);
    assert_int_equal(put("debugdebugdebugdebug", ""), 400);
    assert_int_equal(larsctl("log", NULL, NULL), 0);
    assert_non_null(strstr(line, ",info\n"));
    assert_int_equal(put("error\n", ""), 200);
    expect(" WARN log.level from=info to=error by=http");
    assert_int_equal(proc_end(&dns, SIGTERM), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_level_of_the_configuration_holds_from_the_start), E(t_wrong_level_is_refused),
       E(t_signals_change_the_level_by_one_step), E(t_larsctl_shows_and_sets_the_level),
       E(t_larsctl_names_the_ports_that_nothing_listens_at),
       E(t_http_port_checks_the_level_and_the_sender))
