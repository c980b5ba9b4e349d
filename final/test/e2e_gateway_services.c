/* The services of Lars are gone, one after the other and in pairs, while visitors make
 * requests through a gateway: no request fails, and the gateway starts without them. */
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define PART 300 /* requests with each fault */
#define FAULT_MS 700 /* after 100 ms callers take an agent for dead */

static struct proc gateway;
static struct gateload load;

static int setup(void **state)
{
    memset(&gateway, 0, sizeof(gateway));
    memset(&load, 0, sizeof(load));
    return gatesys_setup(state);
}

static int teardown(void **state)
{
    if (load.port && !load.stop)
        gateload_stop(&load);
    proc_kill(&gateway);
    return gatesys_teardown(state);
}

/* --- what can be gone --------------------------------------------------------------- */

static void kill_dnsd(void)
{
    proc_kill(&sys.dnsd);
}

static void kill_reportd(void)
{
    proc_kill(&sys.reportd);
}

static void kill_agentd(void)
{
    proc_kill(&sys.agentd);
}

static const struct service {
    const char *name;
    void (*end)(void), (*start)(void);
} service[] = {{"database", testdb_stop, testdb_start},
               {"lars-dnsd", kill_dnsd, system_start_dnsd},
               {"lars-reportd", kill_reportd, system_start_reportd},
               {"lars-agentd", kill_agentd, system_start_agentd}};

#define N_SERVICES (int)(sizeof(service) / sizeof(service[0]))

static void make_requests(const char *without, const char *and)
{
    unsigned end = load.n_ok + PART;
    uint64_t end_ms = t_now_ms() + FAULT_MS;

    T_WAIT((load.n_ok > end && t_now_ms() >= end_ms) || load.n_failed);
    if (load.n_failed)
        fail_msg("without %s and %s a request failed: %s", without, and, load.failure);
}

static void begin(void)
{
    gatesys_start(&gateway, 0, "", "");
    gateload_start(&load, gateway.port, 20); /* new connections, too */
    make_requests("nothing", "nothing");
}

static void t_visitors_notice_nothing_without_one_of_the_services(void **state)
{
    int i;

    (void)state;
    begin();
    for (i = 0; i < N_SERVICES; i++) {
        service[i].end();
        make_requests(service[i].name, "nothing");
        service[i].start();
        make_requests("nothing", "nothing");
    }
    gateload_stop(&load);
}

/* A service that needs the database is started after it. */
static void t_visitors_notice_nothing_without_two_of_the_services(void **state)
{
    int i, k;

    (void)state;
    begin();
    for (i = 0; i < N_SERVICES; i++)
        for (k = i + 1; k < N_SERVICES; k++) {
            service[i].end();
            service[k].end();
            make_requests(service[i].name, service[k].name);
            service[i].start();
            service[k].start();
            make_requests("nothing", "nothing");
        }
    gateload_stop(&load);
}

static void t_a_gateway_starts_while_every_service_is_gone(void **state)
{
    (void)state;
    begin();
    gateload_stop(&load);
    proc_kill(&gateway);
    kill_agentd();
    kill_dnsd();
    kill_reportd();
    begin();
    gateload_stop(&load);
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(A(t_visitors_notice_nothing_without_one_of_the_services),
            A(t_visitors_notice_nothing_without_two_of_the_services),
            A(t_a_gateway_starts_while_every_service_is_gone))
