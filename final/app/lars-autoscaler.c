/* lars-autoscaler -- decides how many nodes of each module run in each zone, and sees
 * that they do.  `lars-autoscaler --help` explains the options.
 *
 * This file is the configuration table and the order in which the parts start and
 * stop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log_sink.h"
#include "base/opts.h"
#include "db/dbconf.h"
#include "fleet/gateway_list.h"
#include "obs/daemon.h"
#include "obs/startcheck.h"
#include "scale/autoscaler_metrics.h"

#define LIST_MS 2000 /* between two lists of a module in a zone */
#define AGAIN_MS 10000 /* until `scale` is repeated, while another number runs */
#define STARTED "started\n"

static struct settings {
    char gateways[2000], key_file[200];
    uint32_t pull_ms, round_ms, lease_s, track_s;
    struct decide_pace pace;
    char exec[200], zones[600], front[200];
    uint32_t timeout_ms;
    uint32_t front_busy, front_busy_s, front_calm, front_start_s, front_drain_s;
    struct dbconf db;
    char http[64], log[LOGLEVEL_MAX];
    uint32_t unhealthy_s;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"autoscaler", "gateways", CONF_TEXT, AT(gateways), 0, sizeof(set.gateways), "",
     "the admin ports of all gateways, ADDRESS:PORT, ADDRESS:PORT ...; empty: only what "
     "agents report counts as demand"},
    {"autoscaler", "key_file", CONF_TEXT, AT(key_file), 0, sizeof(set.key_file), "",
     "the keys that sign questions to gateways: their [gateway] key_file; it is needed "
     "when there are gateways"},
    {"autoscaler", "pull_ms", CONF_U32, AT(pull_ms), 100, 1000, "500",
     "ms between two questions to a gateway"},
    {"autoscaler", "round_ms", CONF_U32, AT(round_ms), 100, 5000, "1000",
     "ms between two decisions"},
    {"autoscaler", "lease_s", CONF_U32, AT(lease_s), 3, 60, "10",
     "seconds after which another lars-autoscaler decides when this one does not, the "
     "same at all of them"},
    {"autoscaler", "down_window_s", CONF_U32, AT(pace.window_s), 1, 86400, "900",
     "seconds whose highest load decides whether nodes are taken away"},
    {"autoscaler", "down_hold_s", CONF_U32, AT(pace.hold_s), 1, 86400, "300",
     "seconds in which nothing is taken away: after a crowd, after a change of the "
     "leader, after a zone came back"},
    {"autoscaler", "down_every_s", CONF_U32, AT(pace.every_s), 1, 86400, "60",
     "seconds between two steps that take nodes away"},
    {"autoscaler", "track_s", CONF_U32, AT(track_s), 0, 3600, "60",
     "seconds between two looks at the response times of nodes, which lower the capacity "
     "that counts when nodes are slower than measured; 0: none"},
    {"hook", "exec", CONF_TEXT, AT(exec), 0, sizeof(set.exec), "",
     "the absolute path of the program that runs the nodes of modules whose actuator is "
     "exec; empty: such modules are not scaled"},
    {"hook", "zones", CONF_TEXT, AT(zones), 0, sizeof(set.zones), "",
     "the zones in which it runs them: a, b ...; needed with exec"},
    {"hook", "front", CONF_TEXT, AT(front), 0, sizeof(set.front), "",
     "the absolute path of the program that starts, announces and withdraws gateways "
     "(larsctl front add); empty: operators do it"},
    {"hook", "timeout_ms", CONF_U32, AT(timeout_ms), 100, 600000, "30000",
     "ms after which such a program gets SIGTERM; SIGKILL follows 5 s later"},
    {"front", "busy_percent", CONF_U32, AT(front_busy), 1, 100, "70",
     "a further gateway is started when the loops of all gateways are busier than this, "
     "of the loops that they may have"},
    {"front", "busy_s", CONF_U32, AT(front_busy_s), 1, 3600, "10", "for so many seconds"},
    {"front", "calm_percent", CONF_U32, AT(front_calm), 0, 99, "45",
     "one is withdrawn when those that stay would be less busy than this, for "
     "[autoscaler] down_window_s; 0: never"},
    {"front", "start_s", CONF_U32, AT(front_start_s), 1, 3600, "120",
     "seconds in which a gateway must be ready, and then be seen from outside; else "
     "another host is tried"},
    {"front", "drain_s", CONF_U32, AT(front_drain_s), 0, 3600, "60",
     "seconds for which a gateway that was withdrawn is still asked for its demand, "
     "until it is standby"},
    DBCONF_KEYS(AT(db)),
    {"http", "listen", CONF_TEXT, AT(http), 0, sizeof(set.http), "",
     "ADDRESS:PORT of /metrics, /healthz and /log-level; empty: no such port"},
    {"http", "unhealthy_s", CONF_U32, AT(unhealthy_s), 1, 86400, "10",
     "seconds that rounds must have failed before /healthz answers 503"},
    LOGLEVEL_KEY(AT(log)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'s', "socket", "PATH", "db", "socket", NULL,
     "Connect to the database through this Unix socket.", NULL},
    {0}};

/* Returns what is wrong, or NULL. */
static const char *wrong_hook(const struct settings *s)
{
    char zones[ZONES_MAX][SNAPSHOT_ZONE];

    if (s->front[0] && s->front[0] != '/')
        return "[hook] front must be an absolute path, because there is no PATH to "
               "search";
    if (s->front_calm >= s->front_busy)
        return "[front] calm_percent must be less than busy_percent, or gateways would "
               "come and go";
    if (!s->exec[0])
        return NULL;
    if (s->exec[0] != '/')
        return "[hook] exec must be an absolute path, because there is no PATH to search";
    if (exec_modules_parse_zones(s->zones, zones) < 0)
        return "[hook] zones must be one to 32 names of zones, each once, of letters, "
               "digits, '.', '_' and '-', such as: a, b";
    return NULL;
}

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct gateway_list list;
    const char *why = NULL;

    if (gateway_list_parse(&list, s->gateways) < 0)
        why = "[autoscaler] gateways must be a list of ADDRESS:PORT, each once, such as "
              "127.0.0.1:9890, 127.0.0.2:9890";
    else if (list.n > 0 && !s->key_file[0])
        why = "[autoscaler] key_file is needed, because gateways answer signed questions "
              "only: it is their [gateway] key_file";
    else if (s->round_ms * 2 > s->lease_s * 1000)
        why = "[autoscaler] round_ms must not be more than half of lease_s, in which the "
              "lease is renewed";
    else if ((why = wrong_hook(s)) != NULL)
        ;
    else if ((why = daemon_wrong_value(s->http, s->log, NULL)) == NULL)
        why = dbconf_wrong_value(&s->db);
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    return why ? -EINVAL : 0;
}

static int try_start(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct fleet_keys *k = NULL;
    int rc = fleet_keys_create(&k, s->key_file, "[autoscaler] key_file", err);

    fleet_keys_destroy(k);
    return rc < 0 ? rc : startcheck_http(s->http, err);
}

static const struct opts_program program = {
    .name = "lars-autoscaler",
    .summary = "Autoscaler of Lars: decides how many nodes of each module run in each "
               "zone, and has them started and stopped",
    .operands = "",
    .about =
        "The program prints \"started\" when it works.  Of all processes of a "
        "database one has the lease at a time and decides; the others stand by.  It "
        "scales the modules of the table ScalePolicy (larsctl scale set).  SIGTERM "
        "and SIGINT (Ctrl-C) end it, and another one decides at once; nodes go on as "
        "they are.  SIGUSR1 makes its log more verbose by one level and SIGUSR2 "
        "less; SIGHUP and SIGPIPE are ignored.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS,
    .check = check_settings,
    .try_start = try_start};

static struct {
    struct daemon d;
    struct fleet_keys *keys;
    struct demand *demand;
    struct hook *hook;
    struct exec_modules *exec;
    struct front *front;
    struct rounds *rounds;
    struct httpd *http;
} me;

/* Print what is wrong with the configuration on standard error.  Returns <rc>. */
static int refused(int rc, const char *err)
{
    fprintf(stderr, "lars-autoscaler: %s\n", err);
    return rc;
}

static int start_demand(void)
{
    struct demand_config c = {.gateways = set.gateways, .pull_ms = set.pull_ms,
                              .nodes_ms = set.track_s * 1000};
    char err[CONF_ERR_MAX];
    int rc = fleet_keys_create(&me.keys, set.key_file, "[autoscaler] key_file", err);

    if (rc < 0)
        return refused(rc, err);
    c.keys = me.keys;
    rc = demand_start(&me.demand, &c, err);
    return rc < 0 ? refused(rc, err) : 0;
}

static int start_hook(void)
{
    const struct hook_config c = {.program = set.exec,
                                  .timeout_ms = set.timeout_ms,
                                  .list_ms = LIST_MS,
                                  .again_ms = AGAIN_MS,
                                  .order_ms = set.lease_s * 1000};
    int rc = set.exec[0] ? hook_start(&me.hook, &c) : 0;

    if (rc == 0 && me.hook)
        rc = exec_modules_create(&me.exec, me.hook, set.zones);
    return rc;
}

static int start_front(void)
{
    const struct front_config c = {.program = set.front,
                                   .timeout_ms = set.timeout_ms,
                                   .demand = me.demand,
                                   .life = {.busy = set.front_busy / 100.0,
                                            .calm = set.front_calm / 100.0,
                                            .busy_ms = set.front_busy_s * 1000ull,
                                            .calm_ms = set.pace.window_s * 1000ull,
                                            .start_ms = set.front_start_s * 1000ull,
                                            .drain_ms = set.front_drain_s * 1000ull,
                                            .hold_ms = set.pace.hold_s * 1000ull}};

    return front_create(&me.front, &c);
}

static int start_rounds(void)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    const struct rounds_config c = {.round_ms = set.round_ms,
                                    .lease_s = set.lease_s,
                                    .pace = set.pace,
                                    .look = demand_look,
                                    .demand = me.demand,
                                    .exec = me.exec,
                                    .track = set.track_s > 0,
                                    .front = me.front};
    struct scale_db *db;
    int rc = scale_db_create(&db, &mc);

    return rc < 0 ? rc : rounds_start(&me.rounds, db, &c);
}

/* Returns 0, or -errno after a line on standard error. */
static int start(void)
{
    struct autoscaler_metrics parts = {.unhealthy_ms = set.unhealthy_s * 1000ull};
    int rc = daemon_init(&me.d, "lars-autoscaler", set.log);

    if (rc == 0)
        rc = start_demand();
    if (rc < 0)
        return rc;
    rc = start_hook();
    if (rc == 0)
        rc = start_front();
    if (rc == 0)
        rc = start_rounds();
    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot start a thread");
    parts.rounds = me.rounds;
    parts.demand = me.demand;
    parts.hook = me.hook;
    rc = autoscaler_metrics_serve(&me.http, me.d.loop, set.http, &parts);
    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot open the HTTP port, [http] listen");
    log_sink_write(STDOUT_FILENO, STARTED, strlen(STARTED));
    return 0;
}

static void stop(void)
{
    httpd_destroy(me.http);
    rounds_stop(me.rounds);
    front_destroy(me.front);
    exec_modules_destroy(me.exec);
    hook_stop(me.hook);
    demand_stop(me.demand);
    fleet_keys_destroy(me.keys);
    daemon_fini(&me.d);
}

int main(int argc, char **argv)
{
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    if (myconn_init() < 0) {
        fputs("lars-autoscaler: cannot initialize the client library of the database\n",
              stderr);
        return EXIT_FAILURE;
    }
    rc = start();
    if (rc == 0)
        rc = daemon_run(&me.d);
    stop();
    myconn_fini();
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
