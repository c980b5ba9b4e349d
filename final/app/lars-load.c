/* lars-load -- a load for an HTTP server that does not wait for it: requests at a rate,
 * visits of people, or an access log played faster.  `lars-load --help` explains the
 * options.
 *
 * It prints a line a second and a summary, and tells by its exit code whether the server
 * has kept to --max-error-percent and --max-p99-ms.  A server that is not on this host is
 * refused without --for-real, because a typing error must not load a site in service. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd_limit.h"
#include "base/opts.h"
#include "base/sig.h"
#include "load/play.h"
#include "load/target.h"
#include "net/evsig.h"

#define DESCRIPTORS 64 /* besides those of the connections */

static struct settings {
    char url[300], host[256], paths[400], access_log[400], step[400], arrivals[12];
    char json[400], max_error_percent[16];
    uint32_t rate, seconds, pages, pause_s, pictures, speed, seed, timeout_ms;
    uint32_t connections, queue, max_p99_ms;
} set;
static bool visits_wanted, for_real;

#define AT(field) offsetof(struct settings, field)
#define TEXT(field, preset, help)                                                        \
    {                                                                                    \
        "load", #field, CONF_TEXT, AT(field), 0, sizeof(set.field), preset, help         \
    }
#define U32(field, min, max, preset, help)                                               \
    {                                                                                    \
        "load", #field, CONF_U32, AT(field), min, max, preset, help                      \
    }
static const struct conf_key keys[] = {
    TEXT(url, "http://127.0.0.1:8080/",
         "what is loaded: http://ADDRESS:PORT/PATH; ADDRESS is numeric or localhost"),
    TEXT(host, "", "the field Host of the requests; empty: as in the URL"),
    U32(rate, 1, 100000, "200", "requests a second, also of visits, before any step"),
    U32(seconds, 1, 86400, "30", "how long requests begin; an access log may end before"),
    TEXT(step, "",
         "the rate during the run, as AT=FACTOR,...: 10=8,40=1 is eight times "
         "the rate from second 10 on, and the rate from second 40 on"),
    TEXT(arrivals, "poisson",
         "poisson: independent of each other, as people are; fixed: at equal distances"),
    U32(seed, 0, UINT32_MAX, "1", "the same number gives the same load again"),
    TEXT(paths, "", "a file with a path in each line; empty: the path of the URL"),
    U32(pages, 1, 50, "5", "mean number of pages of a visit"),
    U32(pause_s, 1, 600, "8", "mean seconds between two pages of a visit"),
    U32(pictures, 0, 50, "4", "pictures, styles and scripts of each page of a visit"),
    TEXT(access_log, "",
         "an access log of lars-gateway that is played instead of the rate"),
    U32(speed, 1, 1000, "1", "how many times faster the access log is played"),
    U32(timeout_ms, 1, 600000, "10000", "ms that a response may take"),
    U32(connections, 1, PLAY_CONNECTIONS_MAX, "256", "connections at once, at most"),
    U32(queue, 0, PLAY_QUEUE_MAX, "10000",
        "requests that wait for a connection, at most; further ones fail: no room"),
    TEXT(max_error_percent, "1", "exit code 1 when more percent of the requests fail"),
    U32(max_p99_ms, 0, 3600000, "0",
        "exit code 1 when the 99th percentile is above so many ms; 0: never"),
    TEXT(json, "", "write the figures of each second and of all to this file"),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

#define FLAG(letter, name, arg, key, help)                                               \
    {                                                                                    \
        letter, name, arg, "load", key, NULL, help, NULL                                 \
    }
static const struct opts_flag flags[] = {
    FLAG('u', "url", "URL", "url", "Load this server."),
    FLAG('H', "host", "NAME", "host", "Send this name in the field Host."),
    FLAG('r', "rate", "REQUESTS", "rate", "Send so many requests a second on average."),
    FLAG('s', "seconds", "SECONDS", "seconds", "End after so many seconds."),
    FLAG('f', "step", "AT=FACTOR,...", "step",
         "From second AT on, send FACTOR times the rate."),
    FLAG('A', "arrivals", "KIND", "arrivals",
         "Let requests or visits arrive as poisson or fixed."),
    FLAG('S', "seed", "NUMBER", "seed", "Repeat the load of this number."),
    FLAG('p', "paths", "FILE", "paths", "Request the paths of this file in turn."),
    {'v', "visits", NULL, NULL, NULL, NULL,
     "Play visits: the first page of the paths, then others after pauses, each with "
     "pictures.",
     &visits_wanted},
    FLAG('P', "pages", "NUMBER", "pages", "Let a visit have so many pages on average."),
    FLAG('w', "pause", "SECONDS", "pause_s",
         "Let so many seconds pass between two pages, on average."),
    FLAG('i', "pictures", "NUMBER", "pictures", "Request so many pictures with a page."),
    FLAG('a', "access-log", "FILE", "access_log",
         "Play this access log of lars-gateway, with its distances in time."),
    FLAG('x', "speed", "FACTOR", "speed", "Play it so many times faster."),
    FLAG('t', "timeout-ms", "MS", "timeout_ms", "Give up a response after so long."),
    FLAG('n', "connections", "NUMBER", "connections", "Use so many connections at most."),
    FLAG('q', "queue", "NUMBER", "queue",
         "Let so many requests wait for a connection at most."),
    FLAG('E', "max-error-percent", "PERCENT", "max_error_percent",
         "Exit with 1 when more requests fail."),
    FLAG('M', "max-p99-ms", "MS", "max_p99_ms", "Exit with 1 when the p99 is above."),
    FLAG('j', "json", "FILE", "json", "Write the figures to this file, too."),
    {'R', "for-real", NULL, NULL, NULL, NULL,
     "Load a server that is not on this host, too.", &for_real},
    {0}};

static struct target target;
static struct arrivals_plan plan;
static double max_error_percent;

static const char *wrong_step(const char *text)
{
    char copy[sizeof(set.step)], *p = copy, *one;

    snprintf(copy, sizeof(copy), "%s", text);
    while ((one = strsep(&p, ",")) != NULL && (one[0] || p))
        if (arrivals_add_step(&plan, one) < 0)
            return "--step must be AT=FACTOR,... such as 10=8,40=1: seconds that do not "
                   "go back, factors from 0 to 1000, 32 at most";
    return NULL;
}

static const char *wrong_value(const struct settings *s)
{
    char *end;
    const char *why = target_parse(&target, s->url);

    if (why)
        return why;
    if (!target_is_loopback(&target) && !for_real)
        return "the server of --url is not on this host; give --for-real if it shall be "
               "loaded";
    if (strcmp(s->arrivals, "poisson") != 0 && strcmp(s->arrivals, "fixed") != 0)
        return "--arrivals must be poisson or fixed";
    max_error_percent = strtod(s->max_error_percent, &end);
    if (end == s->max_error_percent || *end || !(max_error_percent >= 0) ||
        !(max_error_percent <= 100))
        return "--max-error-percent must be a number from 0 to 100, such as 0.5";
    if (s->access_log[0] && (s->paths[0] || s->step[0] || visits_wanted))
        return "an access log has its own paths and rate: leave --paths, --step and "
               "--visits out";
    if (!target_is_host(s->host))
        return "--host must be a name or an address, with a port or without";
    return wrong_step(s->step);
}

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const char *why;

    plan = (struct arrivals_plan){0};
    why = wrong_value(values);
    if (!why)
        return 0;
    snprintf(err, CONF_ERR_MAX, "%s", why);
    return -EINVAL;
}

static const char *const files[] = {"$LARS_LOAD", "/etc/lars/lars-load.ini", NULL};
static const struct opts_program program = {
    .name = "lars-load",
    .summary = "a load for an HTTP server that does not wait for it",
    .operands = "",
    .about =
        "Requests begin at times that are fixed before the run, and latency counts from "
        "these times: a server that stops gets no smaller load, and the requests that "
        "wait because of it have waited. A line each second has the requests that were "
        "due, ok (200 to 399) and failed, and the latency of the second.\n"
        "\"generator late\" in a line means that lars-load itself did not keep up: the "
        "figures of that second say nothing about the server.",
    .flags = flags,
    .keys = keys,
    .files = files,
    .exits = "0 The server has kept to the limits.\n"
             "1 It has not, or the load could not be made; the output has the reason.\n"
             "2 An option, an argument or the configuration is wrong.\n",
    .check = check_settings};

static struct {
    struct evloop *loop;
    struct evsig *sig;
    struct visits *visits;
    struct play *play;
    struct figures all;
    json_t *seconds; /* NULL = not wanted */
} me;

/* --- output ------------------------------------------------------------------------- */

static json_t *json_of(const struct figures *f)
{
    json_t *errors = json_object(), *status = json_object();
    char name[8];
    unsigned i;

    for (i = 0; i < FIGURES_ERRORS; i++)
        json_object_set_new(errors, figures_error_name(i),
                            json_integer((json_int_t)f->error[i]));
    for (i = 1; i < 6; i++) {
        snprintf(name, sizeof(name), "%uxx", i);
        json_object_set_new(status, name, json_integer((json_int_t)f->status[i]));
    }
    return json_pack("{sI sI sI sI sI sI sI sI so so}", "due", (json_int_t)f->scheduled,
                     "ok", (json_int_t)f->ok, "failed", (json_int_t)figures_failed(f),
                     "waiting_page", (json_int_t)f->waiting, "p50_us",
                     (json_int_t)figures_p_us(f, 0.5), "p99_us",
                     (json_int_t)figures_p_us(f, 0.99), "generator_late",
                     (json_int_t)f->late, "generator_late_max_us",
                     (json_int_t)f->late_max_us, "errors", errors, "status", status);
}

static int write_json(void)
{
    json_t *all = json_pack("{so so}", "all", json_of(&me.all), "seconds", me.seconds);
    int rc = all ? json_dump_file(all, set.json, JSON_INDENT(1)) : -1;

    me.seconds = NULL;
    json_decref(all);
    if (rc != 0)
        fprintf(stderr, "lars-load: %s cannot be written: %s; name another file\n",
                set.json, err_text(-errno));
    return rc;
}

static void on_second(unsigned k, const struct figures *f, unsigned in_progress,
                      void *arg)
{
    (void)arg;
    figures_add(&me.all, f);
    if (figures_done(f) + f->scheduled > 0 || in_progress > 0) {
        printf("%5u s  ", k + 1);
        figures_print(f, stdout);
        printf("  in progress %u\n", in_progress);
        fflush(stdout);
    }
    if (me.seconds)
        json_array_append_new(me.seconds, json_of(f));
}

/* Returns whether the server has kept to the limits. */
static bool print_summary(void)
{
    const struct figures *f = &me.all;
    double percent =
        f->scheduled ? 100.0 * (double)figures_failed(f) / (double)f->scheduled : 0;
    bool fine = f->scheduled > 0;

    printf("all      ");
    figures_print(f, stdout);
    putchar('\n');
    if (f->scheduled == 0)
        puts("no request was due: the access log is empty, or the run was stopped");
    if (percent > max_error_percent) {
        printf("%.2f %% of the requests failed, and at most %g %% may\n", percent,
               max_error_percent);
        fine = false;
    }
    if (set.max_p99_ms && figures_p_us(f, 0.99) > set.max_p99_ms * 1000ull) {
        printf("the p99 is above %u ms\n", set.max_p99_ms);
        fine = false;
    }
    if (f->late * 100 > f->scheduled)
        puts("lars-load was late with more than 1 % of the requests: use a lower rate, "
             "a host with free processors, or several of it");
    if (visits_n_skipped(me.visits))
        printf("%llu visits did not begin, because too many were not over\n",
               (unsigned long long)visits_n_skipped(me.visits));
    return fine;
}

/* --- the run ------------------------------------------------------------------------ */

static void on_end(void *arg)
{
    (void)arg;
    evloop_stop(me.loop);
}

static void on_signal(int signo, void *arg)
{
    (void)signo;
    (void)arg;
    play_stop(me.play);
}

static int open_log(char err[PATH_LIST_ERR])
{
    struct log_replay log = {0};
    int rc = log_replay_read(&log, set.access_log, err);

    if (rc < 0) {
        log_replay_free(&log);
        return rc;
    }
    if (log.n_skipped)
        printf("%llu lines of %s are no GET or cannot be read, and are left out\n",
               (unsigned long long)log.n_skipped, set.access_log);
    return visits_create_log(&me.visits, &log, set.speed);
}

static int open_visits(char err[PATH_LIST_ERR])
{
    const struct visits_model model = {set.pages, set.pause_s, set.pictures};
    struct path_list list = {0};
    int rc;

    if (set.access_log[0])
        return open_log(err);
    plan.kind = strcmp(set.arrivals, "fixed") == 0 ? ARRIVALS_FIXED : ARRIVALS_POISSON;
    plan.per_s = set.rate;
    plan.seed = set.seed;
    rc = set.paths[0] ? path_list_read(&list, set.paths, err)
                      : path_list_add(&list, target.path);
    if (rc < 0) {
        path_list_free(&list);
        return rc;
    }
    return visits_wanted ? visits_create_model(&me.visits, &list, &plan, &model)
                         : visits_create_paths(&me.visits, &list, &plan);
}

static int start(char err[PATH_LIST_ERR])
{
    static const struct play_owner owner = {on_second, on_end};
    struct play_plan p = {.to = target.to,
                          .host = set.host[0] ? set.host : target.host,
                          .duration_us = set.seconds * 1000000ull,
                          .timeout_ms = set.timeout_ms,
                          .connections = set.connections,
                          .queue = set.queue};
    uint64_t most = fd_limit_raise();
    int rc;

    if (set.connections + DESCRIPTORS > most) {
        snprintf(err, PATH_LIST_ERR,
                 "%u connections need more descriptors than the %llu that the system "
                 "allows; raise them with ulimit -n, or use fewer connections",
                 set.connections, (unsigned long long)most);
        return -EMFILE;
    }
    rc = open_visits(err);
    p.visits = me.visits;
    if (rc == 0)
        rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = evloop_create(&me.loop);
    if (rc == 0)
        rc = evsig_create(&me.sig, me.loop, on_signal, NULL);
    if (rc == 0)
        rc = play_create(&me.play, me.loop, &p, &owner, NULL);
    return rc;
}

int main(int argc, char **argv)
{
    char err[PATH_LIST_ERR] = "";
    bool fine = false;
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    if (set.json[0])
        me.seconds = json_array();
    rc = start(err);
    if (rc == 0)
        rc = evloop_run(me.loop);
    if (rc == 0)
        fine = print_summary();
    else
        fprintf(stderr, "lars-load: %s\n", err[0] ? err : err_text(rc));
    if (rc == 0 && me.seconds && write_json() != 0)
        fine = false;
    json_decref(me.seconds);
    play_destroy(me.play);
    visits_destroy(me.visits);
    evsig_destroy(me.sig);
    evloop_destroy(me.loop);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
