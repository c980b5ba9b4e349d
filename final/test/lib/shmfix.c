/* The segment is created as the agent creates it, in a folder of its own and in memory,
 * so that a test of shared memory needs no agent and no database. */
#include "shmfix.h"

#include "../fastdir.h"

char shmfix_dir[64];
struct segment *shmfix_seg;
struct route_writer *shmfix_writer;

void shmfix_open_agent(void)
{
    struct segment_config cfg = {shmfix_dir, SHMFIX_NODES, SHMFIX_MODULES};

    assert_int_equal(segment_create(&shmfix_seg, &cfg), 0);
    assert_int_equal(route_writer_create(&shmfix_writer, shmfix_seg), 0);
    segment_beat(shmfix_seg, mono_ms());
}

void shmfix_close_agent(void)
{
    route_writer_destroy(shmfix_writer);
    segment_close(shmfix_seg);
    shmfix_writer = NULL;
    shmfix_seg = NULL;
}

int shmfix_setup(void **state)
{
    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(shmfix_dir, sizeof(shmfix_dir), "%s/lars_e2e_shm_XXXXXX", fastdir());
    if (!mkdtemp(shmfix_dir)) {
        print_error("cannot create the folder %s: %s\n", shmfix_dir, strerror(errno));
        return -1;
    }
    shmfix_open_agent();
    return 0;
}

int shmfix_teardown(void **state)
{
    shmfix_close_agent();
    segment_remove(shmfix_dir);
    return t_fds_check(state);
}

int64_t shmfix_publish(uint32_t cmdid, uint32_t from, uint32_t n)
{
    struct route_writer_node *node = calloc(n + 1, sizeof(*node));
    int64_t mid;
    uint32_t i;

    for (i = 0; i < n; i++) {
        node[i].addr = (struct net_addr){.family = AF_INET, .port = 80};
        node[i].addr.ip[0] = 10;
        node[i].addr.ip[1] = (uint8_t)((from + i) >> 8);
        node[i].addr.ip[2] = (uint8_t)cmdid;
        node[i].addr.ip[3] = (uint8_t)(from + i);
        node[i].weight = 100;
    }
    mid = route_writer_nodes(shmfix_writer, 1, cmdid, node, n, 1000 * 256);
    free(node);
    if (mid >= 0) {
        struct module_table_settings set = {.eject_after = 3,
                                            .demand = PICK_DEMAND_PRESET,
                                            .own_max = PICK_FULL,
                                            .timeout_ms = 30000,
                                            .penalty_us = 20000};

        module_table_set(shmfix_seg, (uint32_t)mid, &set);
    }
    return mid;
}
