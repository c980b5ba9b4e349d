/* The modules of base/ that need no socket: err, mono, log and sig. */
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/sig.h"

static void t_err_str_names_the_code(void **state)
{
    (void)state;
    assert_string_equal(err_str(-ECONNRESET), "ECONNRESET");
    assert_string_equal(err_text(-ECONNRESET), "Connection reset by peer");
    assert_string_equal(err_str(0), "OK");
    assert_string_equal(err_str(17), "OK");
    assert_string_equal(err_str(-99999), "E?");
    assert_string_equal(err_text(-99999), "Unknown error");
}

static void t_mono_ms_and_us_are_one_clock(void **state)
{
    uint64_t us = mono_us(), ms = mono_ms();

    (void)state;
    assert_true(ms >= us / 1000);
    assert_true(ms - us / 1000 < 10000);
    T_WAIT(mono_ms() > ms);
}

/* Run <fn> and copy what it logged into <buf>, as a string. */
static void capture(void (*fn)(void), char *buf, size_t size)
{
    int fd[2];
    ssize_t n;

    assert_int_equal(pipe2(fd, O_NONBLOCK | O_DIRECT), 0); /* a read is one write */
    log_set_fd(fd[1]);
    fn();
    log_set_fd(STDERR_FILENO);
    n = read(fd[0], buf, size - 1);
    buf[n > 0 ? n : 0] = '\0';
    close(fd[0]);
    close(fd[1]);
}

static void log_two_levels(void)
{
    LOG_DEBUG("x.hidden", "n=%d", 1);
    LOG_WARN("x.shown", "n=%d peer=%s", 2, "127.0.0.1:80");
}

static void t_log_write_makes_one_line_with_time_level_event(void **state)
{
    char buf[4096], early[32], late[32];
    time_t now = time(NULL);

    (void)state;
    strftime(early, sizeof(early), "%Y-%m-%dT%H:", gmtime(&now));
    setenv("TZ", "LAB-9", 1);             /* the time of a line is UTC everywhere */
    tzset();
    capture(log_two_levels, buf, sizeof(buf));
    unsetenv("TZ");
    tzset();
    now = time(NULL);
    strftime(late, sizeof(late), "%Y-%m-%dT%H:", gmtime(&now));
    assert_true(strncmp(buf, early, 14) == 0 || strncmp(buf, late, 14) == 0);
    assert_non_null(strstr(buf, "Z WARN x.shown n=2 peer=127.0.0.1:80\n"));
    assert_null(strstr(buf, "hidden"));
    assert_int_equal(strlen(buf), strlen("2026-11-22T08:00:00.123Z WARN x.shown n=2 "
                                         "peer=127.0.0.1:80\n"));
}

static void log_debug_wanted(void)
{
    log_set_level(LOG_LEVEL_DEBUG);
    LOG_DEBUG("x.wanted", "n=%d", 1);
    log_set_level(LOG_LEVEL_INFO);
}

static void t_log_set_level_shows_debug(void **state)
{
    char buf[4096];

    (void)state;
    capture(log_debug_wanted, buf, sizeof(buf));
    assert_non_null(strstr(buf, " DEBUG x.wanted n=1\n"));
}

static void log_forged(void)
{
    LOG_INFO("x.name", "name=%s", "a\n2026 ERROR forged\x1b[31m\x7f");
}

static void t_log_write_control_characters_cannot_forge_a_line(void **state)
{
    char buf[4096];

    (void)state;
    capture(log_forged, buf, sizeof(buf));
    assert_non_null(strstr(buf, "name=a?2026 ERROR forged?[31m?\n"));
    assert_ptr_equal(strchr(buf, '\n'), buf + strlen(buf) - 1);
}

static void log_long(void)
{
    char text[3000];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    LOG_INFO("x.long", "v=%s", text);
}

static void t_log_write_too_long_is_cut_and_still_a_line(void **state)
{
    char buf[4096];

    (void)state;
    capture(log_long, buf, sizeof(buf));
    assert_int_equal(strlen(buf), 1000);
    assert_int_equal(buf[999], '\n');
}

static void t_log_gate_opens_once_and_counts_the_rest(void **state)
{
    struct log_gate g = {0};
    uint32_t quiet = 77;
    int i;

    (void)state;
    assert_true(log_gate_open(&g, 3600000, &quiet));
    assert_int_equal(quiet, 0);
    for (i = 0; i < 41; i++)
        assert_false(log_gate_open(&g, 3600000, &quiet));
    g.next_ms = 0;                        /* as if the hour had passed */
    assert_true(log_gate_open(&g, 3600000, &quiet));
    assert_int_equal(quiet, 41);
    g.next_ms = 0;
    assert_true(log_gate_open(&g, 3600000, &quiet));
    assert_int_equal(quiet, 0);
}

static void log_flood(void)
{
    int i;

    for (i = 0; i < 1000; i++)
        LOG_EVERY(3600000, LOG_LEVEL_WARN, "x.flood", "i=%d", i);
}

static void t_log_every_writes_the_first_of_a_flood(void **state)
{
    char buf[4096];

    (void)state;
    capture(log_flood, buf, sizeof(buf));
    assert_non_null(strstr(buf, "x.flood i=0 quiet=0\n"));
    assert_ptr_equal(strchr(buf, '\n'), buf + strlen(buf) - 1);
}

static void t_sig_set_ignored_signal_does_not_end_the_process(void **state)
{
    (void)state;
    assert_int_equal(sig_set(SIGUSR1, SIG_IGN), 0);
    raise(SIGUSR1);
    assert_int_equal(sig_set(SIGUSR1, SIG_DFL), 0);
}

static void t_sig_set_sigkill_is_einval(void **state)
{
    (void)state;
    assert_int_equal(sig_set(SIGKILL, SIG_IGN), -EINVAL);
    assert_int_equal(sig_set(12345, SIG_IGN), -EINVAL);
}

static int alarm_pipe;
static volatile sig_atomic_t n_alarms;

/* The 20th alarm ends the read() of a test whose calls are restarted. */
static void on_alarm(int signo)
{
    (void)signo;
    if (++n_alarms == 20)
        (void)!write(alarm_pipe, "x", 1);
}

/* The alarm repeats, because the first may arrive before the read() begins. */
static void t_sig_set_handler_interrupts_a_read_with_eintr(void **state)
{
    struct itimerval often = {{0, 20000}, {0, 20000}}, off = {{0, 0}, {0, 0}};
    int fd[2], err;
    ssize_t n;
    char b;

    (void)state;
    assert_int_equal(pipe(fd), 0);
    alarm_pipe = fd[1];
    assert_int_equal(sig_set(SIGALRM, on_alarm), 0);
    setitimer(ITIMER_REAL, &often, NULL);
    n = read(fd[0], &b, 1);
    err = errno;
    setitimer(ITIMER_REAL, &off, NULL);
    assert_int_equal(n, -1);
    assert_int_equal(err, EINTR);
    assert_int_equal(sig_set(SIGALRM, SIG_DFL), 0);
    close(fd[0]);
    close(fd[1]);
}

static void t_sig_ignore_pipe_and_hup_makes_a_write_fail_with_epipe(void **state)
{
    struct sigaction sa;
    int fd[2];

    (void)state;
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(sig_ignore_pipe_and_hup(), 0);
    assert_int_equal(sigaction(SIGHUP, NULL, &sa), 0);
    assert_ptr_equal(sa.sa_handler, SIG_IGN);
    assert_int_equal(sigaction(SIGPIPE, NULL, &sa), 0);
    assert_ptr_equal(sa.sa_handler, SIG_IGN);
    assert_int_equal(pipe(fd), 0);
    close(fd[0]);
    assert_int_equal(write(fd[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(fd[1]);
}

T_MAIN(T(t_err_str_names_the_code), T(t_mono_ms_and_us_are_one_clock),
       T(t_log_write_makes_one_line_with_time_level_event),
       T(t_log_set_level_shows_debug),
       T(t_log_write_control_characters_cannot_forge_a_line),
       T(t_log_write_too_long_is_cut_and_still_a_line),
       T(t_log_gate_opens_once_and_counts_the_rest),
       T(t_log_every_writes_the_first_of_a_flood),
       T(t_sig_set_ignored_signal_does_not_end_the_process),
       T(t_sig_set_sigkill_is_einval),
       T(t_sig_set_handler_interrupts_a_read_with_eintr),
       T(t_sig_ignore_pipe_and_hup_makes_a_write_fail_with_epipe))
