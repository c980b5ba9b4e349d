#include "slotrun.h"

struct slotrun slotrun;

static void on_change(void *arg)
{
    (void)arg;
    slotrun.n_changes++;
}

int slotrun_setup(void **state)
{
    t_fds_save(state);
    memset(&slotrun, 0, sizeof(slotrun));
    slotfix_open();
    assert_int_equal(evloop_create(&slotrun.loop), 0);
    slotrun.cfg = (struct slots_config){.loop = slotrun.loop,
                                        .dir = slotfix_dir,
                                        .address = "127.0.0.1",
                                        .n = 4,
                                        .first_port = slotfix_port,
                                        .start_ms = 60000,
                                        .drain_ms = 60000,
                                        .check_ms = 20,
                                        .on_change = on_change};
    return 0;
}

int slotrun_teardown(void **state)
{
    slots_destroy(slotrun.slots);
    evloop_destroy(slotrun.loop);
    slotfix_close();
    return t_fds_check(state);
}

void slotrun_create(const char *script, const char *more)
{
    struct slot_modules *m;
    char err[CONF_ERR_MAX];
    const char *path =
        slotfix_write("modules.ini", "[module 20/1]\nrun = %s {address}:{port}\n%s",
                      script, more);

    assert_int_equal(slot_modules_create(&m, path, err), 0);
    assert_int_equal(slots_create(&slotrun.slots, &slotrun.cfg, m, err), 0);
}

void slotrun_create_again(const char *script, const char *more)
{
    slots_destroy(slotrun.slots);
    slotrun.slots = NULL;
    slotrun_create(script, more);
}

void slotrun_order(uint32_t slot, uint32_t cmdid)
{
    struct slot_order o = {slot, 20, cmdid};

    assert_int_equal(slots_order(slotrun.slots, slotrun.fence, &o, cmdid ? 1 : 0), 0);
}

const struct slot_status *slotrun_status(uint32_t slot)
{
    static const struct slot_status none;
    size_t i, n = slots_status(slotrun.slots, slotrun.at, SLOT_MAX);

    for (i = 0; i < n; i++)
        if (slotrun.at[i].slot == slot)
            return &slotrun.at[i];
    return &none;
}

bool slotrun_is(uint32_t slot, enum slot_state state)
{
    return slotrun_status(slot)->state == state;
}

bool slotrun_is_noted(uint32_t slot, const char *text)
{
    return strstr(slotrun_status(slot)->note, text) != NULL;
}

struct slots_stat slotrun_stat(void)
{
    struct slots_stat st;

    slots_stat(slotrun.slots, &st);
    return st;
}
