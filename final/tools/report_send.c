/* report_send -- plays an agent: reports the running totals of one node, again and again.
 * `report_send --help` explains the options.
 *
 * Totals, not differences, are sent: when lars-reportd is killed in between and started
 * again, the next total holds what was lost on the way. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/opts.h"
#include "base/sig.h"
#include "net/tcpcli.h"
#include "proto/msg_report.h"

static struct {
    struct tcpcli *cli;
    struct evloop *loop;
    struct evtimer timer;
    struct msg_report rep;
    struct msg_result res;
    uint32_t round;
} me;

static struct settings {
    char address[48];
    uint32_t port, succ, err, rounds, gap_ms;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "the address of the Report Service"},
    {"", "port", CONF_U32, AT(port), 1, 65535, "7779",
     "the TCP port of the Report Service"},
    {"", "succ", CONF_U32, AT(succ), 0, 1000000000, "1", "successes of a round"},
    {"", "err", CONF_U32, AT(err), 0, 1000000000, "0", "failures of a round"},
    {"", "rounds", CONF_U32, AT(rounds), 1, 1000000000, "1", "how many reports to send"},
    {"", "gap_ms", CONF_U32, AT(gap_ms), 0, 3600000, "1000", "ms between two reports"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'a', "address", "ADDRESS", "", "address", NULL,
     "The address of the Report Service."},
    {'p', "port", "PORT", "", "port", NULL, "The TCP port of the Report Service."},
    {'s', "succ", "N", "", "succ", NULL, "Add N successes to the totals in each round."},
    {'e', "err", "N", "", "err", NULL, "Add N failures to the totals in each round."},
    {'n', "rounds", "N", "", "rounds", NULL, "Send N reports."},
    {'i', "gap-ms", "MS", "", "gap_ms", NULL,
     "Wait this many milliseconds between two reports."},
    {0}};

static const struct opts_program program = {
    .name = "report_send",
    .summary = "plays an agent: reports the running totals of one node to the Report "
               "Service",
    .operands = "MODID CMDID NODE:PORT",
    .min = 3,
    .max = 3,
    .about =
        "NODE is an IPv4 address. Each round adds to the totals and sends them; what was "
        "lost on the way is in the next total.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS};

static void on_round(void *arg)
{
    char body[200];
    ssize_t n;
    int rc;

    (void)arg;
    if (me.round == set.rounds) {
        tcpcli_finish(me.cli);
        return;
    }
    me.round++;
    me.res.succ += set.succ;
    me.res.err += set.err;
    me.rep.ts = (uint32_t)time(NULL);
    n = msg_report_pack(&me.rep, &me.res, 1, body, sizeof(body));
    rc = n < 0 ? (int)n : tcpcli_send(me.cli, MSG_REPORT_STATUS, body, (size_t)n);
    printf("round %u: succ=%u err=%u %s\n", me.round, me.res.succ, me.res.err,
           rc == 0 ? "sent" : err_str(rc));
    fflush(stdout);
    evloop_set_timer(me.loop, &me.timer, me.round == set.rounds ? 0 : set.gap_ms,
                     on_round, NULL);
}

static void on_up(struct tcpcli *c, void *arg)
{
    (void)c;
    (void)arg;
    if (!evtimer_is_armed(&me.timer))
        on_round(NULL);               /* the first */
}

static void on_down(struct tcpcli *c, void *arg)
{
    (void)c;
    (void)arg;
    if (me.round == set.rounds)
        evloop_stop(me.loop);
}

/* The operands.  Returns 0; 2 after a line on standard error. */
static int take_operands(char **operand, struct net_addr *to)
{
    struct net_addr node;
    int rc;

    if (net_addr_set(to, set.address, (uint16_t)set.port) < 0) {
        fprintf(stderr, "report_send: option -a: \"%s\" is not an address\n",
                set.address);
        return 2;
    }
    if (net_addr_parse(&node, operand[2]) < 0 || node.family != AF_INET ||
        node.port == 0) {
        fprintf(stderr, "report_send: \"%s\" is not NODE:PORT, such as 10.0.0.1:80\n",
                operand[2]);
        return 2;
    }
    rc = opts_operand_u32(&program, "MODID", operand[0], UINT32_MAX, &me.rep.mod.modid);
    if (rc == 0)
        rc = opts_operand_u32(&program, "CMDID", operand[1], UINT32_MAX,
                              &me.rep.mod.cmdid);
    if (rc != 0)
        return rc;
    me.rep.caller = INADDR_LOOPBACK;
    me.res = (struct msg_result){.port = node.port};
    me.res.ip = (uint32_t)node.ip[0] << 24 | (uint32_t)node.ip[1] << 16 |
                (uint32_t)node.ip[2] << 8 | node.ip[3];
    return 0;
}

int main(int argc, char **argv)
{
    struct tcpcli_config cfg = {.n_to = 1, .on_up = on_up, .on_down = on_down};
    struct dispatch *d = NULL;
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    rc = take_operands(argv + optind, &cfg.to[0]);
    if (rc != 0)
        return rc;
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = dispatch_create(&d);     /* the Report Service sends nothing */
    cfg.dispatch = d;
    if (rc == 0)
        rc = evloop_create(&me.loop);
    if (rc == 0)
        rc = tcpcli_create(&me.cli, me.loop, &cfg);
    if (rc == 0)
        rc = evloop_run(me.loop);
    tcpcli_destroy(me.cli);
    if (me.loop)
        evloop_clear_timer(me.loop, &me.timer);
    evloop_destroy(me.loop);
    dispatch_destroy(d);
    if (rc < 0)
        fprintf(stderr, "report_send: %s (%s)\n", err_text(rc), err_str(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
