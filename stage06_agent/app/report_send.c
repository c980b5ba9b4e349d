/* report_send -- plays an agent: reports the growing totals of one node in rounds.
 *     build/report_send MODID CMDID NODE:PORT [-p PORT] [-a ADDRESS] [-s SUCC] [-e ERR]
 *                       [-n ROUNDS] [-i MS]
 * Each round adds SUCC and ERR to the totals and sends them.  When
 * lars-reportd is killed and started again meanwhile, the next totals include the reports
 * that were lost. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/sig.h"
#include "net/tcpcli.h"
#include "proto/msg_report.h"

static struct {
    struct tcpcli *cli;
    struct evloop *loop;
    struct evtimer timer;
    struct msg_report rep;
    struct msg_result res;
    uint32_t succ, err, round, rounds, gap_ms;
} me = {.succ = 1, .rounds = 1, .gap_ms = 1000};

static void on_round(void *arg)
{
    char body[200];
    ssize_t n;
    int rc;

    (void)arg;
    if (me.round == me.rounds) {
        tcpcli_finish(me.cli);
        return;
    }
    me.round++;
    me.res.succ += me.succ;
    me.res.err += me.err;
    me.rep.ts = (uint32_t)time(NULL);
    n = msg_report_pack(&me.rep, &me.res, 1, body, sizeof(body));
    rc = n < 0 ? (int)n : tcpcli_send(me.cli, MSG_REPORT_STATUS, body, (size_t)n);
    printf("round %u: succ=%u err=%u %s\n", me.round, me.res.succ, me.res.err,
           rc == 0 ? "sent" : err_str(rc));
    fflush(stdout);
    evloop_set_timer(me.loop, &me.timer, me.round == me.rounds ? 0 : me.gap_ms, on_round,
                     NULL);
}

static void on_up(struct tcpcli *c, void *arg)
{
    (void)c;
    (void)arg;
    if (!evtimer_is_armed(&me.timer))
        on_round(NULL);               /* the first round */
}

static void on_down(struct tcpcli *c, void *arg)
{
    (void)c;
    (void)arg;
    if (me.round == me.rounds)
        evloop_stop(me.loop);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: report_send MODID CMDID NODE:PORT [-p PORT] [-a ADDRESS] [-s SUCC]\n"
            "                   [-e ERR] [-n ROUNDS] [-i MS]\n");
    return 2;
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

/* Read the command line.  Returns 0, or 2 after usage(). */
static int configure(int argc, char **argv, struct net_addr *to)
{
    struct net_addr node;
    const char *ip = "127.0.0.1";
    int opt, port = 7779;

    while ((opt = getopt(argc, argv, "p:a:s:e:n:i:")) != -1) {
        if (opt == 'p')
            port = net_addr_parse_port(optarg);
        else if (opt == 'a')
            ip = optarg;
        else if (opt == '?')
            return usage();
        else
            *(opt == 's'   ? &me.succ
              : opt == 'e' ? &me.err
              : opt == 'n' ? &me.rounds
                           : &me.gap_ms) = number(optarg);
    }
    if (argc - optind != 3 || port < 1 || net_addr_set(to, ip, (uint16_t)port) < 0 ||
        net_addr_parse(&node, argv[optind + 2]) < 0 || node.family != AF_INET ||
        node.port == 0 || me.rounds < 1)
        return usage();
    me.rep.mod = (struct module_id){number(argv[optind]), number(argv[optind + 1])};
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
    int rc = configure(argc, argv, &cfg.to[0]);

    if (rc != 0)
        return rc;
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = dispatch_create(&d);     /* empty: the service sends nothing */
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
