/* The loop runs in the thread of the test, so what was delivered needs no lock. */
#include "slotlink.h"

struct slotlink sl;

static void on_orders(uint64_t fence, const struct slot_order *o, size_t n, void *arg)
{
    assert_ptr_equal(arg, &sl);
    assert_true((o == NULL) == (n == 0));
    sl.fence = fence;
    sl.n = n;
    sl.n_lists++;
    sl.n_empty += n == 0;
    if (n > 0)
        memcpy(sl.order, o, n * sizeof(*o));
}

int slotlink_setup(void **state)
{
    int rc = system_setup(state);

    memset(&sl, 0, sizeof(sl));
    testdb_sql("DELETE FROM ScaleWanted; DELETE FROM ScaleHost; DELETE FROM ScaleSlot");
    return rc < 0 ? rc : evloop_create(&sl.loop);
}

int slotlink_teardown(void **state)
{
    slot_link_destroy(sl.link);
    evloop_destroy(sl.loop);
    sl.link = NULL;
    sl.loop = NULL;
    proc_kill(&sl.dnsd2);
    proc_kill(&sl.reportd2);
    return system_teardown(state);
}

static struct net_addr local(int port)
{
    struct net_addr a;

    assert_int_equal(net_addr_set(&a, "127.0.0.1", (uint16_t)port), 0);
    return a;
}

void slotlink_open(void)
{
    struct slot_link_config c = {.host = "web1",
                                 .zone = "\xe5\x8c\x97",
                                 .address = "127.0.0.1",
                                 .class = "big",
                                 .slots = 8};

    c.dns[c.n_dns++] = local(sys.dnsd.port);
    c.report[c.n_report++] = local(sys.reportd.port);
    if (sl.dnsd2.pid > 0)
        c.dns[c.n_dns++] = local(sl.dnsd2.port);
    if (sl.reportd2.pid > 0)
        c.report[c.n_report++] = local(sl.reportd2.port);
    assert_int_equal(slot_link_create(&sl.link, sl.loop, &c, on_orders, &sl), 0);
}

void slotlink_start(void)
{
    system_start_dnsd();
    system_start_reportd();
    slotlink_open();
}

void slotlink_start_second(void)
{
    proc_start(&sl.dnsd2, "lars-dnsd", "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(&sl.dnsd2, "lars-dnsd");
    proc_start(&sl.reportd2, "lars-reportd", "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(&sl.reportd2, "lars-reportd");
}

struct slot_link_stat slotlink_stat(void)
{
    struct slot_link_stat st;

    slot_link_stat(sl.link, &st);
    return st;
}

void slotlink_order(const char *host, unsigned slot, unsigned modid, unsigned fence)
{
    testdb_sqlf("REPLACE INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES "
                "('%s', %u, %u, 1, %u)",
                host, slot, modid, fence);
}

bool slotlink_has(size_t i, uint32_t slot, uint32_t modid)
{
    return i < sl.n && sl.order[i].slot == slot && sl.order[i].modid == modid &&
           sl.order[i].cmdid == 1;
}

struct slot_status slotlink_ready(uint32_t slot)
{
    struct slot_status s = {.slot = slot,
                            .modid = 20,
                            .cmdid = 1,
                            .port = 9000 + slot,
                            .pid = 77,
                            .state = SLOT_READY,
                            .starts = 1,
                            .since_ms = t_now_ms()};

    return s;
}

void slotlink_tell(const struct slot_status *s, size_t n)
{
    assert_int_equal(slot_link_tell(sl.link, s, n), 0);
}
